/* libFuzzer on the readback of rules: whatever stands in a message, comparing it with a rule of
 * ours ends, reads nothing outside, and calls it equal only when every expression is. The first
 * byte picks the rule; the second says whether the rest are attributes as they are, or changes
 * (place, bits) to the rule's own message. */
#include "net/nft_compare_rule.c"

#include "../unit/net/rulesets.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(what) ((what) ? (void)0 : abort())
#define HEAD ((size_t)NLMSG_HDRLEN + sizeof(struct nfgenmsg))

static bool same_name(const struct kr_nft_lookup *l, const char **what)
{
    *what = "name";
    return strcmp(l->want, l->found) == 0;
}

static struct kr_nft_rule *pick(struct kr_nft *r, uint8_t which)
{
    const struct kr_nft_table *t = r->v[which % r->n];
    const struct kr_nft_chain *c = t->chains[which / 2 % t->n_chains];
    return c->v[which / 8 % c->n];
}

static struct nlmsghdr *as_it_is(const uint8_t *data, size_t size)
{
    struct nlmsghdr *m = kr_calloc(HEAD + size, 1); /* no byte more: for the sanitizer */
    m->nlmsg_len = (uint32_t)(HEAD + size);
    memcpy((char *)m + HEAD, data, size);
    return m;
}

static struct nlmsghdr *own(const struct kr_nft_rule *rule)
{
    KR_AUTO_FREE char *room = kr_calloc(ROOM, 1);
    struct nlmsghdr *m = mnl_nlmsg_put_header(room);
    mnl_nlmsg_put_extra_header(m, sizeof(struct nfgenmsg));
    kr_nft_rule_put(m, rule);
    return as_it_is((const uint8_t *)m + HEAD, m->nlmsg_len - HEAD);
}

/* Returns whether a byte changed: pairs of the same change cancel each other. */
static bool change(struct nlmsghdr *m, const uint8_t *data, size_t size)
{
    size_t len = m->nlmsg_len - HEAD;
    KR_AUTO_FREE struct nlmsghdr *was = as_it_is((const uint8_t *)m + HEAD, len);
    for (size_t i = 0; i + 2 < size; i += 3)
        ((uint8_t *)m)[HEAD + (data[i] + 256u * data[i + 1]) % len] ^= data[i + 2];
    return memcmp((char *)m + HEAD, (char *)was + HEAD, len) != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct kr_nft *rules;
    char why[200];
    if (size < 2 || size > 4096)
        return 0;
    if (!rules)
        rules = canonical();
    const struct kr_nft_rule *rule = pick(rules, data[0]);
    bool free_form = data[1] & 1, changed = true;
    KR_AUTO_FREE struct nlmsghdr *m = free_form ? as_it_is(data + 2, size - 2) : own(rule);
    if (!free_form)
        changed = change(m, data + 2, size - 2);
    bool equal = kr_nft_rule_equal(rule, m, same_name, NULL, why);
    MUST(equal == !*why);
    MUST(equal || changed);
    (void)kr_nft_rule_handle(m);
    (void)kr_nft_rule_attr_str(m, NFTA_RULE_CHAIN);
    return 0;
}

/* A readback notices every change of every attribute of every expression, one at a time; and
 * whatever comes on top. The messages are those of libnftnl; no kernel is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <libnftnl/set.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "../../../src/net/nft_compare.h"
#include "../../../src/net/nft_compare_set.h"
#include "../../../src/net/nft_internal.h"
#include "rulesets.h"

static char buffer[65536];
static char why[200];

static struct nlmsghdr *start(const struct kr_nft_rule *r)
{
    memset(buffer, 0, sizeof buffer);
    struct nlmsghdr *m = mnl_nlmsg_put_header(buffer);
    mnl_nlmsg_put_extra_header(m, sizeof(struct nfgenmsg));
    if (r)
        kr_nft_rule_put(m, r);
    return m;
}

/* As the kernel would answer for a named set; an anonymous one has got a number. */
static bool same_name(const struct kr_nft_lookup *l, const char **what)
{
    *what = "name";
    return strcmp(l->want, l->found) == 0 && l->arg == buffer;
}

static bool equal(const struct kr_nft_rule *want, const struct nlmsghdr *got)
{
    return kr_nft_rule_equal(want, got, same_name, buffer, why);
}

typedef void (*rule_cb)(struct kr_nft_rule *r);

static void each_rule(rule_cb f)
{
    struct kr_nft *r = canonical();
    for (size_t t = 0; t < r->n; t++)
        for (size_t c = 0; c < r->v[t]->n_chains; c++)
            for (size_t i = 0; i < r->v[t]->chains[c]->n; i++)
                f(r->v[t]->chains[c]->v[i]);
    kr_nft_free(r);
}

static void check_equal(struct kr_nft_rule *r)
{
    if (!equal(r, start(r)))
        fail_msg("rule '%s' differs from itself: %s", r->comment, why);
}

static void finds_equal(void **state)
{
    (void)state;
    each_rule(check_equal);
}

static const char *const names[] = {"meta",      "cmp",    "payload", "lookup",  "objref",
                                    "immediate", "reject", "exthdr",  "bitwise", "byteorder",
                                    "hash",      "nat",    "fib"};
static size_t mutations[LENGTH(names)];

static size_t name_index(const char *name)
{
    for (size_t i = 0; i < LENGTH(names); i++)
        if (strcmp(names[i], name) == 0)
            return i;
    fail_msg("expression %s is not in this test's list", name);
    return 0;
}

static bool is_set_id(const char *name, uint16_t attr)
{
    return strcmp(name, "lookup") == 0 && attr == NFTNL_EXPR_LOOKUP_SET_ID;
}

/* Changes one bit of one attribute, where libnftnl keeps it, in what the kernel is said to have. */
static void mutate(struct kr_nft_rule *r, struct nftnl_expr *x, uint16_t attr, uint32_t byte)
{
    const char *name = nftnl_expr_get_str(x, NFTNL_EXPR_NAME);
    uint32_t len = 0;
    uint8_t *data = (uint8_t *)(uintptr_t)nftnl_expr_get(x, attr, &len);
    assert_in_range(byte, 0, len - 1);
    data[byte] ^= 1;
    struct nlmsghdr *got = start(r);
    data[byte] ^= 1;
    if (equal(r, got))
        fail_msg("%s: attribute %u, byte %u was changed, unnoticed", name, attr, byte);
    assert_true(*why);
    mutations[name_index(name)]++;
}

static void mutate_all(struct kr_nft_rule *r)
{
    for (size_t i = 0; i < r->n; i++) {
        const char *name = nftnl_expr_get_str(r->v[i], NFTNL_EXPR_NAME);
        for (uint16_t attr = NFTNL_EXPR_BASE; attr < 16; attr++) {
            uint32_t len = 0;
            if (!nftnl_expr_is_set(r->v[i], attr) || is_set_id(name, attr))
                continue;
            const char *data = nftnl_expr_get(r->v[i], attr, &len);
            bool text = len > 1 && !data[len - 1] && strlen(data) == len - 1 && len > 4;
            for (uint32_t k = 0; k < (text ? len - 1 : len); k++)
                mutate(r, r->v[i], attr, k);
        }
    }
    check_equal(r);
}

static void notices_every_change(void **state)
{
    (void)state;
    each_rule(mutate_all);
    for (size_t i = 0; i < LENGTH(names); i++)
        if (!mutations[i])
            fail_msg("%s was never changed", names[i]);
}

/* What an expression of ours does not have, but might. */
static const struct {
    const char *name;
    uint16_t attr;
} additions[] = {
    {"meta", NFTNL_EXPR_META_SREG},      {"payload", NFTNL_EXPR_PAYLOAD_SREG},
    {"lookup", NFTNL_EXPR_LOOKUP_FLAGS}, {"lookup", NFTNL_EXPR_LOOKUP_DREG},
    {"exthdr", NFTNL_EXPR_EXTHDR_SREG},  {"exthdr", NFTNL_EXPR_EXTHDR_OP},
    {"bitwise", NFTNL_EXPR_BITWISE_OP},  {"hash", NFTNL_EXPR_HASH_OFFSET},
    {"hash", NFTNL_EXPR_HASH_TYPE},      {"objref", NFTNL_EXPR_OBJREF_SET_SREG},
};

static void add_to(struct kr_nft_rule *r)
{
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < LENGTH(additions); k++) {
            uint16_t attr = additions[k].attr;
            struct nftnl_expr *x = r->v[i];
            bool had = nftnl_expr_is_set(x, attr);
            if (strcmp(nftnl_expr_get_str(x, NFTNL_EXPR_NAME), additions[k].name) != 0)
                continue;
            uint32_t was = had ? nftnl_expr_get_u32(x, attr) : 0;
            nftnl_expr_set_u32(x, attr, 5);
            struct nlmsghdr *got = start(r);
            nftnl_expr_set_u32(x, attr, was);
            if (!had) /* there is no unset: zero counts as left out, or the rule is done with */
                return;
            if (equal(r, got))
                fail_msg("%s: attribute %u was added, unnoticed", additions[k].name, attr);
        }
}

static void notices_additions(void **state)
{
    (void)state;
    each_rule(add_to);
}

/* Builds a rule's message by hand; expr == at is treated by `how`. */
enum how { UNKNOWN_ATTR, TWICE, EMPTY, NAMELESS, LEFT_OUT, DOUBLED, SWAPPED, N_HOW };

static void put_expr(struct nlmsghdr *m, struct nftnl_expr *x, enum how how)
{
    struct nlattr *elem = mnl_attr_nest_start(m, NFTA_LIST_ELEM);
    if (how != NAMELESS)
        mnl_attr_put_strz(m, NFTA_EXPR_NAME, nftnl_expr_get_str(x, NFTNL_EXPR_NAME));
    if (how != EMPTY) {
        struct nlattr *data = mnl_attr_nest_start(m, NFTA_EXPR_DATA);
        char copy[4096] = "";
        struct nlmsghdr *inner = mnl_nlmsg_put_header(copy);
        nftnl_expr_build_payload(inner, x);
        const struct nlattr *a = mnl_nlmsg_get_payload(inner);
        a = mnl_attr_next(a); /* behind the name: the data */
        memcpy(mnl_nlmsg_get_payload_tail(m), mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
        m->nlmsg_len += (uint32_t)(mnl_attr_get_payload_len(a) + 3) & ~3u;
        if (how == UNKNOWN_ATTR)
            mnl_attr_put_u32(m, 30, 0);
        if (how == TWICE)
            mnl_attr_put(m, mnl_attr_get_type(mnl_attr_get_payload(a)),
                         mnl_attr_get_payload_len(mnl_attr_get_payload(a)),
                         mnl_attr_get_payload(mnl_attr_get_payload(a)));
        mnl_attr_nest_end(m, data);
    }
    mnl_attr_nest_end(m, elem);
}

static int copy_comment(const struct nlattr *a, void *to)
{
    if (mnl_attr_get_type(a) == NFTA_RULE_USERDATA)
        mnl_attr_put(to, NFTA_RULE_USERDATA, mnl_attr_get_payload_len(a), mnl_attr_get_payload(a));
    return MNL_CB_OK;
}

static struct nlmsghdr *by_hand(const struct kr_nft_rule *r, size_t at, enum how how)
{
    struct nlmsghdr *m = start(NULL);
    mnl_attr_put_strz(m, NFTA_RULE_TABLE, r->chain->table->name);
    mnl_attr_put_strz(m, NFTA_RULE_CHAIN, r->chain->name);
    struct nlattr *list = mnl_attr_nest_start(m, NFTA_RULE_EXPRESSIONS);
    for (size_t i = 0; i < r->n; i++) {
        size_t k = how != SWAPPED ? i : i == at ? at + 1 : i == at + 1 ? at : i;
        if (i != at || how != LEFT_OUT)
            put_expr(m, r->v[k], i == at ? how : N_HOW);
        if (i == at && how == DOUBLED)
            put_expr(m, r->v[k], N_HOW);
    }
    mnl_attr_nest_end(m, list);
    struct nlmsghdr *whole = (void *)(buffer + sizeof buffer / 2);
    memset(whole, 0, sizeof buffer / 2);
    mnl_nlmsg_put_header(whole);
    mnl_nlmsg_put_extra_header(whole, sizeof(struct nfgenmsg));
    kr_nft_rule_put(whole, r);
    mnl_attr_parse(whole, sizeof(struct nfgenmsg), copy_comment, m);
    return m;
}

static bool same_expr(const struct kr_nft_rule *r, size_t a, size_t b)
{
    char x[512], y[512];
    nftnl_expr_snprintf(x, sizeof x, r->v[a], NFTNL_OUTPUT_DEFAULT, 0);
    nftnl_expr_snprintf(y, sizeof y, r->v[b], NFTNL_OUTPUT_DEFAULT, 0);
    return strcmp(x, y) == 0 && strcmp(nftnl_expr_get_str(r->v[a], NFTNL_EXPR_NAME),
                                       nftnl_expr_get_str(r->v[b], NFTNL_EXPR_NAME)) == 0;
}

static void distort(struct kr_nft_rule *r)
{
    if (!equal(r, by_hand(r, 0, N_HOW)))
        fail_msg("built by hand, rule '%s' differs: %s", r->comment, why);
    for (size_t i = 0; i < r->n; i++)
        for (int how = 0; how < N_HOW; how++) {
            if (how == SWAPPED && (i + 1 == r->n || same_expr(r, i, i + 1)))
                continue;
            if (equal(r, by_hand(r, i, (enum how)how)))
                fail_msg("rule '%s', expression %zu: distortion %d went unnoticed", r->comment, i,
                         how);
        }
}

static void notices_distortions(void **state)
{
    (void)state;
    each_rule(distort);
}

static void distort_rule(struct kr_nft_rule *r)
{
    struct nlmsghdr *m = start(r);
    mnl_attr_put_u32(m, 30, 0);
    assert_false(equal(r, m));
    m = start(r);
    mnl_attr_nest_end(m, mnl_attr_nest_start(m, NFTA_RULE_COMPAT));
    assert_false(equal(r, m));
    m = start(r);
    mnl_attr_put_u64(m, NFTA_RULE_HANDLE, 7);
    mnl_attr_put_u64(m, NFTA_RULE_POSITION, 6);
    assert_true(equal(r, m));
    char *comment = r->comment;
    char other[] = "another comment";
    r->comment = other;
    m = start(r);
    r->comment = NULL;
    assert_false(equal(r, m));
    r->comment = comment;
    assert_false(equal(r, m));
    assert_string_equal(why, "its comment");
}

static void notices_rule_attributes(void **state)
{
    (void)state;
    each_rule(distort_rule);
}

static void ignores_torn_messages(void **state)
{
    (void)state;
    struct kr_nft *set = canonical();
    struct kr_nft_rule *r = set->v[0]->chains[0]->v[3];
    uint32_t whole = start(r)->nlmsg_len;
    for (uint32_t len = NLMSG_HDRLEN; len + 3 < whole; len++) { /* 3: padding */
        struct nlmsghdr *m = start(r);
        m->nlmsg_len = len;
        assert_false(equal(r, m));
    }
    kr_nft_free(set);
}

/* ---- sets
 * ---------------------------------------------------------------------------------------- */

/* Two rulesets that are equal: one may be spoiled. */
static void each_set(void (*f)(struct nftnl_set *want, struct nftnl_set *got))
{
    struct kr_nft *r = canonical(), *other = canonical();
    for (size_t t = 0; t < r->n; t++)
        for (size_t i = 0; i < r->v[t]->n_sets; i++)
            f(r->v[t]->sets[i]->nl, other->v[t]->sets[i]->nl);
    kr_nft_free(r);
    kr_nft_free(other);
}

static void mutate_set(struct nftnl_set *want, struct nftnl_set *got)
{
    static const uint16_t attrs[] = {NFTNL_SET_FLAGS,     NFTNL_SET_KEY_TYPE, NFTNL_SET_KEY_LEN,
                                     NFTNL_SET_DATA_TYPE, NFTNL_SET_DATA_LEN, NFTNL_SET_OBJ_TYPE};
    static const uint8_t fields[] = {2, 6};
    assert_null(kr_nft_set_differs(want, got));
    for (size_t i = 0; i < LENGTH(attrs); i++) {
        uint32_t was = nftnl_set_get_u32(got, attrs[i]);
        nftnl_set_set_u32(got, attrs[i], was ^ 4);
        assert_non_null(kr_nft_set_differs(want, got));
        nftnl_set_set_u32(got, attrs[i], was);
    }
    nftnl_set_set_u64(got, NFTNL_SET_TIMEOUT, 1000);
    assert_non_null(kr_nft_set_differs(want, got));
    nftnl_set_unset(got, NFTNL_SET_TIMEOUT);
    nftnl_set_set_u32(got, NFTNL_SET_GC_INTERVAL, 1000);
    assert_non_null(kr_nft_set_differs(want, got));
    nftnl_set_unset(got, NFTNL_SET_GC_INTERVAL);
    assert_null(kr_nft_set_differs(want, got));
    nftnl_set_set_data(got, NFTNL_SET_DESC_CONCAT, fields, sizeof fields);
    assert_non_null(kr_nft_set_differs(want, got));
}

static void notices_set_attributes(void **state)
{
    (void)state;
    each_set(mutate_set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_equal),
        cmocka_unit_test(notices_every_change),
        cmocka_unit_test(notices_additions),
        cmocka_unit_test(notices_distortions),
        cmocka_unit_test(notices_rule_attributes),
        cmocka_unit_test(ignores_torn_messages),
        cmocka_unit_test(notices_set_attributes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

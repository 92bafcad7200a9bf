#include "dns_plan_internal.h"

#include <assert.h>
#include <string.h>

/* Both families together: a host is reached by either, and is as secure as the weaker (RFC 7672
 * section 2.2.2). One that fails while the other answers does not count. */
static enum kr_host_address address_of(const struct plan_host *h)
{
    static const uint8_t by[6][6] = {
#define U KR_ADDRESS_UNASKED
#define S KR_ADDRESS_SECURE
#define I KR_ADDRESS_INSECURE
#define N KR_ADDRESS_NONE
#define F KR_ADDRESS_FAILED
        /* AAAA:          unasked waiting secure insecure none failed */
        [ADDR_UNASKED] = {U, U, S, I, N, F}, [ADDR_WAITING] = {F, F, S, I, F, F},
        [ADDR_SECURE] = {S, S, S, I, S, S},  [ADDR_INSECURE] = {I, I, I, I, I, I},
        [ADDR_NONE] = {N, F, S, I, N, F},    [ADDR_FAILED] = {F, F, S, I, F, F},
#undef U
#undef S
#undef I
#undef N
#undef F
    };
    return (enum kr_host_address)by[h->a][h->aaaa];
}

/* Appends a name as text; where it begins is kept as a number until the buffer no longer moves. */
static size_t put_name(struct kr_buf *text, const uint8_t *name)
{
    char s[KR_NAME_TEXT];
    size_t at = text->len;
    kr_name_text(name, s);
    kr_buf_add(text, s, strlen(s) + 1);
    return at;
}

static bool lost(uint8_t family)
{
    return family == ADDR_FAILED || family == ADDR_WAITING;
}

/* What is not known of a host although an address of it may be. */
static uint8_t open_flags(const struct plan_host *h)
{
    bool unasked = h->a == ADDR_UNASKED || h->aaaa == ADDR_UNASKED;
    bool half = (lost(h->a) || lost(h->aaaa)) && address_of(h) != KR_ADDRESS_FAILED;
    return (uint8_t)((unasked ? KR_HOST_UNASKED : 0) | (half ? KR_HOST_LOST : 0));
}

static struct kr_host_facts host_facts(const struct plan_host *h)
{
    return (struct kr_host_facts){.address = (uint8_t)address_of(h),
                                  .alias = h->alias,
                                  .tlsa = h->tlsa,
                                  .tlsa_expanded = h->tlsa_expanded,
                                  .flags = (uint8_t)(h->flags | open_flags(h))};
}

void kr_dns_plan_facts(const struct kr_dns_plan *p, uint32_t i, struct kr_buf *text,
                       struct kr_domain_facts *out)
{
    static const uint32_t no_hosts = 0;
    const struct plan_domain *d = &p->d[i];
    const uint32_t *g = d->group == NO_GROUP ? &no_hosts : p->pool + d->group;
    size_t at[KR_HOSTS_MOST];
    *out = (struct kr_domain_facts){.weight = kr_domains_weight(p->domains, i),
                                    .mx = d->mx,
                                    .trust = d->trust,
                                    .sts = d->sts,
                                    .tlsrpt = d->tlsrpt,
                                    .own_tlsa = d->own_tlsa};
    text->len = 0;
    put_name(text, kr_name_table_get(&p->domains->names, i));
    out->n_hosts = (uint8_t)(*g & ~GROUP_MORE);
    out->more_hosts = *g & GROUP_MORE;
    for (uint8_t k = 0; k < out->n_hosts; k++) {
        out->hosts[k] = host_facts(&p->h[g[k + 1]]);
        at[k] = put_name(text, kr_name_table_get(&p->hosts, g[k + 1]));
    }
    out->name = text->s;
    for (uint8_t k = 0; k < out->n_hosts; k++)
        out->hosts[k].name = text->s + at[k];
    kr_plan_policy_facts(p, i, out);
}

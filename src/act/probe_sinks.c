#include <kr/probe_sinks.h>

#include <kr/mem.h>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#define PROBE_MS 3000

static bool probe_from(const struct kr_plan *p, const struct kr_ifaddr *a)
{
    bool v4 = kr_addr_is_v4(&a->addr);
    if (a->scope != RT_SCOPE_UNIVERSE ||
        (a->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED)))
        return false;
    if (v4 && a->addr.b[12] == 127)
        return false;
    return v4 ? p->sink4.on : p->sink6.on;
}

/* A documentation address that is not, oddly, this host's own. */
static struct kr_addr destination(const struct kr_netview *v, int family, unsigned i)
{
    struct kr_addr a = kr_probe_destination(family, i);
    for (size_t k = 0; k < v->n_addrs; k++)
        if (kr_addr_cmp(&a, &v->addrs[k].addr) == 0)
            return destination(v, family, i + 3);
    return a;
}

static void plan_probes(const struct kr_plan *p, const struct kr_netview *v, struct kr_probe **out,
                        size_t *n)
{
    *out = kr_calloc(v->n_addrs * p->ports.n, sizeof **out);
    *n = 0;
    for (size_t i = 0; i < v->n_addrs; i++)
        for (size_t k = 0; probe_from(p, &v->addrs[i]) && k < p->ports.n; k++) {
            struct kr_probe *x = &(*out)[(*n)++];
            x->source = v->addrs[i].addr;
            x->destination = destination(v, kr_addr_family(&x->source), (unsigned)i);
            x->port = p->ports.v[k];
        }
}

static int by_family(const void *a, const void *b)
{
    const struct kr_probe *x = a, *y = b;
    return (int)kr_addr_is_v4(&y->source) - (int)kr_addr_is_v4(&x->source);
}

/* All of one family at once: each has a sink of its own to meet. */
int kr_probe_sinks(const struct kr_plan *p, const char *nonce, struct kr_probe **out, size_t *n,
                   struct kr_err *e)
{
    struct kr_netview v;
    size_t n4 = 0;
    if (kr_netview_read_addresses(&v, e))
        return -1;
    plan_probes(p, &v, out, n);
    kr_netview_free(&v);
    nonce = p->builtin ? nonce : NULL;
    if (*n)
        qsort(*out, *n, sizeof **out, by_family);
    while (n4 < *n && kr_addr_is_v4(&(*out)[n4].source))
        n4++;
    return kr_probe_run(*out, n4, nonce, &p->sink4.at, PROBE_MS, e) ||
                   kr_probe_run(*out + n4, *n - n4, nonce, &p->sink6.at, PROBE_MS, e)
               ? -1
               : 0;
}

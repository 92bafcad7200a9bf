#include "asks.h"

#include <kr/mem.h>

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

struct kr_lookup *kr_asks_add(struct kr_asks *a, const struct kr_addr *to, const void *why)
{
    a->v = kr_grow(a->v, &a->cap, a->n + 1, sizeof *a->v);
    a->why = kr_grow(a->why, &a->cap_why, a->n + 1, sizeof *a->why);
    a->why[a->n] = why;
    struct kr_lookup *x = &a->v[a->n++];
    memset(x, 0, sizeof *x);
    x->to = *to;
    return x;
}

void kr_asks_free(struct kr_asks *a)
{
    free(a->v);
    free(a->why);
    memset(a, 0, sizeof *a);
}

bool kr_asks_nowhere(const struct kr_lookup *x)
{
    if (!x->error)
        return x->type == RTN_UNREACHABLE || x->type == RTN_PROHIBIT || x->type == RTN_BLACKHOLE;
    return x->error == ENETUNREACH || x->error == EHOSTUNREACH || x->error == EACCES ||
           (x->in && (x->error == EINVAL || x->error == EXDEV));
}

bool kr_asks_here(const struct kr_lookup *x)
{
    return !x->error && (x->type == RTN_LOCAL || x->type == RTN_ANYCAST);
}

const char *kr_asks_way(const struct kr_lookup *x, const struct kr_netview *v,
                        char out[static KR_WAYSTRLEN])
{
    char gw[KR_ADDRSTRLEN] = "";
    const struct kr_link *l = kr_netview_link(v, x->out);
    if (x->error || kr_asks_nowhere(x))
        snprintf(out, KR_WAYSTRLEN, "nowhere (%s)",
                 x->error ? strerror(x->error) : "a route that refuses");
    else if (kr_asks_here(x))
        snprintf(out, KR_WAYSTRLEN, "this host itself");
    else
        snprintf(out, KR_WAYSTRLEN, "%s%s%s (table %u)", l ? l->name : "an unknown device",
                 x->has_gateway ? " via " : "", x->has_gateway ? kr_addr_str(&x->gateway, gw) : "",
                 x->table);
    return out;
}

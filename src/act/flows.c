#include "flows.h"

#include <kr/err.h>

#include <string.h>

static bool in_range(const struct kr_plan_sink *s, const struct kr_addr *a)
{
    return s->on && kr_addr_cmp(&s->at.first, a) <= 0 && kr_addr_cmp(a, &s->at.last) <= 0;
}

static bool is_sink(const struct kr_addr *source, void *arg)
{
    const struct kr_flows *f = arg;
    return in_range(&f->plan->sink4, source) || in_range(&f->plan->sink6, source);
}

static bool keep(const struct kr_addr *peer, void *arg)
{
    const struct kr_flows *f = arg;
    return kr_prefixset_find(&f->kept, peer) || is_sink(peer, arg);
}

static void add_text(struct kr_prefixset *s, const char *text)
{
    struct kr_prefix p;
    if (kr_prefix_parse(text, &p, NULL) == 0)
        kr_prefixset_add(s, &p);
}

int kr_flows_init(struct kr_flows *f, const struct kr_plan *p, struct kr_err *e)
{
    memset(f, 0, sizeof *f);
    if (kr_netview_read_addresses(&f->view, e))
        return -1;
    f->plan = p;
    add_text(&f->kept, "127.0.0.0/8");
    add_text(&f->kept, "::1");
    for (size_t i = 0; i < f->view.n_addrs; i++) {
        struct kr_prefix own = kr_prefix_make(&f->view.addrs[i].addr, 128);
        kr_prefixset_add(&f->kept, &own);
    }
    for (size_t i = 0; i < p->lan.n; i++)
        kr_prefixset_add(&f->kept, &p->lan.v[i].prefix);
    kr_prefixset_normalize(&f->kept);
    f->policy = (struct kr_cut_policy){
        .ports = p->guarded.v, .n_ports = p->guarded.n, .keep = keep, .is_sink = is_sink, .arg = f};
    return 0;
}

void kr_flows_free(struct kr_flows *f)
{
    kr_prefixset_free(&f->kept);
    kr_netview_free(&f->view);
    memset(f, 0, sizeof *f);
}

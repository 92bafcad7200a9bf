#include <kr/flow.h>

#include <string.h>

bool kr_flow_guarded(const struct kr_flow_policy *p, uint16_t port)
{
    for (size_t i = 0; i < p->n_ports; i++)
        if (p->ports[i] == port)
            return true;
    return false;
}

bool kr_flow_kept(const struct kr_flow_policy *p, const struct kr_addr *peer)
{
    return p->keep && p->keep(peer, p->arg);
}

static bool is_sink(const struct kr_flow_policy *p, const struct kr_addr *a)
{
    return p->is_sink && p->is_sink(a, p->arg);
}

bool kr_flow_redirected(const struct kr_flow_policy *p, const struct kr_ct *ct)
{
    return kr_flow_guarded(p, ct->orig.dport) && is_sink(p, &ct->reply.src) &&
           (kr_addr_cmp(&ct->reply.src, &ct->orig.dst) || ct->reply.sport != ct->orig.dport);
}

/* Has this end a guarded port, and is it one that we may not talk to? */
static bool bad_end(const struct kr_flow_policy *p, const struct kr_addr *peer, uint16_t port)
{
    return kr_flow_guarded(p, port) && !kr_flow_kept(p, peer);
}

bool kr_flow_reversed(const struct kr_flow_policy *p, const struct kr_ct *ct)
{
    return bad_end(p, &ct->orig.src, ct->orig.sport) || bad_end(p, &ct->reply.dst, ct->reply.dport);
}

bool kr_flow_bad(const struct kr_flow_policy *p, const struct kr_ct *ct)
{
    bool sink = is_sink(p, &ct->reply.src);
    return (!sink && bad_end(p, &ct->orig.dst, ct->orig.dport)) ||
           (!sink && bad_end(p, &ct->reply.src, ct->reply.sport)) || kr_flow_reversed(p, ct);
}

static bool within(const struct kr_endpoint *sink, const struct kr_addr *a)
{
    return sink && kr_addr_cmp(&sink->first, a) <= 0 && kr_addr_cmp(a, &sink->last) <= 0;
}

static bool answers_for_us(const struct kr_addr *source, void *arg)
{
    const struct kr_flow_world *w = arg;
    return within(w->sink4, source) || within(w->sink6, source);
}

static bool keep(const struct kr_addr *peer, void *arg)
{
    const struct kr_flow_world *w = arg;
    return kr_prefixset_find(&w->kept, peer) || answers_for_us(peer, arg);
}

static void add_text(struct kr_prefixset *s, const char *text)
{
    struct kr_prefix p;
    if (kr_prefix_parse(text, &p, NULL) == 0)
        kr_prefixset_add(s, &p);
}

void kr_flow_world_init(struct kr_flow_world *w, const struct kr_netview *view,
                        const struct kr_lan *lan, const struct kr_endpoint *sink4,
                        const struct kr_endpoint *sink6, const uint16_t *ports, size_t n_ports)
{
    *w = (struct kr_flow_world){
        .policy = {ports, n_ports, keep, answers_for_us, w}, .sink4 = sink4, .sink6 = sink6};
    add_text(&w->kept, "127.0.0.0/8");
    add_text(&w->kept, "::1");
    for (size_t i = 0; i < view->n_addrs; i++) {
        struct kr_prefix own = kr_prefix_make(&view->addrs[i].addr, 128);
        kr_prefixset_add(&w->kept, &own);
    }
    for (size_t i = 0; lan && i < lan->n; i++)
        kr_prefixset_add(&w->kept, &lan->v[i].prefix);
    kr_prefixset_normalize(&w->kept);
}

void kr_flow_world_free(struct kr_flow_world *w)
{
    kr_prefixset_free(&w->kept);
    memset(w, 0, sizeof *w);
}

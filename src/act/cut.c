/* Theory of operation.
 *
 * A round reads the TCP sockets with a guarded port at their peer, then the conntrack entries. The
 * order matters: a socket that is seen sent its SYN before the entries were read, so a redirected
 * one is known by its entry, whose original tuple is the socket's and whose answers come from the
 * sink.
 *
 * An entry alone is no danger, a missing one is: after a deletion the server may speak first and
 * make the entry again, reversed (original source = the server, port 25), and NAT never looks at
 * such a flow. So all ports of an entry are judged, and rounds go on until two in a row find
 * nothing.
 *
 * Sockets, unlike entries, are looked for once more only when any was found: behind the guards none
 * can be made that reaches anybody, and one that is there stays in its place of the table.
 *
 * Two kinds of socket are destroyed whenever they are seen and yet are no reason for another round:
 * those in SYN_SENT, which a busy MTA makes faster than rounds go by and which reached nobody while
 * guards stand; and orphans, which some kernels empty of data but leave in the table. */
#include <kr/cut.h>

#include <kr/ct.h>
#include <kr/err.h>
#include <kr/mem.h>
#include <kr/nl.h>
#include <kr/sock.h>

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <netinet/tcp.h>
#include <string.h>

#define ROUNDS 50

static bool guarded(const struct kr_cut_policy *p, uint16_t port)
{
    for (size_t i = 0; i < p->n_ports; i++)
        if (p->ports[i] == port)
            return true;
    return false;
}

static bool redirected(const struct kr_ct *c, void *arg)
{
    const struct kr_cut_policy *p = arg;
    return p->is_sink(&c->reply_src, p->arg);
}

static bool to_cut(const struct kr_ct *c, void *arg)
{
    const struct kr_cut_policy *p = arg;
    if (redirected(c, arg))
        return false;
    if (guarded(p, c->dport) && !p->keep(&c->dst, p->arg))
        return true;
    return (guarded(p, c->sport) && !p->keep(&c->src, p->arg)) ||
           (guarded(p, c->reply_sport) && !p->keep(&c->reply_src, p->arg));
}

static int by_flow(const void *a, const void *b)
{
    const struct kr_ct *x = a, *y = b;
    int by = kr_addr_cmp(&x->dst, &y->dst);
    if (by == 0)
        by = kr_addr_cmp(&x->src, &y->src);
    if (by == 0)
        by = (int)x->sport - (int)y->sport;
    return by ? by : (int)x->dport - (int)y->dport;
}

static const struct kr_ct *find_flow(const struct kr_cts *flows, const struct kr_sock *s)
{
    const struct kr_ct key = {
        .src = s->local, .dst = s->peer, .sport = s->local_port, .dport = s->peer_port};
    return flows->n ? bsearch(&key, flows->v, flows->n, sizeof key, by_flow) : NULL;
}

static bool lasting(const struct kr_sock *s)
{
    return s->state != TCP_SYN_SENT && s->inode != 0;
}

static int destroy(struct kr_nl *nl, const struct kr_sock *s, struct kr_cut_count *done,
                   struct kr_err *e)
{
    int got = kr_sock_destroy(nl, s, e);
    if (got == EOPNOTSUPP)
        done->no_sock_destroy = true;
    else if (got)
        return -1;
    done->sockets++;
    return 0;
}

struct round {
    const struct kr_cut_policy *policy;
    bool redirected_ones; /* these are cut; else the others */
    struct kr_socks socks;
    struct kr_cts flows; /* every redirected one and every one to cut, by flow */
    size_t found;
};

static void clear(struct round *r)
{
    kr_socks_free(&r->socks);
    kr_cts_free(&r->flows);
    r->found = 0;
}

static bool of_interest(const struct kr_ct *c, void *arg)
{
    return redirected(c, arg) || to_cut(c, arg);
}

static int read_round(struct round *r, bool sockets, struct kr_nl *nl, struct kr_err *e)
{
    const struct kr_cut_policy *p = r->policy;
    if ((sockets && kr_socks_read(nl, p->ports, p->n_ports, &r->socks, e)) ||
        kr_cts_read(of_interest, (void *)(uintptr_t)p, &r->flows, e))
        return -1;
    if (r->flows.n)
        qsort(r->flows.v, r->flows.n, sizeof *r->flows.v, by_flow);
    return 0;
}

static int cut_sockets(struct round *r, struct kr_nl *nl, struct kr_cut_count *done,
                       struct kr_err *e)
{
    for (size_t i = 0; i < r->socks.n; i++) {
        const struct kr_sock *s = &r->socks.v[i];
        const struct kr_ct *flow = find_flow(&r->flows, s);
        bool is_redirected = flow && redirected(flow, (void *)(uintptr_t)r->policy);
        if (r->policy->keep(&s->peer, r->policy->arg) || is_redirected != r->redirected_ones)
            continue;
        r->found += lasting(s);
        if (destroy(nl, s, done, e))
            return -1;
    }
    if (done->no_sock_destroy)
        r->found = 0;
    return 0;
}

static int cut_entries(struct round *r, struct kr_cut_count *done, struct kr_err *e)
{
    struct kr_cts chosen = {0};
    chosen.v = kr_calloc(r->flows.n, sizeof *chosen.v);
    for (size_t i = 0; i < r->flows.n; i++)
        if (redirected(&r->flows.v[i], (void *)(uintptr_t)r->policy) == r->redirected_ones)
            chosen.v[chosen.n++] = r->flows.v[i];
    int bad = kr_cts_delete(&chosen, e);
    r->found += chosen.n;
    done->entries += chosen.n;
    free(chosen.v); /* the handles belong to r->flows */
    return bad;
}

static int cut(const struct kr_cut_policy *p, bool redirected_ones, struct kr_cut_count *done,
               struct kr_err *e)
{
    KR_AUTO_NL struct kr_nl nl = {0};
    struct round r = {.policy = p, .redirected_ones = redirected_ones};
    memset(done, 0, sizeof *done);
    if (kr_nl_open(&nl, NETLINK_SOCK_DIAG, e))
        return -1;
    for (int round = 0, quiet = 0; round < ROUNDS && quiet < 2; round++) {
        bool found_none = round && r.found == 0 && done->sockets == 0;
        clear(&r);
        if (read_round(&r, !found_none, &nl, e) || cut_sockets(&r, &nl, done, e) ||
            cut_entries(&r, done, e)) {
            clear(&r);
            return -1;
        }
        quiet = r.found ? 0 : quiet + 1;
    }
    bool ended = r.found == 0;
    clear(&r);
    return ended
               ? 0
               : kr_fail(e, KR_UNKNOWN, 0,
                         "connections to guarded ports keep appearing: %d rounds did not end them",
                         ROUNDS);
}

int kr_cut_flows(const struct kr_cut_policy *p, struct kr_cut_count *done, struct kr_err *e)
{
    return cut(p, false, done, e);
}

int kr_cut_redirected(const struct kr_cut_policy *p, struct kr_cut_count *done, struct kr_err *e)
{
    return cut(p, true, done, e);
}

struct wanted {
    struct kr_addr from, to;
    uint16_t sport, dport;
};

static bool is_flow(const struct kr_ct *c, void *arg)
{
    const struct wanted *w = arg;
    return c->sport == w->sport && c->dport == w->dport && kr_addr_cmp(&c->src, &w->from) == 0 &&
           kr_addr_cmp(&c->dst, &w->to) == 0;
}

int kr_ct_reply_source(const struct kr_addr *from, uint16_t sport, const struct kr_addr *to,
                       uint16_t dport, struct kr_addr *source, uint16_t *port, struct kr_err *e)
{
    struct wanted w = {*from, *to, sport, dport};
    struct kr_cts found = {0};
    if (kr_cts_read(is_flow, &w, &found, e))
        return -1;
    int n = found.n ? 1 : 0;
    if (n) {
        *source = found.v[0].reply_src;
        *port = found.v[0].reply_sport;
    }
    kr_cts_free(&found);
    return n;
}

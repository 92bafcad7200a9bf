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

static bool among(const struct kr_cts *flows, const struct kr_sock *s)
{
    const struct kr_ct key = {
        .src = s->local, .dst = s->peer, .sport = s->local_port, .dport = s->peer_port};
    return flows->n && bsearch(&key, flows->v, flows->n, sizeof key, by_flow);
}

static int read_redirected(const struct kr_cut_policy *p, struct kr_cts *out, struct kr_err *e)
{
    if (kr_cts_read(redirected, (void *)(uintptr_t)p, out, e))
        return -1;
    if (out->n)
        qsort(out->v, out->n, sizeof *out->v, by_flow);
    return 0;
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

/* Destroys sockets to guarded ports at peers that are not kept: those of redirected flows when
 * `which`, else the others. Returns how many lasting ones there were, or -1. */
static int cut_sockets(const struct kr_cut_policy *p, bool which, struct kr_cut_count *done,
                       struct kr_err *e)
{
    KR_AUTO_NL struct kr_nl nl = {0};
    struct kr_socks socks = {0};
    struct kr_cts flows = {0};
    int found = 0;
    bool bad = kr_nl_open(&nl, NETLINK_SOCK_DIAG, e) ||
               kr_socks_read(&nl, p->ports, p->n_ports, &socks, e) || read_redirected(p, &flows, e);
    for (size_t i = 0; !bad && i < socks.n; i++) {
        if (p->keep(&socks.v[i].peer, p->arg) || among(&flows, &socks.v[i]) != which)
            continue;
        found += lasting(&socks.v[i]);
        bad = destroy(&nl, &socks.v[i], done, e) != 0;
    }
    kr_socks_free(&socks);
    kr_cts_free(&flows);
    return bad ? -1 : found;
}

static int cut_entries(const struct kr_cut_policy *p,
                       bool (*which)(const struct kr_ct *c, void *arg), struct kr_cut_count *done,
                       struct kr_err *e)
{
    struct kr_cts flows = {0};
    int bad = kr_cts_read(which, (void *)(uintptr_t)p, &flows, e) || kr_cts_delete(&flows, e);
    int n = (int)flows.n;
    kr_cts_free(&flows);
    if (bad)
        return -1;
    done->entries += (size_t)n;
    return n;
}

static int cut(const struct kr_cut_policy *p, bool redirected_ones, struct kr_cut_count *done,
               struct kr_err *e)
{
    memset(done, 0, sizeof *done);
    for (int round = 0, quiet = 0; round < ROUNDS; round++) {
        int sockets = cut_sockets(p, redirected_ones, done, e);
        int entries =
            sockets < 0 ? -1 : cut_entries(p, redirected_ones ? redirected : to_cut, done, e);
        if (entries < 0)
            return -1;
        bool idle = entries == 0 && (sockets == 0 || done->no_sock_destroy);
        quiet = idle ? quiet + 1 : 0;
        if (quiet == 2)
            return 0;
    }
    return kr_fail(e, KR_UNKNOWN, 0,
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

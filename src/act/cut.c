/* Theory of operation.
 *
 * A round reads all TCP sockets with a guarded port at their peer, then all conntrack entries with
 * a guarded port anywhere. The order matters: a socket that is seen sent its SYN before the
 * entries were read, so a redirected one is known by its entry, whose original tuple is the
 * socket's and whose answers come from the sink.
 *
 * Sockets are destroyed before entries are deleted: the RST of a redirected flow still finds its
 * way to the sink; that of any other flow ends at the guards. An entry alone is no danger, a
 * missing one is: after a deletion the server may speak first and make the entry again, reversed
 * (original source = the server, port 25), and NAT never looks at such a flow. That is why all four
 * ports of an entry are judged, why rounds go on until two in a row find nothing, and why guards
 * that ask conntrack nothing must stand.
 *
 * Walking the sockets is what costs (the table has a quarter of a million buckets on a large host,
 * however few are used), so a walk that listed none is not repeated: the kernel goes through each
 * bucket under its lock, a listing that never filled a message was never continued and so skipped
 * nothing, and whoever connects after it began meets the guards. The entries are read again. For
 * the same reason the walk may be made ahead, while something else has to be waited for.
 *
 * Two kinds of socket are destroyed whenever they are seen and yet are no reason for another round:
 * those in SYN_SENT, which a busy MTA makes faster than rounds go by, and which never reached
 * anybody if guards stand; and orphans, which kernels without "tcp: fix forever orphan socket
 * caused by tcp_abort" (6.12) empty of data but leave in the table. */
#include <kr/cut.h>

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/nl.h>
#include <kr/sock.h>

#include <linux/netlink.h>
#include <netinet/tcp.h>
#include <stdlib.h>

#define MOST_ROUNDS 50
#define QUIET_ROUNDS 2

struct round {
    const struct kr_flow_policy *policy;
    struct kr_cut_count *done;
    bool redirected_too; /* what is redirected goes as well */
    bool no_sockets;     /* a walk has listed none */
    struct kr_socks socks;
    struct kr_cts entries;
    struct kr_tuple *redirected; /* original tuples of redirected flows, sorted */
    size_t n_redirected, found;
};

static void clear(struct round *r)
{
    kr_socks_free(&r->socks);
    kr_cts_free(&r->entries);
    free(r->redirected);
    r->redirected = NULL;
    r->n_redirected = r->found = 0;
}
#define AUTO_ROUND __attribute__((cleanup(clear)))

static int walk_sockets(struct round *r, struct kr_err *e)
{
    if (r->no_sockets)
        return 0;
    if (kr_socks_read(r->policy->ports, r->policy->n_ports, &r->socks, e))
        return -1;
    r->no_sockets = !r->socks.n;
    return 0;
}

int kr_cut_look(const uint16_t *ports, size_t n_ports, struct kr_err *e)
{
    struct kr_socks socks = {0};
    if (kr_socks_read(ports, n_ports, &socks, e))
        return -1;
    bool none = !socks.n;
    kr_socks_free(&socks);
    return none;
}

static int by_tuple(const void *a, const void *b)
{
    return kr_tuple_cmp(a, b);
}

static void index_redirected(struct round *r)
{
    r->redirected = kr_calloc(r->entries.n, sizeof *r->redirected);
    for (size_t i = 0; i < r->entries.n; i++)
        if (kr_flow_redirected(r->policy, &r->entries.v[i]))
            r->redirected[r->n_redirected++] = r->entries.v[i].orig;
    qsort(r->redirected, r->n_redirected, sizeof *r->redirected, by_tuple);
}

static bool socket_is_wanted(const struct round *r, const struct kr_sock *s)
{
    const struct kr_tuple t = {s->local, s->peer, s->local_port, s->peer_port};
    if (bsearch(&t, r->redirected, r->n_redirected, sizeof t, by_tuple))
        return r->redirected_too;
    return !kr_flow_kept(r->policy, &s->peer);
}

static bool is_reason(const struct kr_sock *s)
{
    return s->state != TCP_SYN_SENT && !s->orphan;
}

/* TIME_WAIT that this kernel can't destroy is left: it has no data, and the guards stop its ACK. */
static int destroy(struct round *r, struct kr_nl *nl, const struct kr_sock *s, struct kr_err *e)
{
    int got = kr_sock_destroy(nl, s, e);
    if (got < 0)
        return -1;
    if (got) {
        r->done->no_sock_destroy |= !s->time_wait;
        return 0;
    }
    r->done->sockets++;
    r->found += is_reason(s);
    return 0;
}

static size_t count_sockets(const struct round *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->socks.n; i++)
        n += !r->socks.v[i].time_wait && socket_is_wanted(r, &r->socks.v[i]);
    return n;
}

static int cut_sockets(struct round *r, struct kr_err *e)
{
    KR_AUTO_NL struct kr_nl nl = {0};
    if (!r->socks.n || r->done->no_sock_destroy)
        return 0;
    if (kr_nl_open(&nl, NETLINK_SOCK_DIAG, e))
        return -1;
    for (size_t i = 0; i < r->socks.n && !r->done->no_sock_destroy; i++)
        if (socket_is_wanted(r, &r->socks.v[i]) && destroy(r, &nl, &r->socks.v[i], e))
            return -1;
    if (r->done->no_sock_destroy)
        r->done->sockets = count_sockets(r);
    return 0;
}

static int cut_entries(struct round *r, struct kr_err *e)
{
    KR_AUTO_NL struct kr_nl nl = {0};
    if (!r->entries.n)
        return 0;
    if (kr_nl_open(&nl, NETLINK_NETFILTER, e))
        return -1;
    for (size_t i = 0; i < r->entries.n; i++) {
        const struct kr_ct *ct = &r->entries.v[i];
        if (!kr_flow_bad(r->policy, ct) &&
            !(r->redirected_too && kr_flow_redirected(r->policy, ct)))
            continue;
        int deleted = kr_ct_delete(&nl, ct, e);
        if (deleted < 0)
            return -1;
        r->found++;
        r->done->entries += (size_t)deleted;
    }
    return 0;
}

static int one_round(struct round *r, struct kr_err *e)
{
    clear(r);
    if (walk_sockets(r, e) || kr_cts_read(r->policy->ports, r->policy->n_ports, &r->entries, e))
        return -1;
    index_redirected(r);
    return cut_sockets(r, e) || cut_entries(r, e) ? -1 : 0;
}

static int settle(struct round *r, struct kr_err *e)
{
    int quiet = 0;
    *r->done = (struct kr_cut_count){0};
    for (int i = 0; i < MOST_ROUNDS && quiet < QUIET_ROUNDS; i++) {
        if (one_round(r, e))
            return -1;
        quiet = r->found ? 0 : quiet + 1;
    }
    if (quiet == QUIET_ROUNDS)
        return 0;
    return kr_fail(e, KR_UNKNOWN, 0,
                   "flows to guarded ports keep coming back: the last of %d scans still found %zu",
                   MOST_ROUNDS, r->found);
}

int kr_cut_flows(const struct kr_flow_policy *p, bool no_sockets, struct kr_cut_count *done,
                 struct kr_err *e)
{
    AUTO_ROUND struct round r = {.policy = p, .done = done, .no_sockets = no_sockets};
    return settle(&r, e);
}

int kr_cut_redirected(const struct kr_flow_policy *p, struct kr_cut_count *done, struct kr_err *e)
{
    AUTO_ROUND struct round r = {.policy = p, .done = done, .redirected_too = true};
    return settle(&r, e);
}

#include "checks_exempt_internal.h"

#include <kr/flowscan.h>

#include <netinet/tcp.h>
#include <stdio.h>

static const char *state_name(uint8_t state)
{
    static const char *const names[] = {[TCP_ESTABLISHED] = "established",
                                        [TCP_SYN_SENT] = "connecting",
                                        [TCP_SYN_RECV] = "being accepted",
                                        [TCP_FIN_WAIT1] = "closing",
                                        [TCP_FIN_WAIT2] = "closed here",
                                        [TCP_TIME_WAIT] = "closed",
                                        [TCP_CLOSE] = "closed",
                                        [TCP_CLOSE_WAIT] = "closed there",
                                        [TCP_LAST_ACK] = "closing",
                                        [TCP_LISTEN] = "listening",
                                        [TCP_CLOSING] = "closing"};
    return state < sizeof names / sizeof *names && names[state] ? names[state] : "being opened";
}

static void say_tuple(const struct kr_tuple *t, char out[static 160])
{
    char src[KR_ADDRSTRLEN], dst[KR_ADDRSTRLEN];
    snprintf(out, 160, "%s port %u to %s port %u", kr_addr_str(&t->src, src), t->sport,
             kr_addr_str(&t->dst, dst), t->dport);
}

static void say_socket(const struct kr_scene *s, const struct kr_sock *x, struct kr_result *r)
{
    char object[160];
    say_tuple(&(struct kr_tuple){x->local, x->peer, x->local_port, x->peer_port}, object);
    struct kr_evidence *ev =
        kr_result_add(r, KR_BROKEN, object, "%s, and not redirected: %s", state_name(x->state),
                      s->standing ? "older than the rules, or made past them" : "up would cut it");
    ev->handle = (uint64_t)x->cookie[1] << 32 | x->cookie[0];
}

static void say_harmless(size_t attempts, size_t remains, struct kr_result *r)
{
    if (attempts)
        kr_result_add(r, KR_HOLDS, "connecting", "%zu that nobody has answered", attempts);
    if (remains)
        kr_result_add(r, KR_HOLDS, "closed", "%zu that the kernel keeps for a while", remains);
}

int kr_check_open_sockets(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    const struct kr_flowscan *f = kr_scene_flows(s, e);
    size_t n[KR_FLOW_OPEN + 1] = {0};
    if (!f)
        return -1;
    for (size_t i = 0; i < f->socks.n; i++) {
        enum kr_flow_kind kind = kr_flowscan_socket(f, &f->socks.v[i]);
        n[kind]++;
        if (kind == KR_FLOW_OPEN)
            say_socket(s, &f->socks.v[i], r);
    }
    say_harmless(n[KR_FLOW_ATTEMPT], n[KR_FLOW_REMAINS], r);
    return 0;
}

static void say_entry(const struct kr_scene *s, const struct kr_ct *ct, const char *what,
                      struct kr_result *r)
{
    char object[160], answers[KR_ADDRSTRLEN];
    say_tuple(&ct->orig, object);
    struct kr_evidence *ev =
        kr_result_add(r, KR_BROKEN, object, "%s; answers come from %s port %u%s", what,
                      kr_addr_str(&ct->reply.src, answers), ct->reply.sport,
                      s->standing ? "" : "; up would cut it");
    ev->handle = ct->id;
}

static int entries(struct kr_scene *s, bool reversed, const char *what, struct kr_result *r,
                   struct kr_err *e)
{
    const struct kr_flowscan *f = kr_scene_flows(s, e);
    size_t attempts = 0;
    if (!f)
        return -1;
    for (size_t i = 0; i < f->entries.n; i++) {
        const struct kr_ct *ct = &f->entries.v[i];
        enum kr_flow_kind kind = kr_flowscan_entry(f, ct);
        if (kind == KR_FLOW_FINE || kr_flow_reversed(&f->world.policy, ct) != reversed)
            continue;
        if (kind == KR_FLOW_OPEN)
            say_entry(s, ct, what, r);
        attempts += kind == KR_FLOW_ATTEMPT;
    }
    say_harmless(attempts, 0, r);
    return 0;
}

int kr_check_entries(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    return entries(s, false, "the kernel knows it, and does not redirect it", r, e);
}

int kr_check_reversed_entries(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    return entries(s, true, "begun by the other side: NAT is not asked about our answers", r, e);
}

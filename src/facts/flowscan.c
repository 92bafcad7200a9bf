#include <kr/flowscan.h>

#include <kr/mem.h>
#include <kr/scene.h>

#include <netinet/tcp.h>
#include <string.h>

static int by_tuple(const void *a, const void *b)
{
    return kr_tuple_cmp(a, b);
}

static void index_redirected(struct kr_flowscan *f)
{
    f->redirected = kr_calloc(f->entries.n, sizeof *f->redirected);
    for (size_t i = 0; i < f->entries.n; i++)
        if (kr_flow_redirected(&f->world.policy, &f->entries.v[i]))
            f->redirected[f->n_redirected++] = f->entries.v[i].orig;
    qsort(f->redirected, f->n_redirected, sizeof *f->redirected, by_tuple);
}

/* In this order: a socket that is seen has sent its SYN before the entries are read, so a
 * redirected one is known by its entry. */
int kr_flowscan_read(struct kr_flowscan *f, struct kr_scene *s, struct kr_err *e)
{
    const struct kr_netview *v = kr_scene_view(s, e);
    memset(f, 0, sizeof *f);
    if (!v)
        return -1;
    kr_flow_world_init(&f->world, v, s->lan, s->sink4, s->sink6, s->ports, s->n_ports);
    if (kr_socks_read(s->ports, s->n_ports, &f->socks, e) ||
        kr_cts_read(s->ports, s->n_ports, &f->entries, e)) {
        kr_flowscan_free(f);
        return -1;
    }
    index_redirected(f);
    return 0;
}

void kr_flowscan_free(struct kr_flowscan *f)
{
    kr_flow_world_free(&f->world);
    kr_socks_free(&f->socks);
    kr_cts_free(&f->entries);
    free(f->redirected);
    memset(f, 0, sizeof *f);
}

/* An orphan that is being closed sends what it still has, and nobody can add to that. */
static bool is_closing(const struct kr_sock *s)
{
    return s->state == TCP_FIN_WAIT1 || s->state == TCP_FIN_WAIT2 || s->state == TCP_CLOSING ||
           s->state == TCP_LAST_ACK || s->state == TCP_CLOSE;
}

enum kr_flow_kind kr_flowscan_socket(const struct kr_flowscan *f, const struct kr_sock *s)
{
    const struct kr_tuple t = {s->local, s->peer, s->local_port, s->peer_port};
    if (kr_flow_kept(&f->world.policy, &s->peer) ||
        (f->n_redirected && bsearch(&t, f->redirected, f->n_redirected, sizeof t, by_tuple)))
        return KR_FLOW_FINE;
    if (s->state == TCP_SYN_SENT)
        return KR_FLOW_ATTEMPT;
    return s->time_wait || (s->orphan && is_closing(s)) ? KR_FLOW_REMAINS : KR_FLOW_OPEN;
}

enum kr_flow_kind kr_flowscan_entry(const struct kr_flowscan *f, const struct kr_ct *ct)
{
    if (!kr_flow_bad(&f->world.policy, ct))
        return KR_FLOW_FINE;
    return ct->attempt ? KR_FLOW_ATTEMPT : KR_FLOW_OPEN;
}

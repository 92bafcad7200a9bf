#include <kr/scene.h>

#include "links.h"

#include <kr/bpf.h>
#include <kr/err.h>
#include <kr/flowscan.h>
#include <kr/mem.h>
#include <kr/mta.h>
#include <kr/netview.h>
#include <kr/nft_scan.h>
#include <kr/procs.h>
#include <kr/tc.h>

const struct kr_netview *kr_scene_view(struct kr_scene *s, struct kr_err *e)
{
    if (s->view)
        return s->view;
    struct kr_netview *v = kr_calloc(1, sizeof *v);
    if (kr_netview_read(v, e)) {
        free(v);
        return NULL;
    }
    return s->view = v;
}

const struct kr_procs *kr_scene_procs(struct kr_scene *s, struct kr_err *e)
{
    if (s->procs)
        return s->procs;
    struct kr_procs *p = kr_calloc(1, sizeof *p);
    if (kr_procs_read(p, e)) {
        free(p);
        return NULL;
    }
    return s->procs = p;
}

const struct kr_flowscan *kr_scene_flows(struct kr_scene *s, struct kr_err *e)
{
    if (s->flows)
        return s->flows;
    /* Its policy points into itself. */
    struct kr_flowscan *f = kr_calloc(1, sizeof *f);
    if (kr_flowscan_read(f, s, e)) {
        free(f);
        return NULL;
    }
    return s->flows = f;
}

const struct kr_bpf *kr_scene_bpf(struct kr_scene *s, struct kr_err *e)
{
    if (s->bpf)
        return s->bpf;
    struct kr_bpf *b = kr_calloc(1, sizeof *b);
    if (kr_bpf_read(b, e)) {
        free(b);
        return NULL;
    }
    return s->bpf = b;
}

const struct kr_tc *kr_scene_tc(struct kr_scene *s, struct kr_err *e)
{
    if (s->tc)
        return s->tc;
    struct kr_tc *t = kr_calloc(1, sizeof *t);
    if (kr_tc_read(t, e)) {
        free(t);
        return NULL;
    }
    return s->tc = t;
}

const struct kr_mtas *kr_scene_mtas(struct kr_scene *s, struct kr_err *e)
{
    if (s->mtas)
        return s->mtas;
    struct kr_mtas *m = kr_calloc(1, sizeof *m);
    if (kr_mtas_read(s, NULL, m, e)) {
        free(m);
        return NULL;
    }
    return s->mtas = m;
}

const struct kr_nftscan *kr_scene_nft(struct kr_scene *s, struct kr_err *e)
{
    if (s->nft)
        return s->nft;
    struct kr_nftscan *n = kr_calloc(1, sizeof *n);
    if (kr_nftscan_read(s->table, s->ports, s->n_ports, n, e)) {
        free(n);
        return NULL;
    }
    return s->nft = n;
}

void kr_scene_forget(struct kr_scene *s)
{
    if (s->view)
        kr_netview_free(s->view);
    if (s->procs)
        kr_procs_free(s->procs);
    if (s->flows)
        kr_flowscan_free(s->flows);
    if (s->bpf)
        kr_bpf_free(s->bpf);
    if (s->tc)
        kr_tc_free(s->tc);
    if (s->mtas)
        kr_mtas_free(s->mtas);
    free(s->mtas);
    if (s->links)
        kr_links_free(s->links);
    free(s->view);
    free(s->procs);
    free(s->flows);
    free(s->bpf);
    free(s->tc);
    s->view = NULL;
    s->procs = NULL;
    s->flows = NULL;
    s->bpf = NULL;
    s->tc = NULL;
    s->mtas = NULL;
    s->links = NULL;
    if (s->nft)
        kr_nftscan_free(s->nft);
    free(s->nft);
    s->nft = NULL;
}

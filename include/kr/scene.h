/* What the checks look at: what should stand, and the kernel's facts, read once on first use. */
#ifndef KR_SCENE_H
#define KR_SCENE_H

#include <kr/check.h>
#include <kr/endpoint.h>
#include <kr/lan.h>
#include <kr/uplink.h>

struct kr_scene {
    /* What should stand; everything is borrowed. */
    const char *table; /* the name of our tables, inet and netdev */
    const struct kr_lan *lan;
    const struct kr_uplinks *uplinks;
    const uint16_t *ports; /* every guarded port; the first n_redirected are redirected */
    size_t n_ports, n_redirected;
    const struct kr_endpoint *sink4, *sink6; /* NULL: the family is not redirected */
    bool standing; /* ours is in the kernel; else the checks say what would be in its way */
    bool builtin, forward, capture_local;
    bool no_fence;     /* the fence on the uplinks was waived (netdev-fence) */
    const char *nonce; /* of the built-in sink, or "" */
    pid_t sink_pid;    /* 0 without one */
    uint64_t expect_rate, expect_concurrency; /* connections/s and at once; 0: not told */
    /* Facts, each with a header of its own; NULL until somebody asked. */
    struct kr_netview *view;
    struct kr_procs *procs;
    struct kr_nftscan *nft;
    struct kr_flowscan *flows;
    struct kr_bpf *bpf;
    struct kr_tc *tc;
    struct kr_mtas *mtas;
    struct kr_linkscan *links;
};
/* Each returns what it read the first time, or NULL with the error (every time). */
const struct kr_netview *kr_scene_view(struct kr_scene *s, struct kr_err *e);
const struct kr_procs *kr_scene_procs(struct kr_scene *s, struct kr_err *e);
const struct kr_flowscan *kr_scene_flows(struct kr_scene *s, struct kr_err *e);
const struct kr_bpf *kr_scene_bpf(struct kr_scene *s, struct kr_err *e);
const struct kr_tc *kr_scene_tc(struct kr_scene *s, struct kr_err *e);
const struct kr_mtas *kr_scene_mtas(struct kr_scene *s, struct kr_err *e);
const struct kr_nftscan *kr_scene_nft(struct kr_scene *s, struct kr_err *e);
/* Forgets the facts, so that the next look is a new one. */
void kr_scene_forget(struct kr_scene *s);

/* The groups of this layer, one file each (src/facts/checks_*.c). */
extern const struct kr_check_group kr_checks_nft;    /* other rules: nftables, legacy, IPVS */
extern const struct kr_check_group kr_checks_bpf;    /* tc, XDP, cgroup and socket programs */
extern const struct kr_check_group kr_checks_link;   /* devices, namespaces, packet sockets */
extern const struct kr_check_group kr_checks_route;  /* routing, sysctls */
extern const struct kr_check_group kr_checks_exempt; /* exemptions, sink, open flows */
extern const struct kr_check_group kr_checks_mta;    /* the mail server's own ways out */
extern const struct kr_check_group kr_checks_load;   /* capacity: advice */

#endif

/* The checks of the group "bpf"; each does what its row in checks_bpf.c says. */
#ifndef KR_CHECKS_BPF_H
#define KR_CHECKS_BPF_H

#include <kr/scene.h>

struct kr_bpf;
struct kr_bpf_link;

int kr_check_xdp_programs(struct kr_scene *s, struct kr_result *r, struct kr_err *e);
int kr_check_xdp_sockets(struct kr_scene *s, struct kr_result *r, struct kr_err *e);
int kr_check_tc_filters(struct kr_scene *s, struct kr_result *r, struct kr_err *e);
int kr_check_tc_qdisc(struct kr_scene *s, struct kr_result *r, struct kr_err *e);
int kr_check_tc_offload(struct kr_scene *s, struct kr_result *r, struct kr_err *e);
int kr_check_tcx_netkit(struct kr_scene *s, struct kr_result *r, struct kr_err *e);
int kr_check_cgroup_bpf(struct kr_scene *s, struct kr_result *r, struct kr_err *e);
int kr_check_sockmap(struct kr_scene *s, struct kr_result *r, struct kr_err *e);
int kr_check_lwt(struct kr_scene *s, struct kr_result *r, struct kr_err *e);
int kr_check_netfilter_links(struct kr_scene *s, struct kr_result *r, struct kr_err *e);

/* "17 (name), held by link 3", or "17" when nothing more is known. b may be NULL. */
struct kr_prog_text {
    char s[96];
};
struct kr_prog_text kr_prog_text(const struct kr_bpf *b, uint32_t id);
/* The first link that holds the program, or NULL. */
const struct kr_bpf_link *kr_prog_link(const struct kr_bpf *b, uint32_t prog);
/* Adds evidence about a device: object "dev NAME", ifname and handle. */
struct kr_evidence *kr_add_device(struct kr_result *r, enum kr_verdict v, const char *name,
                                  uint64_t handle, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* Adds the evidence of a kernel that has no bpf(2). */
void kr_add_no_bpf(struct kr_result *r);

#endif

/* What the checks of links share: read once for a scene, on first use. */
#ifndef KR_LINKS_H
#define KR_LINKS_H

#include "ways.h"

#include <kr/owners.h>
#include <kr/scene.h>
#include <kr/uplink.h>

struct kr_linkscan {
    bool out_read, spaces_read;
    struct kr_uplinks out; /* the devices that lead out now */
    struct kr_spaces spaces;
    struct kr_wanted *tuns; /* every tun device that is attached, here and elsewhere */
    size_t n_tuns;
    struct kr_way *ways; /* of each of spaces.v */
};
/* The program that holds a tun device, NULL when none was found. */
const struct kr_wanted *kr_links_holder(const struct kr_linkscan *l, const char *tun);
/* Each returns what was read the first time, or NULL with the error. */
const struct kr_uplinks *kr_links_out(struct kr_scene *s, struct kr_err *e);
const struct kr_linkscan *kr_links_spaces(struct kr_scene *s, struct kr_err *e);
void kr_links_free(struct kr_linkscan *l);

/* Among the uplinks of the plan, by index and name. */
bool kr_links_planned(const struct kr_scene *s, unsigned index, const char *name);
/* Frames of this device meet our fence. */
bool kr_links_fenced(const struct kr_scene *s, const struct kr_link *l);
/* It leads out, and no fence is on it. */
bool kr_links_open(const struct kr_scene *s, const struct kr_uplinks *out, const struct kr_link *l);
/* Any such device, or NULL. */
const struct kr_uplink *kr_links_any_open(const struct kr_scene *s, const struct kr_uplinks *out);

typedef int kr_link_check(struct kr_scene *s, struct kr_result *r, struct kr_err *e);
kr_link_check kr_check_packet_sockets, kr_check_raw_sockets, kr_check_bridge_ports,
    kr_check_link_children, kr_check_new_devices, kr_check_vrf, kr_check_tun_owners, kr_check_sriov,
    kr_check_vfio, kr_check_rdma, kr_check_other_namespaces, kr_check_foreign_sockets,
    kr_check_xfrm, kr_check_kernel_senders;

#endif

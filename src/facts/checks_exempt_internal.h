/* The checks of the group "exempt", a file each subject. */
#ifndef KR_CHECKS_EXEMPT_INTERNAL_H
#define KR_CHECKS_EXEMPT_INTERNAL_H

#include <kr/scene.h>

typedef int kr_check_run(struct kr_scene *s, struct kr_result *r, struct kr_err *e);
kr_check_run kr_check_onlink, kr_check_public, kr_check_gateway;                 /* prefixes */
kr_check_run kr_check_relay, kr_check_sink_greeting;                             /* greetings */
kr_check_run kr_check_sink_path, kr_check_sink_relay;                            /* the sink */
kr_check_run kr_check_open_sockets, kr_check_entries, kr_check_reversed_entries; /* flows */

/* An address of a device of this host, or loopback. */
bool kr_is_own(const struct kr_netview *v, const struct kr_addr *a);
/* The exemption that holds a, on this device (0: any), or NULL. */
const struct kr_exempt *kr_exempt_of(const struct kr_lan *lan, const struct kr_addr *a,
                                     unsigned index);
/* Routes through gateways that are themselves exempt, one for each gateway and device. The caller
 * frees *out. */
size_t kr_exempt_gateways(const struct kr_scene *s, const struct kr_netview *v,
                          struct kr_route **out);

#endif

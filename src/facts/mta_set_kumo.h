/* What KumoMTA says of the path to one domain. */
#ifndef KR_MTA_SET_KUMO_H
#define KR_MTA_SET_KUMO_H

#include <kr/err.h>
#include <kr/mta_side.h>

struct kr_kumo_path {
    struct kr_mta_path path;
    char provider[64];       /* "" without one */
    char remember[32];       /* remember_broken_tls; "" when it is off */
    bool auth, lmtp, routed; /* routed: by queue or routing, not to the MX hosts */
    int port;
};
/* The answer of resolve-egress-path, or the path configuration alone, as resolve-shaping-domain
 * prints it. What is left out is the default of KumoMTA; what is of another kind than documented
 * makes all of it an error (KR_UNKNOWN). */
int kr_kumo_path_read(const char *json, size_t len, bool later, struct kr_kumo_path *out,
                      struct kr_err *e);

#endif

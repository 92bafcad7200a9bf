/* What KumoMTA says of the path to one domain. */
#ifndef KR_MTA_SET_KUMO_H
#define KR_MTA_SET_KUMO_H

#include <kr/err.h>
#include <kr/mta_side.h>

struct kr_kumo_path {
    struct kr_mta_path path;
    char provider[64];       /* "" without one */
    char remember[32];       /* remember_broken_tls; "" when it is off */
    char pool[64];           /* the queue's egress_pool; "": not told */
    bool auth, lmtp, routed; /* routed: by queue or routing, not to the MX hosts */
    int port;
};
/* The answer of resolve-egress-path, or the path configuration alone, as resolve-shaping-domain
 * prints it. What is left out is the default of KumoMTA; what is of another kind than documented
 * makes all of it an error (KR_UNKNOWN). */
int kr_kumo_path_read(const char *json, size_t len, bool later, struct kr_kumo_path *out,
                      struct kr_err *e);

/* Egress sources, each pool once. */
#define KR_KUMO_SOURCES_MOST 20u
struct kr_kumo_sources {
    const char *user, *policy; /* whom kumod runs as (NULL: nobody); the policy's file */
    struct kr_mta_sides *out;  /* for notes */
    char asked[KR_KUMO_SOURCES_MOST][72];
    size_t n;
    bool failed; /* then no more are asked about */
};
/* Asks kumod about the sources of a "pool", or one "source", and notes the ports and proxies that
 * mail would leave by. What can't be told is noted, once. */
void kr_kumo_sources_ask(struct kr_kumo_sources *s, const char *kind, const char *name);

#endif

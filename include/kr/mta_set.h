/* The mail servers whose deliveries are judged, as they are really set: asked by their own tools.
 */
#ifndef KR_MTA_SET_H
#define KR_MTA_SET_H

#include <kr/check.h>
#include <kr/mta_side.h>

#include <stdint.h>

struct kr_err;
struct kr_scene;

/* What is in the MTA's own configuration and would spoil the test or outlive it. */
struct kr_mta_note {
    enum kr_verdict verdict; /* KR_HOLDS: to be known; KR_BROKEN: mail would not come to the sink */
    const char *id;          /* "remember-broken-tls" */
    char where[160];         /* "FILE:LINE", or what was asked */
    char what[256];
    const char *remedy;
};
/* How an MTA that is asked for each domain answered. */
struct kr_mta_asked {
    uint64_t asked, by_site, failed, unasked; /* domains; by_site: as others of the same MX hosts */
    char how[96];                             /* "GET http://127.0.0.1:8000/api/..." */
    char why[200];                            /* of the last failure */
};
#define KR_SIDES_MOST 4
struct kr_mta_sides {
    struct kr_mta_side v[KR_SIDES_MOST];
    struct kr_mta_asked asked[KR_SIDES_MOST];
    void (*done[KR_SIDES_MOST])(void *arg); /* how a side is let go */
    size_t n;
    struct kr_mta_note *notes;
    size_t n_notes, cap_notes;
};
struct kr_mta_set_how {
    const char *which;  /* an id of kr_mta_side_default, or "auto" */
    uint64_t most_asks; /* of KumoMTA and of pattern tables; 0: 2,000 */
    const char *source; /* KumoMTA's egress source; NULL: "unspecified" */
};
/* Finds the MTAs and asks them, as nobody. *out must not move until it is freed. "auto": those that
 * run, else those that are installed, else KumoMTA; several: each is judged, and the strictest
 * counts. Whatever an MTA does not tell is its documented default, marked as assumed. Never fails:
 * what can't be had is said in the notes. */
void kr_mta_sides_read(struct kr_scene *s, const struct kr_mta_set_how *how,
                       struct kr_mta_sides *out);
void kr_mta_sides_free(struct kr_mta_sides *s);

#endif

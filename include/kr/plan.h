/* The plan: everything `up` will put into the kernel, as plain data. Made without touching
 * anything, printable, comparable with what the kernel holds, and kept in the state file. */
#ifndef KR_PLAN_H
#define KR_PLAN_H

#include <kr/failsafe.h>
#include <kr/origin.h>
#include <kr/settings.h>
#include <kr/uplink.h>

struct kr_nft;
struct json_t;

#define KR_TABLE "kumo_redirect"
/* The built-in sink: benchmarking space (RFC 2544, RFC 5180), local to this host, one port. */
#define KR_SINK_RANGE4 "198.18.25.0/24"
#define KR_SINK_RANGE6 "2001:2:0:25::/64"
#define KR_SINK_AT4 "198.18.25.1-198.18.25.254:2026"
#define KR_SINK_AT6 "[2001:2:0:25::1-2001:2:0:25::fe]:2026"
#define KR_SINK_SEED 0x6b756d6fu /* of the hash that picks a sink address for a destination */

enum kr_mode { KR_MODE_BLOCK, KR_MODE_REDIRECT };
const char *kr_mode_name(enum kr_mode m); /* "blocked", "redirect" */
struct kr_plan_sink {
    bool on; /* redirected; else the family is only guarded */
    struct kr_endpoint at;
    unsigned index; /* the only device by which packets may go there */
    char ifname[IFNAMSIZ];
};
struct kr_plan {
    enum kr_mode mode;
    bool builtin, fence, forward, capture_local;
    struct kr_plan_sink sink4, sink6;
    struct kr_ports ports, guarded; /* guarded holds every redirected port */
    struct kr_lan lan;
    struct kr_uplinks uplinks;
    struct kr_waivers waivers;
    bool hole4, hole6;
    struct kr_addr source4, source6;
    char said[8][256]; /* what the user should know: "IPv6: no route out; guarded only" */
    size_t n_said;
};

/* Decides. Refuses (KR_UNSAFE) an encapsulated uplink that the fence would cut and a sink that is
 * not on this host or the LAN; KR_CANNOT when neither family can be redirected. */
int kr_plan_make(const struct kr_settings *s, const struct kr_netview *v,
                 const struct kr_origin *origin, struct kr_plan *out, struct kr_err *e);
void kr_plan_free(struct kr_plan *p);
struct kr_failsafe kr_plan_failsafe(const struct kr_plan *p); /* borrows from p */
/* The guards of the blocked state; those of a redirect; with, put off, the redirect. */
enum kr_rules { KR_RULES_BLOCK, KR_RULES_GUARDS, KR_RULES_ALL };
struct kr_nft *kr_plan_ruleset(const struct kr_plan *p, enum kr_rules which); /* to be freed */
void kr_plan_add_redirect(const struct kr_plan *p, struct kr_nft *r); /* to GUARDS: now ALL */
void kr_plan_text(const struct kr_plan *p, struct kr_buf *out);       /* nft and iproute2 syntax */
struct json_t *kr_plan_to_json(const struct kr_plan *p);
struct json_t *kr_plan_to_state(const struct kr_plan *p); /* for the state file: shorter */
int kr_plan_from_state(const struct json_t *j, struct kr_plan *out, struct kr_err *e);
bool kr_plan_equal(const struct kr_plan *a, const struct kr_plan *b);

#endif

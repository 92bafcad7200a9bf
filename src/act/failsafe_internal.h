/* The failsafe as lists of routes and rules: what there is, what there must be. */
#ifndef KR_FAILSAFE_INTERNAL_H
#define KR_FAILSAFE_INTERNAL_H

#include <kr/failsafe.h>

#define KR_HOLE_PEER "kumo-hole1" /* the other end when the hole is a veth pair; left down */
#define KR_LAST_METRIC 999u

struct kr_rt;
struct kr_fs_state {
    struct kr_route *routes; /* both sorted */
    struct kr_fibrule *rules;
    size_t n_routes, n_rules, cap_routes, cap_rules;
};

/* What carries our protocol number in the kernel. */
void kr_fs_have(const struct kr_netview *v, struct kr_fs_state *out);
void kr_fs_want(const struct kr_failsafe *f, const struct kr_netview *v, struct kr_fs_state *out);
void kr_fs_free(struct kr_fs_state *s);
bool kr_fs_has_route(const struct kr_fs_state *s, const struct kr_route *r);
bool kr_fs_has_rule(const struct kr_fs_state *s, const struct kr_fibrule *r);
/* A route that only one of the two can be: same family, table, destination and metric. */
bool kr_fs_has_key(const struct kr_fs_state *s, const struct kr_route *r);

/* Writes a line for each thing of others that is in the way: rules ahead of ours that could take
 * our packets, a local table that is not first, routes in our table. Returns how many. */
size_t kr_fs_strangers(const struct kr_failsafe *f, const struct kr_netview *v, struct kr_buf *out);
void kr_fs_say_route(struct kr_buf *out, const char *what, const struct kr_netview *v,
                     const struct kr_route *r);
void kr_fs_say_rule(struct kr_buf *out, const char *what, const struct kr_fibrule *r);

static inline bool kr_fs_needs_hole(const struct kr_failsafe *f)
{
    return f->hole4 || f->hole6;
}
/* The device by name and kind, or NULL. */
const struct kr_link *kr_fs_hole(const struct kr_netview *v);
/* Why the device of that name is none of ours, or NULL: another kind, addresses on it. */
const char *kr_fs_hole_stranger(const struct kr_netview *v, struct kr_buf *why);
/* Makes it or sets it right; the links of *v are read again when something had to be done. */
int kr_fs_hole_ensure(const struct kr_failsafe *f, struct kr_rt *rt, struct kr_netview *v,
                      struct kr_err *e);
void kr_fs_hole_check(const struct kr_failsafe *f, const struct kr_netview *v, struct kr_buf *diff);

#endif

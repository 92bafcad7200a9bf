/* The failsafe as lists of routes and rules: what there is, what there must be. */
#ifndef KR_FAILSAFE_INTERNAL_H
#define KR_FAILSAFE_INTERNAL_H

#include <kr/failsafe.h>

struct kr_fs_state {
    struct kr_route *routes;
    struct kr_fibrule *rules;
    size_t n_routes, n_rules, cap_routes, cap_rules;
};

/* What of ours is in the kernel: by table, protocol number and priority. */
void kr_fs_have(const struct kr_netview *v, struct kr_fs_state *out);
void kr_fs_want(const struct kr_failsafe *f, const struct kr_netview *v, struct kr_fs_state *out);
bool kr_fs_has_route(const struct kr_fs_state *s, const struct kr_route *r);
bool kr_fs_has_rule(const struct kr_fs_state *s, const struct kr_fibrule *r);
/* Rules ahead of ours that could take our packets, and routes of others in our table: a line each;
 * true when there are any. */
bool kr_fs_strangers(const struct kr_failsafe *f, const struct kr_netview *v, struct kr_buf *out);
void kr_fs_say_route(struct kr_buf *out, const char *what, const struct kr_route *r);
void kr_fs_say_rule(struct kr_buf *out, const char *what, const struct kr_fibrule *r);
void kr_fs_free(struct kr_fs_state *s);

#endif

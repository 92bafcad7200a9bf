/* The groups of checks of this layer: what is ours, and what is sent to prove it. */
#ifndef KR_CHECK_OWN_H
#define KR_CHECK_OWN_H

#include <kr/err.h>
#include <kr/scene.h>

struct kr_campaign;
struct kr_plan;
struct kr_standing;

/* The scene of a verification, and what this layer knows beside it. */
struct kr_proof {
    struct kr_scene scene; /* first, so that a check finds the rest */
    const struct kr_standing *standing;
    const struct kr_plan *plan;
    bool moved;                   /* the ruleset changed whenever it was looked at */
    struct kr_campaign *campaign; /* once something was sent */
    struct kr_err campaign_failed;
};
static inline struct kr_proof *kr_proof_of(struct kr_scene *s)
{
    return (struct kr_proof *)(void *)s;
}

extern const struct kr_check_group kr_checks_own;    /* our rules, failsafe, sink */
extern const struct kr_check *const kr_check_stable; /* "own-stable", one of them */
extern const struct kr_check_group kr_checks_probe;  /* what is sent to prove them */

#endif

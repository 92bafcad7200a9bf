/* Verification: every check of the registry, run over what stands here and now. */
#ifndef KR_VERIFY_H
#define KR_VERIFY_H

#include <kr/check.h>
#include <kr/standing.h>

struct json_t;

struct kr_verify_want {
    const struct kr_settings *settings; /* of an up to come, when nothing stands */
    const struct kr_waivers *waivers;   /* besides those that were recorded by up; may be NULL */
    uint64_t expect_rate, expect_concurrency;
    bool active;                                         /* run what sends something too */
    bool (*wanted)(const struct kr_check *c, void *arg); /* NULL: all */
    void *arg;
    /* Called before each check; may be NULL. */
    void (*progress)(const struct kr_check *c, size_t i, size_t n, void *arg);
};
struct kr_verified {
    const struct kr_check *check;
    struct kr_result result;
    unsigned us;
    const char *waived; /* the reason, or NULL; of a verdict that is not KR_HOLDS */
};
struct kr_verify {
    const struct kr_paths *paths;
    struct kr_standing standing;
    const struct kr_plan *plan; /* what stands, in standing, else what would: to_come */
    struct kr_plan to_come;
    struct kr_waivers waivers;
    struct kr_verified *v;
    size_t n;
    enum kr_verdict verdict; /* the worst of all but waived ones and advice */
    bool again;              /* what stands was read before */
    uint32_t generation;
    char when[32]; /* RFC 3339, UTC */
    unsigned us;
};

/* Runs the checks. While the ruleset changes under them the static ones are run again, at most
 * 5 times; then "own-stable" is unknown. Returns 0 with the verdict in *out, or -1: KR_UNKNOWN,
 * KR_USAGE for too many waivers. *out must stay where it is. */
int kr_verify(const struct kr_paths *paths, const struct kr_verify_want *want,
              struct kr_verify *out, struct kr_err *e);
/* Runs the checks that are wanted now over what stood at the last kr_verify, which is not read
 * again: for a watch, which looks at that by itself. Results of before are gone. */
int kr_verify_again(struct kr_verify *v, const struct kr_verify_want *want, struct kr_err *e);
void kr_verify_free(struct kr_verify *v);
/* As an object of the schema kumo-redirect/verify/1; the caller owns it. */
struct json_t *kr_verify_to_json(const struct kr_verify *v);
/* The exit status that a verdict leads to. */
int kr_verify_status(const struct kr_verify *v);

#endif

/* A whole run: the workers, what is said meanwhile, and the account at the end. */
#ifndef KR_GEN_RUN_H
#define KR_GEN_RUN_H

#include <kr/gen_config.h>
#include <kr/gen_stats.h>

struct kr_buf;
struct kr_err;
struct kr_target;

struct kr_gen_result {
    const struct kr_gen_config *cfg;
    unsigned workers;
    struct kr_gen_sums sums;
    double seconds;  /* from the beginning to the last answer, or to the end of the time */
    double measured; /* the part of it behind the warm-up */
    bool interrupted, complete; /* complete: all there was to send was offered */
    bool crashed;               /* a worker did not end by itself */
};

/* Asked about once a second; -1 ends the run, which then fails with that error. */
typedef int (*kr_gen_still)(void *arg, struct kr_err *e);
/* Returns 0 with the account in *out, or -1. */
int kr_gen_go(const struct kr_gen_config *cfg, const struct kr_target *target, kr_gen_still still,
              void *arg, struct kr_gen_result *out, struct kr_err *e);

/* Messages that were refused, put off for good, or of which nothing is known. */
uint64_t kr_gen_failed(const struct kr_gen_result *r);
/* 0 when everything that was to be sent was accepted. */
int kr_gen_status(const struct kr_gen_result *r);
void kr_gen_result_text(const struct kr_gen_result *r, struct kr_buf *out);
void kr_gen_result_compat(const struct kr_gen_result *r, struct kr_buf *out);
/* The schema kumo-gen/result/1. -1: KR_INTERNAL. */
int kr_gen_result_json(const struct kr_gen_result *r, struct kr_buf *out, struct kr_err *e);

/* "1,234,567" */
void kr_gen_grouped(struct kr_buf *out, uint64_t n);
/* "12,345 msgs/s, 740,700 msgs/minute, 44,442,000 msgs/hour", as traffic-gen says it. */
void kr_gen_rates(struct kr_buf *out, uint64_t messages, double seconds);

#endif

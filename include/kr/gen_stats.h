/* Counters in memory shared by master and workers: a block a worker, which alone writes it. */
#ifndef KR_GEN_STATS_H
#define KR_GEN_STATS_H

#include <kr/hist.h>

#include <stddef.h>

struct kr_err;

/* offered = accepted + refused + deferred + unanswered + unfinished, at the end. refused and
 * deferred were answered 5xx and 4xx at MAIL, at every RCPT, at DATA or at the dot. unanswered:
 * all of the content was sent, and no answer came: it may have been taken. unfinished: given up
 * before that. put_back_421, put_back_lost: tries of a message that ended with a 421 (or 451 4.5.3)
 * or with the connection, and were made again. unsent: due, but no client was free for them (open
 * loop). measured: accepted behind the warm-up. */
/* clang-format off */
#define KR_GEN_COUNTERS(X)                                                                        \
    X(offered) X(accepted) X(refused) X(deferred) X(unanswered) X(unfinished)                     \
    X(put_back_421) X(put_back_lost) X(unsent) X(measured)                                        \
    X(recipients_accepted) X(recipients_refused) X(octets)                                        \
    X(connections) X(connect_failed) X(disconnected) X(timeouts) X(garbage) X(greeting_refused)   \
    X(tls_sessions) X(tls_failed) X(tls_not_offered) X(pipelined)                                 \
    X(clients) X(clients_ended) X(cpu_user_us) X(cpu_system_us) X(last_us)
/* clang-format on */
#define KR_GEN_COUNTER_ENUM(name) KR_GEN_##name,
enum kr_gen_counter { KR_GEN_COUNTERS(KR_GEN_COUNTER_ENUM) KR_GEN_COUNTER_N };

/* Where a try was decided. */
#define KR_GEN_STAGES(X) X(mail) X(rcpt) X(data) X(dot)
#define KR_GEN_STAGE_ENUM(name) KR_GEN_AT_##name,
enum kr_gen_stage { KR_GEN_STAGES(KR_GEN_STAGE_ENUM) KR_GEN_STAGE_N };
#define KR_GEN_CODES 600u

struct kr_gen_block {
    _Alignas(64) _Atomic uint64_t counter[KR_GEN_COUNTER_N];
    _Atomic uint64_t code[KR_GEN_STAGE_N][KR_GEN_CODES]; /* of tries, by where and by reply */
    struct kr_hist_live latency, connect;
};
struct kr_gen_shared {
    _Atomic uint64_t claimed; /* message numbers given out */
    _Atomic uint64_t stop_at; /* us of kr_now_us(): nothing new from here on */
    _Atomic uint64_t cut_at;  /* everything ends here */
    struct kr_gen_block worker[];
};
struct kr_gen_sums {
    uint64_t counter[KR_GEN_COUNTER_N], code[KR_GEN_STAGE_N][KR_GEN_CODES];
    struct kr_hist_sum latency, connect;
};

struct kr_gen_shared *kr_gen_shared_make(unsigned workers, struct kr_err *e); /* or NULL */
void kr_gen_shared_free(struct kr_gen_shared *s, unsigned workers);
void kr_gen_add(struct kr_gen_block *b, enum kr_gen_counter which, int64_t by);
void kr_gen_code(struct kr_gen_block *b, enum kr_gen_stage at, unsigned code);
void kr_gen_sum(const struct kr_gen_shared *s, unsigned workers, struct kr_gen_sums *out);
/* One counter of all workers; last_us is the greatest. */
uint64_t kr_gen_total(const struct kr_gen_shared *s, unsigned workers, enum kr_gen_counter which);
const char *kr_gen_stage_name(enum kr_gen_stage at);

#endif

/* Counters in shared memory: one block a worker, which alone writes it; the master reads them all.
 * No locks: each value is written whole. messages, messages_refused, messages_deferred and
 * messages_cut (the client went away) add up to the times DATA was accepted; recipients are those
 * of messages, rcpt_accepted is how often RCPT was answered 250; recipients_refused and _deferred
 * were so at RCPT or with their message; reports, _refused and _deferred are those of them whose
 * sender was <>: what mail servers send of themselves (RFC 5321 4.5.5). bytes is content, octets_in
 * and _out are all that was read and written (of TLS: what is inside). */
#ifndef KR_SINK_STATS_H
#define KR_SINK_STATS_H

#include <kr/addr.h>

struct kr_buf;
struct kr_err;
struct kr_names;
/* clang-format off */
#define KR_SINK_COUNTERS(X)                                                                       \
    X(connections) X(redirected_v4) X(redirected_v6) X(not_redirected) X(refused_local)           \
    X(refused_busy) X(open) X(messages) X(messages_refused) X(messages_cut) X(recipients)         \
    X(rcpt_accepted) X(refused_commands) X(bytes) X(bare_lf) X(bare_cr) X(long_lines)             \
    X(would_smuggle) X(early_talkers) X(timeouts) X(worker_restarts) X(auth)                       \
    X(starttls_injected) X(messages_deferred) X(policy_refused) X(faults) X(tls_sessions)          \
    X(tls_resumed) X(tls_named) X(tls_13) X(tls_failed) X(recipients_refused)                      \
    X(recipients_deferred) X(octets_in) X(octets_out) X(paused)              \
    X(captured) X(capture_dropped) X(capture_failed) X(logged) X(log_dropped) X(log_failed)  \
    X(reports) X(reports_refused) X(reports_deferred)
/* clang-format on */
#define KR_SINK_ENUM(name) KR_SINK_##name,
enum kr_sink_counter { KR_SINK_COUNTERS(KR_SINK_ENUM) KR_SINK_COUNTER_N };

struct kr_sink_stats; /* one worker's block */
struct kr_sink_about {
    const char *nonce;
    int pid;
    unsigned workers;
    uint64_t uptime;              /* seconds */
    const struct kr_names *names; /* of the providers; NULL: none */
    size_t listed; /* the destinations with the most messages; the rest is summed up; 0: all */
};
/* n blocks, one after the other, shared with the children of this process. NULL: KR_CANNOT. */
struct kr_sink_stats *kr_sink_stats_make(unsigned n, struct kr_err *e);
struct kr_sink_stats *kr_sink_stats_of(struct kr_sink_stats *all, unsigned worker);
void kr_sink_stats_free(struct kr_sink_stats *all, unsigned n);
/* Only the block's own worker may call these. */
void kr_sink_add(struct kr_sink_stats *s, enum kr_sink_counter which, int64_t by);
uint64_t kr_sink_count(const struct kr_sink_stats *s, enum kr_sink_counter which);
/* The sums of n blocks as one line of JSON (kumo-sink/stats/1), LF included. */
int kr_sink_stats_json(struct kr_sink_stats *all, unsigned n, const struct kr_sink_about *about,
                       struct kr_buf *out, struct kr_err *e);

#endif

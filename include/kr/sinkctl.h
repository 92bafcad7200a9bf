/* Starting, asking and stopping kumo-sink, and looking at sinks that are not ours. */
#ifndef KR_SINKCTL_H
#define KR_SINKCTL_H

#include <kr/endpoint.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct kr_buf;
struct kr_err;
struct kr_paths;

struct kr_sinkproc {
    pid_t pid;
    int lifeline; /* the sink dies when this closes before kr_sink_keep; -1: none */
    int ready;    /* it writes here when it listens; -1: none */
    char nonce[40];
};

/* How many workers a sink gets, of which each may have so many files open: one a processor (-1:
 * unknown). More, up to four, only where their files do not suffice for KR_FILES_SINK connections:
 * each worker has a table of files of its own. */
unsigned kr_sink_workers(long cpus, uint64_t files);
/* Starts kumo-sink (found beside this program, else where it was installed) in the current network
 * namespace, to listen on `port`. It ends by itself should this process die before kr_sink_keep.
 * Returns 0, or -1 (KR_CANNOT). */
int kr_sink_launch(const struct kr_paths *paths, uint16_t port, struct kr_sinkproc *out,
                   struct kr_err *e);
/* Waits until it says that it listens, at most 10 s. Returns 0, or -1 (KR_CANNOT, quotes the sink's
 * own last words; it was abandoned). */
int kr_sink_await(struct kr_sinkproc *s, const struct kr_paths *paths, struct kr_err *e);
int kr_sink_keep(struct kr_sinkproc *s, struct kr_err *e);
void kr_sink_abandon(struct kr_sinkproc *s); /* ends one that was not kept */

/* Sends one command to the control socket and reads one line into answer, which may be NULL. 1:
 * answered, 0: nobody there, -1. */
int kr_sink_ask(const struct kr_paths *paths, const char *command, struct kr_buf *answer,
                struct kr_err *e);
/* The same, waiting at most ms milliseconds for each part of the answer. */
int kr_sink_ask_within(const struct kr_paths *paths, const char *command, unsigned ms,
                       struct kr_buf *answer, struct kr_err *e);
/* True when the sink on the control socket is alive and has this nonce. */
bool kr_sink_alive(const struct kr_paths *paths, const char *nonce);
/* Is this process a kumo-sink that lives in our network namespace? Numbers are used again. */
bool kr_sink_is(pid_t pid);
/* Stops it, its connections reset; the final account goes to *account. Waits for its end, at most
 * 10 s. Nobody there is fine. `pid` is killed when the control socket does not answer and that
 * process is a kumo-sink of this namespace. */
int kr_sink_stop(const struct kr_paths *paths, pid_t pid, struct kr_buf *account, struct kr_err *e);

/* Does a sink that we did not start greet with 220 (RFC 5321 3.1) within timeout_ms? Its first and
 * last address are asked. Returns 0, or -1 (KR_CANNOT). */
int kr_sink_greets(const struct kr_endpoint *at, unsigned timeout_ms, struct kr_err *e);

#endif

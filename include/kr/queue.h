/* What is still queued in the mail servers that can send from this network namespace. */
#ifndef KR_QUEUE_H
#define KR_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct kr_err;
struct kr_mta_kind;
struct kr_scene;

enum kr_queue_state { KR_QUEUE_EMPTY, KR_QUEUE_HOLDS, KR_QUEUE_UNKNOWN };
const char *kr_queue_state_name(enum kr_queue_state s); /* "empty", "queued", "unknown" */

/* One queue: of a running instance, or of one that may be started. */
struct kr_queue {
    const struct kr_mta_kind *mta;
    pid_t pid;      /* 0: it does not run */
    bool elsewhere; /* it runs in another network namespace, whose packets come through this one */
    enum kr_queue_state state;
    uint64_t queued, held;                 /* messages in all; those of them that are on hold */
    uint64_t running;                      /* deliveries under way */
    char where[256];                       /* the instance: configuration or URL */
    char how[64];                          /* by what it was asked: "postqueue -j" */
    char why[200];                         /* KR_QUEUE_UNKNOWN: the reason, with a remedy */
    char purge[900], hold[900], look[900]; /* commands for a shell, as root; "": none is known */
    bool purgeable;                        /* kr_queue_purge can do it */
    char order[48];                        /* of a purge that goes on (KumoMTA) */
    uint64_t file[2];                      /* device and inode of its configuration; 0: none */
};
struct kr_queues {
    struct kr_queue *v;
    size_t n, cap;
};
struct kr_queue_how {
    const char *kumomta_url; /* "http://127.0.0.1:8000"; NULL: where kumod listens */
    unsigned most_ms;        /* for each answer; 0: 10 s without a word, 60 s in all */
};
int kr_queue_url(const char *url, struct kr_err *e); /* may it be one? 0, or -1 (KR_USAGE) */

/* Finds the mail servers and asks each of them; whoever does not answer as expected is in the list
 * as unknown, which is never empty. Postfix: postqueue -j of each instance; Exim: exim -bpc and
 * named queues; both below another root by their files; KumoMTA: /metrics.json of each process.
 * Messages that are being delivered count. Needs CAP_SYS_PTRACE, CAP_SYS_ADMIN, CAP_SETUID,
 * CAP_SETGID, CAP_DAC_READ_SEARCH. 0, or -1 (KR_UNKNOWN): it can't be told which there are. */
int kr_queues_read(struct kr_scene *s, const struct kr_queue_how *how, struct kr_queues *out,
                   struct kr_err *e);
bool kr_queues_empty(const struct kr_queues *q);
/* Messages over all of them; false when one is unknown: then there are at least so many. */
bool kr_queues_total(const struct kr_queues *q, uint64_t *messages);
/* Throws away everything that is queued there, mail of others too. Returns 0 when that was ordered,
 * or -1 (KR_CANNOT, KR_UNKNOWN). Ask again for what is left, then call the second: KumoMTA goes on
 * bouncing until it is told to stop. */
int kr_queue_purge(struct kr_queue *q, const struct kr_queue_how *how, struct kr_err *e);
int kr_queue_purged(struct kr_queue *q, const struct kr_queue_how *how, struct kr_err *e);
void kr_queues_free(struct kr_queues *q);

#endif

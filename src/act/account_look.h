/* One look at everything that a run is measured by. */
#ifndef KR_ACCOUNT_LOOK_H
#define KR_ACCOUNT_LOOK_H

#include <kr/run_record.h>

#include <sys/types.h>

struct json_t;
struct kr_paths;

struct account_look {
    uint64_t us;                              /* of kr_now_us() */
    struct kr_run_facts facts[KR_RUN_GROUPS]; /* generator and queue are not looked at here */
    struct json_t *sink;                      /* kumo-sink/stats/1, when facts[KR_RUN_sink].known */
};
/* Reads all that can be read; sink_pid: 0: there is none of ours. */
void account_look(const struct kr_paths *paths, pid_t sink_pid, bool ask_sink,
                  struct account_look *out);
void account_look_free(struct account_look *l);
/* What changed between two looks, group by group, into the record. */
void account_compare(struct account_look *before, const struct account_look *after,
                     struct kr_run *r);
/* What the MTAs of this namespace hold: messages; -1: not known, and why says so. Their names are
 * added to the list, which may be NULL; *running is how many of them are being delivered. */
int64_t account_queued(struct kr_texts *names, uint64_t *running, char *why, size_t size);
void account_host(struct kr_run_host *h);
/* A text file of proc(5) or sysfs, at most size - 1 octets; false: unreadable. */
bool account_slurp(const char *path, char *out, size_t size);

#endif

/* Keeping the account of a run while it lasts. What is not known makes the account incomplete and
 * never the run fail: only opening and writing the record can. */
#ifndef KR_ACCOUNT_H
#define KR_ACCOUNT_H

#include <kr/run_record.h>

struct kr_event;
struct kr_paths;
struct kr_strlist;

#define KR_RUNS_DIR "/var/lib/kumo-redirect/runs"

struct kr_ledger;
struct kr_ledger_want {
    const struct kr_paths *paths;     /* must outlive the ledger */
    const char *const *command;       /* CMD as it is run, NULL-terminated */
    const struct kr_strlist *domains; /* CMD's own; or NULL */
    const char *suffix;               /* CMD's, when it keeps one; NULL: real names */
    const char *record;               /* the file; NULL: a new one in KR_RUNS_DIR */
};
/* Should: be called with the redirect proven and before CMD runs: looks at everything for the first
 * time, and makes sure that the record can be written (the folder is made). Returns 0, or -1
 * (KR_CANNOT); what can't be read is only unknown. */
int kr_ledger_open(const struct kr_ledger_want *want, struct kr_ledger **out, struct kr_err *e);
/* Once a second, at least while CMD runs. Takes some milliseconds; a sink that does not answer
 * costs at most 500 ms, and is asked more and more seldom. */
void kr_ledger_sample(struct kr_ledger *l);
/* Messages that the sink has answered since the beginning, as of the last sample; UINT64_MAX: not
 * known. */
uint64_t kr_ledger_arrived(const struct kr_ledger *l);
/* What CMD wrote, in pieces of any size; stream is 1 or 2. Understands traffic-gen and kumo-gen. */
void kr_ledger_output(struct kr_ledger *l, int stream, const void *data, size_t n);
/* An event of the watch, or one of the caller's own making. */
void kr_ledger_event(struct kr_ledger *l, const struct kr_event *ev);

struct kr_ledger_end {
    enum kr_run_outcome outcome;
    int status;         /* CMD's exit status as a shell says it; -1: none */
    const char *reason; /* of anything but KR_RUN_HELD; or NULL */
};
/* Looks for the last time (call it before the sink is stopped), strikes the balance and writes the
 * record as a whole or not at all. Returns 0, or -1 (KR_CANNOT): the record is in memory only. */
int kr_ledger_close(struct kr_ledger *l, const struct kr_ledger_end *end, struct kr_err *e);
/* After closing; both belong to the ledger. */
const struct kr_run *kr_ledger_run(const struct kr_ledger *l);
const char *kr_ledger_file(const struct kr_ledger *l);
void kr_ledger_free(struct kr_ledger *l); /* NULL is fine */

/* The newest record of KR_RUNS_DIR. Returns 0, or -1 (KR_UNKNOWN: there is none). */
int kr_runs_last(char path[static 256], struct kr_err *e);
/* Reads a record, at most 64 MiB. Returns 0, or -1: KR_USAGE (no such file), KR_UNKNOWN. */
int kr_run_read(const char *path, struct kr_run *out, struct kr_err *e);
/* When it began and ended, us since 1970. Returns 0, or -1 (KR_UNKNOWN). */
int kr_run_span(const struct kr_run *r, int64_t *from, int64_t *to, struct kr_err *e);

#endif

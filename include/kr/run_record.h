/* The record of a run: numbers as they were measured, and why others are not known. One JSON file a
 * run (kumo-redirect/run/1, described in contrib/schema). */
#ifndef KR_RUN_RECORD_H
#define KR_RUN_RECORD_H

#include <kr/run_numbers.h>
#include <kr/texts.h>

struct kr_err;

#define KR_RUN_SCHEMA "kumo-redirect/run/1"
#define KR_RUN_EVENTS 200u /* the first ones are kept, the others counted */

/* HELD: CMD ran under the gate to its end. KEPT: it ran with its suffix, as asked for
 * (--keep-suffix-if-unsafe). REFUSED: not started. FAILED: the gate itself failed. */
enum kr_run_outcome { KR_RUN_HELD, KR_RUN_KEPT, KR_RUN_REFUSED, KR_RUN_BREACH, KR_RUN_FAILED };
#define KR_RUN_OUTCOMES (KR_RUN_FAILED + 1)
const char *kr_run_outcome_name(enum kr_run_outcome o); /* "held" ... */

struct kr_run_event {
    char time[40], id[64]; /* RFC 3339, UTC, milliseconds */
    bool breach;
    char *what;
};
struct kr_run_host {
    char name[64], kernel[64], machine[16], cpu[96];
    uint64_t cpus, memory; /* octets */
};
struct kr_run {
    char version[16], began[40], ended[40];
    double seconds; /* by a clock that only goes forward */
    enum kr_run_outcome outcome;
    int status; /* CMD's exit status; -1: it has none */
    char reason[512], suffix[256], signature[64];
    bool real_names;               /* CMD ran without a domain suffix */
    struct kr_texts command, mtas; /* words, secrets taken out; "Postfix (process 12)" */
    struct kr_texts domains;       /* the first 1,000; */
    uint64_t domains_in_all;
    struct kr_run_host host;
    struct kr_run_facts facts[KR_RUN_GROUPS];
    struct kr_run_provider *providers;
    size_t n_providers, cap_providers;
    struct kr_run_latency *latencies;
    size_t n_latencies, cap_latencies;
    struct kr_run_samples samples;
    struct kr_run_event *events;
    size_t n_events, cap_events;
    uint64_t events_in_all, breaches;
};

void kr_run_event_add(struct kr_run *r, const char *time, const char *id, bool breach,
                      const char *what);
/* The record as one line of JSON; the caller frees it. NULL: it can't be made. */
char *kr_run_to_text(const struct kr_run *r);
/* Reads what kr_run_to_text wrote, and believes nothing: names, numbers and sizes are bounded, and
 * what is missing is unknown. Returns 0, or -1 (KR_UNKNOWN, says where). */
int kr_run_from_text(const char *text, size_t len, struct kr_run *out, struct kr_err *e);
void kr_run_free(struct kr_run *r);

#endif

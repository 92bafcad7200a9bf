/* The audit after a test: the MTA's own logs are read for deliveries that did not end at the sink.
 * Constant memory, whatever the size of a log. What can't be read is unknown, never clean. */
#ifndef KR_AUDIT_H
#define KR_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KR_AUDIT_SHOWN 100u /* rows that are kept with their line; findings before unknowns */

struct kr_audit_row {
    bool unknown;               /* not a delivery elsewhere, but what could not be judged */
    char where[320], what[400]; /* "FILE:LINE" */
};
struct kr_audit {
    struct kr_audit_row v[KR_AUDIT_SHOWN];
    size_t n;
    uint64_t findings, unknowns; /* all of them */
    /* deliveries = at_sink + kept (in a mailbox of this host) + findings, and those of the unknowns
     * that are deliveries; outside: of the run's time, not looked at. */
    uint64_t files, lines, deliveries, at_sink, kept, outside;
};
struct kr_audit_want {
    const char *signature; /* what the sink's answer to a message holds; NULL, "": not known */
    int64_t from, to;      /* us since 1970: the time that is looked at */
};
/* Reads one log: KumoMTA's (lines of JSON, plain or zstd), Postfix's or Exim's main log; each line
 * tells which one it is. A folder: each file in it that was written since `from`. Never fails: what
 * it can't read is a row. */
void kr_audit_log(struct kr_audit *a, const struct kr_audit_want *want, const char *path);
/* One more thing that is not known. */
void kr_audit_doubt(struct kr_audit *a, const char *where, const char *what);

#endif

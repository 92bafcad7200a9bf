/* The audit after a test: the MTA's own logs are read for deliveries that did not end at the sink.
 * Constant memory, whatever the size of a log. What can't be read is unknown, never clean. */
#ifndef KR_AUDIT_H
#define KR_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KR_AUDIT_SHOWN 100u /* findings, and unknowns, that are kept with their line */

struct kr_audit_row {
    bool unknown;               /* not a delivery elsewhere, but what could not be judged */
    char where[320], what[400]; /* "FILE:LINE" */
};
struct kr_audit {
    struct kr_audit_row v[KR_AUDIT_SHOWN];
    size_t n;
    uint64_t findings, unknowns;                         /* all of them */
    uint64_t files, lines, deliveries, at_sink, outside; /* outside: of the run's time */
};
struct kr_audit_want {
    const char
        *signature;   /* what the sink's answer to an accepted message holds; "" or NULL: none */
    int64_t from, to; /* us since 1970; deliveries at other times are not looked at */
};
#endif

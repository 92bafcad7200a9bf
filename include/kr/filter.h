/* The system calls a process may make. */
#ifndef KR_FILTER_H
#define KR_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kr_err;

struct kr_filter_call {
    int call;    /* SCMP_SYS(name) */
    bool narrow; /* only where argument `arg` (from 0) is `value` */
    unsigned arg;
    uint64_t value;
};
/* Should: be called once everything is open. From then on any system call but these, and those the
 * C library makes by itself (memory, time, messages on stderr, the end), kills the process
 * (SIGSYS). Sets no_new_privs. Does nothing in a build with AddressSanitizer, which needs more
 * calls. Returns 0, or -1 (KR_CANNOT). */
int kr_filter(const struct kr_filter_call *calls, size_t n, struct kr_err *e);

#endif

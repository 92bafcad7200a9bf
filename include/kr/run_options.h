/* What `run` is asked for, besides the options of up and preflight. */
#ifndef KR_RUN_OPTIONS_H
#define KR_RUN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum kr_run_at_end { KR_RUN_DOWN, KR_RUN_BLOCK, KR_RUN_KEEP };

struct kr_run_options {
    const char *user, *suffix, *suffix_arg, *record, *account;
    uint64_t drain, verify_every; /* seconds */
    int at_end;                   /* enum kr_run_at_end */
    bool keep_suffix;
};
#define KR_RUN_OPTIONS_DEFAULT           \
    {                                    \
        .drain = 60, .verify_every = 600 \
    }

#endif

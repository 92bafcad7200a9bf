/* What the command line and the configuration file say, as plain data. */
#ifndef KR_OPTIONS_H
#define KR_OPTIONS_H

#include <kr/down_options.h>
#include <kr/opt.h>
#include <kr/report_options.h>
#include <kr/run_options.h>

/* Options that every command takes. */
struct kr_common {
    const char *config, *netns;
    int format, color; /* enum kr_format, enum kr_color */
    bool quiet, verbose, help, version;
};
extern const struct kr_opt_table kr_common_options;

/* What up is asked for, as it was written. Every command reads it from the configuration file, so
 * that the file is checked whole; only up uses it. */
struct kr_up_options {
    struct kr_strlist sinks, lan, uplinks, ports, block_ports, allow;
    int forward;
    bool capture_local, block, dry_run, persist;
};
extern const struct kr_opt_table kr_up_options;
extern const struct kr_opt_table kr_up_settings; /* those of them that say what is to stand */
extern const struct kr_opt_table kr_preflight_options;
extern const struct kr_opt_table kr_no_options;

struct kr_verify_options { /* besides those of up */
    struct kr_strlist allow;
    uint64_t expect_rate, expect_concurrency;
    bool statics;
};
struct kr_preflight_options {
    struct kr_strlist domains, files, resolvers, sinks;
    const char *anchor, *ca_file, *egress_source;
    uint64_t jobs, qps, fetch_timeout, mta_asks, address_asks;
    int mta, emit;
    bool from_command, trust_ad, fetch_policy, all_addresses;
};
/* The options of all commands; a command fills and reads its own, and those of up. */
struct kr_options {
    struct kr_up_options up;
    struct kr_verify_options verify;
    struct kr_down_options down;
    struct kr_status_options status;
    struct kr_restore_options restore;
    struct kr_watch_command watch;
    struct kr_preflight_options preflight;
    struct kr_run_options run;
    struct kr_report_options report;
    struct kr_strlist operands;
};
void kr_options_free(struct kr_options *o);

#endif

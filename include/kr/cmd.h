/* Commands: one file each, one row each in main.c. */
#ifndef KR_CMD_H
#define KR_CMD_H

#include <kr/opt.h>

#include <stdbool.h>

#define KR_CONFIG_DEFAULT "/etc/kumo-redirect.toml"

enum kr_format { KR_FORMAT_TEXT, KR_FORMAT_JSON };

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
    bool capture_local, block, dry_run;
};
extern const struct kr_opt_table kr_up_options;
extern const struct kr_opt_table kr_no_options;

/* What verify is asked for, besides the settings of up. */
struct kr_verify_options {
    struct kr_strlist allow;
    uint64_t expect_rate, expect_concurrency;
    bool statics;
};
/* The options of all commands; a command fills and reads its own, and those of up. */
struct kr_options {
    struct kr_up_options up;
    struct kr_verify_options verify;
    struct kr_strlist operands;
};
void kr_options_free(struct kr_options *o);

struct kr_command {
    const char *name, *summary;
    const char *const *examples;        /* lines, NULL-terminated */
    const struct kr_opt_table *options; /* besides the common ones; NULL-free */
    size_t options_at;                  /* where their target is in struct kr_options */
    const char *operand;                /* "ID": one may follow; NULL: none */
    int (*run)(const struct kr_common *common, const struct kr_options *o, struct kr_err *e);
};
extern const struct kr_command kr_cmd_up, kr_cmd_down, kr_cmd_status, kr_cmd_features;

#endif

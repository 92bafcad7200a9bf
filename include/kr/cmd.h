/* Commands: one file each, one row each in main.c. */
#ifndef KR_CMD_H
#define KR_CMD_H

#include <kr/options.h>

#define KR_CONFIG_DEFAULT "/etc/kumo-redirect.toml"

enum kr_format {
    KR_FORMAT_TEXT,
    KR_FORMAT_JSON,
    KR_FORMAT_TAP,
    KR_FORMAT_JUNIT,
    KR_FORMAT_GITHUB,
};
#define KR_FORMATS_PLAIN (1u << KR_FORMAT_TEXT | 1u << KR_FORMAT_JSON)
#define KR_FORMATS_CHECKS \
    (KR_FORMATS_PLAIN | 1u << KR_FORMAT_TAP | 1u << KR_FORMAT_JUNIT | 1u << KR_FORMAT_GITHUB)

/* Options of another command, and where their target is in struct kr_options. */
struct kr_options_part {
    const struct kr_opt_table *table;
    size_t at;
};
#define KR_MOST_PARTS 3
struct kr_command {
    const char *name, *summary;
    const char *const *examples;                /* lines, NULL-terminated */
    const struct kr_opt_table *options;         /* besides the common ones; NULL-free */
    size_t options_at;                          /* where their target is in struct kr_options */
    struct kr_options_part also[KR_MOST_PARTS]; /* of other commands, taken too; up to a NULL */
    const char *operand;                        /* "ID": one may follow; NULL: none */
    bool many;                                  /* or any number of them */
    bool rest;        /* the first one ends the options: a command of its own */
    unsigned formats; /* bits by enum kr_format */
    int (*run)(const struct kr_common *common, const struct kr_options *o, struct kr_err *e);
};
extern const struct kr_command kr_cmd_up, kr_cmd_down, kr_cmd_status, kr_cmd_features,
    kr_cmd_restore, kr_cmd_verify, kr_cmd_explain, kr_cmd_watch, kr_cmd_preflight, kr_cmd_run,
    kr_cmd_report;

#endif

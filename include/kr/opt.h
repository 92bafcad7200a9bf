/* The option-table engine: a row an option; usage, man page and completion come from them. */
#ifndef KR_OPT_H
#define KR_OPT_H

#include <kr/strlist.h>

#include <stdint.h>
#include <stdio.h>

struct kr_err;
struct kr_toml;

enum kr_opt_kind {
    KR_OPT_FLAG,   /* bool */
    KR_OPT_STRING, /* const char * (owned by argv or the TOML document) */
    KR_OPT_UINT,   /* uint64_t, min..max */
    KR_OPT_CHOICE, /* int: index into `choices` */
    KR_OPT_LIST,   /* struct kr_strlist, repeatable */
    KR_OPT_CALL,   /* call(): for values with a grammar of their own; repeatable */
};
struct kr_opt {
    const char *name; /* "sink": --sink VALUE, --sink=VALUE, key `sink` in the TOML file */
    char letter;      /* 'q' for -q, or 0 */
    enum kr_opt_kind kind;
    size_t offset; /* of the field in the target struct */
    const char *arg;
    uint64_t min, max;
    const char *const *choices; /* NULL-terminated */
    int (*call)(void *target, const char *value, struct kr_err *e);
    const char *help;
    unsigned flags;
};
#define KR_OPT_NO_CONFIG 1u /* not a key of the configuration file */
struct kr_opt_table {
    const struct kr_opt *rows;
    size_t n;
};
struct kr_opt_target {
    const struct kr_opt_table *table;
    void *target;
};

/* Parses argv[1..] against several tables (shared options, command options), each with its own
 * target. Stops at "--" or, when stop_at_operand, at the first operand; operands may otherwise
 * stand between options. *operands is a list of them. Errors (KR_USAGE) quote the option and the
 * value and, for an unknown option, name the nearest one. A scalar given twice: the last one. */
int kr_opt_parse(const struct kr_opt_target *targets, size_t n, int argc, char **argv,
                 int stop_at_operand, struct kr_strlist *operands, struct kr_err *e);
/* Sets fields from the keys of a TOML document; errors (KR_USAGE) begin with file and line. An
 * array sets a repeatable option. Call before kr_opt_parse: the command line wins (a list given on
 * the command line replaces the file's). */
int kr_opt_from_toml(const struct kr_opt_target *targets, size_t n, const struct kr_toml *doc,
                     struct kr_err *e);
/* A table's rows as aligned help lines; as man(7) .TP paragraphs; as words a shell may complete
 * ("--sink", "-q"), one a line. */
void kr_opt_usage(const struct kr_opt_table *t, FILE *out);
void kr_opt_man(const struct kr_opt_table *t, FILE *out);
void kr_opt_names(const struct kr_opt_table *t, FILE *out);

#endif

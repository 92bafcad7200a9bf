/* How a program without subcommands starts. */
#ifndef KR_START_H
#define KR_START_H

#include <stdbool.h>

struct kr_err;
struct kr_opt_table;

struct kr_start {
    const char *name;                 /* of the program */
    const struct kr_opt_table *table; /* its options */
    const char *about, *examples;     /* stand before and after the options of --help */
};

/* Reads the command line into cfg, --quiet, --verbose, --help and --version too, and sets the log
 * up; *quiet is whether only errors are said. Operands are an error. Returns 0; 1 when help or
 * version was printed, which was all; or -1 (KR_USAGE). */
int kr_start(const struct kr_start *s, int argc, char **argv, void *cfg, bool *quiet,
             struct kr_err *e);
/* Opens /dev/null in place of standard descriptors that are closed: a socket that got the number of
 * one would receive our messages. Returns 0, or -1 (KR_CANNOT). */
int kr_start_hold_fds(struct kr_err *e);
/* For a program that only ours start: options, and not a word besides. Returns 0, or -1 (KR_USAGE).
 */
int kr_start_options(const struct kr_opt_table *table, int argc, char **argv, void *cfg,
                     struct kr_err *e);

#endif

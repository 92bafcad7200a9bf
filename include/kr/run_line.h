/* The command line of a generator: which domains it mails to, and how its suffix goes.
 *
 * traffic-gen and kumo-gen are known by their names, wherever they stand: as a word of the command,
 * in a text for sh -c, or in a script; another program is taken for one like them when the command
 * has --domain-suffix. Any other says by `{suffix}` in its words or by a template where the suffix
 * goes. */
#ifndef KR_RUN_LINE_H
#define KR_RUN_LINE_H

#include <kr/strlist.h>

#include <stdbool.h>

struct kr_err;

#define KR_RUN_SUFFIX "mx-sink.wezfurlong.org" /* traffic-gen's own */

struct kr_run_line_want {
    const struct kr_strlist *words;
    const char *template; /* appended, split as by a shell, with its {suffix} filled in; or NULL */
    const char *suffix;   /* for {suffix} when real names are not allowed; NULL: KR_RUN_SUFFIX */
    bool names_given;     /* the domains are known from elsewhere, when the command does not tell */
};
struct kr_run_line {
    struct kr_strlist words, domains; /* of the command; "NAME[:WEIGHT]" */
    struct kr_strlist more;           /* words of the template */
    const char *suffix;
    bool known;     /* traffic-gen's options begin at `options` */
    bool placed;    /* {suffix} stands in it */
    bool letters;   /* they are kumo-gen's */
    bool nameless;  /* its last word is the text of sh -c, without a $0 behind it */
    bool bare;      /* it names an empty suffix itself: there is none to keep */
    bool announces; /* its last line says "sent N messages, failed M" */
    size_t options;
    char **own; /* strings that the lists point at */
    size_t n_own, cap_own;
};
/* Reads files that the command names (scripts, --mail-file). Returns 0, or -1: KR_USAGE with what
 * to add when the domains or the suffix can't be told; KR_CANNOT. The words must outlive it. */
int kr_run_line_read(const struct kr_run_line_want *want, struct kr_run_line *out,
                     struct kr_err *e);
/* The command with real names, or with its suffix. NULL-terminated; the caller frees the array with
 * kr_run_argv_free. */
char **kr_run_line_argv(const struct kr_run_line *l, bool real);
void kr_run_argv_free(char **argv);
void kr_run_line_free(struct kr_run_line *l);

#endif

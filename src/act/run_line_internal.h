/* What reading a generator's command line is made of. */
#ifndef KR_RUN_LINE_INTERNAL_H
#define KR_RUN_LINE_INTERNAL_H

#include <kr/run_line.h>
#include <kr/run_shell.h>

struct kr_option_word {
    const char *text;
    bool expands;   /* by a shell, to what is not known here */
    bool arguments; /* to all arguments */
};
struct kr_option_words {
    struct kr_option_word *v;
    size_t n;
    bool letters; /* they are kumo-gen's: it has short ones too, and --mail-file */
};

bool kr_run_is_generator(const char *word);
bool kr_run_is_text(const char *word);                        /* of a shell, by its blanks */
bool kr_run_has_letters(const char *word);                    /* of a generator: it is kumo-gen */
const char *kr_run_line_keep(struct kr_run_line *l, char *s); /* owned by l from now on */
/* Adds the domains that options name. -1: as kr_run_line_read. */
int kr_run_line_options(struct kr_run_line *l, const struct kr_option_words *w,
                        const struct kr_run_line_want *want, struct kr_err *e);
/* Is word i a shell's text, or a script, that starts a generator? Adds the domains it names. 1: it
 * is; 0: not; -1: as kr_run_line_read. */
int kr_run_line_text(struct kr_run_line *l, size_t i, const struct kr_run_line_want *want,
                     struct kr_err *e);
/* The domains of a CSV file's columns recipient and sender. */
int kr_run_line_mail_file(struct kr_run_line *l, const char *path, struct kr_err *e);

#endif

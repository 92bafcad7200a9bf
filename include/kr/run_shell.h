/* The words of a shell's text, as far as they stand there in plain (POSIX.1-2017, XCU 2.3). */
#ifndef KR_RUN_SHELL_H
#define KR_RUN_SHELL_H

#include <stdbool.h>
#include <stddef.h>

struct kr_err;

struct kr_shell_word {
    char *text;     /* without its quotes */
    bool expands;   /* holds $ or `: what it will be is not known here */
    bool arguments; /* it is "$@" or "${@}": all arguments, empty ones too */
    bool last;      /* of its command */
};
struct kr_shell {
    struct kr_shell_word *v;
    size_t n, cap;
};
/* Comments are left out, lines that a backslash joins are one; what is a keyword or an assignment
 * is a word too. Returns 0, or -1 (KR_USAGE) when a quote is not closed. */
int kr_shell_read(const char *text, struct kr_shell *out, struct kr_err *e);
void kr_shell_free(struct kr_shell *s);

#endif

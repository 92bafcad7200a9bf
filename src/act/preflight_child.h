/* Programs of ours that a preflight starts. */
#ifndef KR_PREFLIGHT_CHILD_H
#define KR_PREFLIGHT_CHILD_H

#include <kr/buf.h>

#include <stdint.h>
#include <sys/types.h>

struct kr_err;

#define KR_CHILD_WORDS 64
#define KR_CHILD_FIRST 3 /* the descriptor that the first of `given` becomes */

struct child {
    const char *program;
    struct kr_buf words[KR_CHILD_WORDS];
    char *argv[KR_CHILD_WORDS + 1];
    size_t n;
    int given[KR_CHILD_WORDS]; /* open for it; closed here with it */
    size_t n_given;
    int in;  /* its standard input; -1: /dev/null; closed here with it */
    int out; /* reads its standard output, without waiting; -1 */
    pid_t pid;
};
void child_begin(struct child *c, const char *program);
/* "NAME", or "NAME=VALUE". */
void child_word(struct child *c, const char *name, const char *value);
void child_number(struct child *c, const char *name, uint64_t n); /* unless it is 0 */
/* The number `fd` will have there. */
size_t child_give(struct child *c, int fd);
/* With nothing in its environment. `listens`: c->out is to be read; else it has no output. Returns
 * 0, or -1 (KR_CANNOT). */
int child_start(struct child *c, int listens, struct kr_err *e);
/* Waits for its end and says what it was in *why (of `room` bytes), when it was none that it
 * chose. Returns 0 when it ended well. */
int child_reap(struct child *c, char *why, size_t room);
/* Ends it, if it still runs. */
void child_end(struct child *c);

#endif

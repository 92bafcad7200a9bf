/* Other people's programs that are asked something: started without a shell, within limits. */
#ifndef KR_TOOL_H
#define KR_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct kr_err;

#define KR_TOOL_LINE 512 /* of a longer line only so much is given, and its last byte */

struct kr_tool {
    const char *const *argv; /* argv[0] is the program by its full name */
    uid_t uid;               /* whom it runs as; 0: as this process does */
    gid_t gid;
    unsigned idle_ms, most_ms; /* limits: without a word, in all */
    /* Each line of its standard output, without the line feed. `last` is its last byte before that.
     * Returning false stops the program. May be NULL. */
    bool (*on_line)(const char *line, size_t len, char last, void *arg);
    bool (*on_bytes)(const char *s, size_t n, void *arg); /* instead: all of it, as it comes */
    void *arg;
};
struct kr_tool_end {
    int status;     /* exit status, 128 + N for signal N; 127: it could not be executed */
    bool stopped;   /* by on_line */
    char said[200]; /* the last line of its standard error */
};

/* Runs it in the current namespaces with standard input from /dev/null, PATH, LC_ALL=C and nothing
 * else in its environment. It dies with this process, and its whole process group once a limit is
 * reached. Returns 0, or -1: KR_UNKNOWN for a limit, KR_CANNOT when no process can be made. */
int kr_tool_run(const struct kr_tool *t, struct kr_tool_end *end, struct kr_err *e);

#endif

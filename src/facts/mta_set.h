/* What those who ask one kind of mail server for its settings share. */
#ifndef KR_MTA_SET_INTERNAL_H
#define KR_MTA_SET_INTERNAL_H

#include <kr/buf.h>
#include <kr/mta.h>
#include <kr/mta_set.h>

struct kr_tool_end;

/* One mail server that is asked. */
struct kr_mta_setting {
    const struct kr_mta_set_how *how;
    const struct kr_mta *mta; /* NULL: none was found; its usual places are tried */
    struct kr_mta_side *side; /* begins as its documented defaults */
    struct kr_mta_asked *asked;
    struct kr_mta_sides *out; /* for notes */
};
/* Each fills the side and clears `assumed` when the MTA answered. side->arg is what done() frees.
 */
void kr_mta_set_postfix(struct kr_mta_setting *x);
void kr_mta_set_exim(struct kr_mta_setting *x);
void kr_mta_set_kumomta(struct kr_mta_setting *x);
void kr_mta_set_postfix_free(void *arg);
void kr_mta_set_exim_free(void *arg);
void kr_mta_set_kumomta_free(void *arg);

/* Whole output of a program of the MTA's, run as `user` (NULL: nobody) when we are root. 0, or -1
 * (KR_UNKNOWN): also when its exit status is not 0. */
int kr_mta_tool(const char *const *argv, const char *user, struct kr_buf *out, struct kr_err *e);
/* The same, and its exit status is the caller's business. */
int kr_mta_tool_end(const char *const *argv, const char *user, struct kr_buf *out,
                    struct kr_tool_end *end, struct kr_err *e);
/* The first that is a program; NULL: none. */
const char *kr_mta_program(const char *const *paths);
/* Is what this process sees at / what that one sees? */
bool kr_mta_same_root(const struct kr_mta *m);
void kr_mta_note(struct kr_mta_sides *s, enum kr_verdict v, const char *id, const char *remedy,
                 const char *where, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* The next line of a text, cut at its end in place; NULL at the end. */
char *kr_mta_next_line(char **at);

/* Lists of hosts as Exim has them (its specification, chapter 10). What can't be told counts as
 * KR_LIST_UNSURE. */
enum kr_list_match { KR_LIST_NO, KR_LIST_YES, KR_LIST_UNSURE };
enum kr_list_match kr_exim_list_match(const char *list, const char *name);

#endif

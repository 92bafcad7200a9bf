/* What those who ask one kind of mail server share. */
#ifndef KR_QUEUE_INTERNAL_H
#define KR_QUEUE_INTERNAL_H

#include <kr/buf.h>
#include <kr/mta.h>
#include <kr/queue.h>

struct kr_procs;
struct kr_tool_end;

/* One mail server that is asked. */
struct kr_queue_asking {
    struct kr_scene *s;
    const struct kr_queue_how *how;
    const struct kr_mta *mta;
    const struct kr_procs *procs;
    struct kr_queues *out;
    int root;  /* of the files it sees */
    bool same; /* they are those that this process sees */
};
/* A new entry, unknown without a reason yet; it is valid until the next. */
struct kr_queue *kr_queue_add(struct kr_queue_asking *a, const char *where);
/* Says why it is unknown, and makes it so. */
void kr_queue_doubt(struct kr_queue *q, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* So many messages: empty or not. */
void kr_queue_count(struct kr_queue *q, const char *how, uint64_t queued, uint64_t held);

/* A command for a shell; "" when it would be cut off, or has what can't be printed. */
void kr_queue_command(char *out, size_t room, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Those who ask one kind each. */
void kr_queue_ask_postfix(struct kr_queue_asking *a);
void kr_queue_ask_exim(struct kr_queue_asking *a);
void kr_queue_ask_kumomta(struct kr_queue_asking *a);
typedef int kr_queue_order(struct kr_queue *q, const struct kr_queue_how *h, struct kr_err *e);
kr_queue_order kr_queue_purge_postfix, kr_queue_purge_exim, kr_queue_purge_kumomta,
    kr_queue_purged_kumomta;

/* The first of these files that may be run, as this process sees it; NULL: none. */
const char *kr_queue_program(const char *const *paths);
/* Is this the same file in the mail server's world and in ours? */
bool kr_queue_same_file(const struct kr_queue_asking *a, const char *path);
/* Runs a program with the limits of `how`, as root or (nobody) as nobody. One without on_line may
 * be silent until it is through. */
int kr_queue_run(const struct kr_queue_how *how, const char *const *argv, bool nobody,
                 bool (*on_line)(const char *line, size_t len, char last, void *arg), void *arg,
                 struct kr_tool_end *end, struct kr_err *e);

/* Regular files below a folder of the server's world, at most `depth` folders down, whose name the
 * filter takes. 1; 0: there is no such folder; -1: it can't be read (errno). */
int kr_queue_spool(int root, const char *path, unsigned depth,
                   bool (*takes)(const char *name, void *arg), void *arg, uint64_t *n);
/* Processes of this name whose open files hold the part in their path: deliveries under way. */
uint64_t kr_queue_running(const struct kr_queue_asking *a, const char *const *names,
                          const char *part);
/* Can packets of that namespace come through ours, or send by our devices? Unsure is yes. */
bool kr_queue_leads_here(struct kr_scene *s, ino_t netns);

#endif

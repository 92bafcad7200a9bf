#include <kr/let_go.h>

#include <kr/buf.h>
#include <kr/err.h>
#include <kr/file.h>
#include <kr/mem.h>
#include <kr/mta.h>
#include <kr/queue.h>

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SCHEMA "kumo-redirect/let-go/1"

static void add_count(uint64_t n, const char *what, struct kr_buf *out)
{
    if (n)
        kr_buf_printf(out, ", %" PRIu64 " %s", n, what);
}

void kr_queue_line(const struct kr_queue *q, struct kr_buf *out)
{
    kr_buf_printf(out, "%s%s%s%s", q->mta->title, *q->where ? " (" : "", q->where,
                  *q->where ? ")" : "");
    if (q->pid && q->elsewhere)
        kr_buf_printf(out, ", process %d in another network namespace", (int)q->pid);
    if (q->state == KR_QUEUE_UNKNOWN)
        kr_buf_printf(out, ": unknown: %s", q->why);
    else
        kr_buf_printf(out, ": %" PRIu64 " message%s queued", q->queued, q->queued == 1 ? "" : "s");
    add_count(q->held, "of them on hold", out);
    add_count(q->running, "being delivered or taken", out);
}

static void sum_up(const struct kr_queues *q, const char *why, struct kr_buf *out)
{
    if (why)
        kr_buf_printf(out, "%s", why);
    for (size_t i = 0; i < q->n; i++) {
        if (q->v[i].state == KR_QUEUE_EMPTY)
            continue;
        kr_buf_printf(out, "%s", out->len ? "; " : "");
        kr_queue_line(&q->v[i], out);
    }
}

int kr_let_go_write(const struct kr_paths *paths, const struct kr_queues *q, const char *why,
                    struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf what = {0};
    char now[32];
    kr_state_now(now);
    sum_up(q, why, &what);
    json_t *j =
        json_pack("{s:s, s:s, s:s}", "schema", SCHEMA, "at", now, "what", kr_buf_str(&what));
    KR_AUTO_FREE char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    json_decref(j);
    return text ? kr_file_replace(paths->let_go, text, KR_FILE_PLAIN, e)
                : kr_fail(e, KR_INTERNAL, 0, "the record of --force can't be put into JSON");
}

void kr_let_go_read(const struct kr_paths *paths, struct kr_let_go *out)
{
    json_t *j = json_load_file(paths->let_go, 0, NULL);
    const char *at = json_string_value(json_object_get(j, "at"));
    const char *what = json_string_value(json_object_get(j, "what"));
    bool there = j || access(paths->let_go, F_OK) == 0;
    snprintf(out->at, sizeof out->at, "%s", at ? at : there ? "at some time" : "");
    snprintf(out->what, sizeof out->what, "%s",
             what    ? what
             : there ? "its record can't be read"
                     : "");
    json_decref(j);
}

json_t *kr_let_go_json(const struct kr_let_go *l)
{
    return *l->at ? json_pack("{s:s, s:s}", "at", l->at, "what", l->what) : json_null();
}

int kr_let_go_forget(const struct kr_paths *paths, struct kr_err *e)
{
    if (unlink(paths->let_go) && errno != ENOENT)
        return kr_fail(e, KR_CANNOT, errno, "removing %s", paths->let_go);
    return 0;
}

#include "account_look.h"

#include <kr/err.h>
#include <kr/mta.h>
#include <kr/plan.h>
#include <kr/queue.h>
#include <kr/scene.h>

#include <inttypes.h>
#include <stdio.h>

#define MOST_MS 3000u

static void add_name(const struct kr_queue *q, struct kr_texts *names)
{
    char text[400];
    if (q->pid)
        snprintf(text, sizeof text, "%s (process %d, %.255s)", q->mta->title, (int)q->pid,
                 q->where);
    else
        snprintf(text, sizeof text, "%s (not running, %.255s)", q->mta->title, q->where);
    kr_texts_add(names, text);
}

/* Says of the first queue that is not known why. */
static void find_reason(const struct kr_queues *all, char *why, size_t size)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->v[i].state == KR_QUEUE_UNKNOWN) {
            snprintf(why, size, "%s: %s", all->v[i].mta ? all->v[i].mta->title : "an MTA",
                     all->v[i].why);
            return;
        }
    snprintf(why, size, "not every queue could be asked");
}

int64_t account_queued(struct kr_texts *names, uint64_t *running, char *why, size_t size)
{
    struct kr_scene scene = {.table = KR_TABLE};
    const struct kr_queue_how how = {.most_ms = MOST_MS};
    struct kr_queues all = {0};
    struct kr_err e = {0};
    uint64_t sum = 0;
    int64_t result = -1;
    if (kr_queues_read(&scene, &how, &all, &e))
        snprintf(why, size, "%.200s", e.msg);
    else if (!kr_queues_total(&all, &sum))
        find_reason(&all, why, size);
    else
        result = (int64_t)sum;
    *running = 0;
    for (size_t i = 0; i < all.n; i++) {
        *running += all.v[i].running;
        if (names && all.v[i].mta)
            add_name(&all.v[i], names);
    }
    kr_queues_free(&all);
    kr_scene_forget(&scene);
    return result;
}

/* Who waits for what: lists whose members all wait equally long, so that the first one is always
 * the next one due, and a heap for those held back by the policy for times of their own. */
#include "conn_internal.h"

#include <kr/mem.h>

static void list_remove(struct waitlist *l, struct conn *c)
{
    *(c->prev ? &c->prev->next : &l->first) = c->next;
    *(c->next ? &c->next->prev : &l->last) = c->prev;
}

static void list_append(struct waitlist *l, struct conn *c, int64_t now)
{
    c->since = now;
    c->prev = l->last;
    c->next = NULL;
    *(l->last ? &l->last->next : &l->first) = c;
    l->last = c;
}

static void put(struct heap *h, size_t at, struct conn *c)
{
    h->v[at] = c;
    c->place = (uint32_t)at;
}

static void rise(struct heap *h, size_t at, struct conn *c)
{
    for (; at && h->v[(at - 1) / 2]->since > c->since; at = (at - 1) / 2)
        put(h, at, h->v[(at - 1) / 2]);
    put(h, at, c);
}

static void sink_down(struct heap *h, size_t at, struct conn *c)
{
    for (size_t kid = 2 * at + 1; kid < h->n; at = kid, kid = 2 * at + 1) {
        if (kid + 1 < h->n && h->v[kid + 1]->since < h->v[kid]->since)
            kid++;
        if (h->v[kid]->since >= c->since)
            break;
        put(h, at, h->v[kid]);
    }
    put(h, at, c);
}

static void heap_add(struct heap *h, struct conn *c, int64_t until)
{
    h->v = kr_grow(h->v, &h->cap, h->n + 1, sizeof(struct conn *));
    c->since = until;
    rise(h, h->n++, c);
}

static void heap_remove(struct heap *h, struct conn *c)
{
    struct conn *last = h->v[--h->n];
    size_t at = c->place;
    if (last == c)
        return;
    if (last->since < c->since)
        rise(h, at, last);
    else
        sink_down(h, at, last);
}

static struct waitlist *list_of(struct waits_of *w, const struct conn *c)
{
    return c->waits == LINGERING ? &w->linger : &w->idle[c->stage];
}

static enum kr_idle stage_of(const struct conn *c)
{
    const struct kr_sink_session *s = &c->s;
    if (c->out)
        return KR_IDLE_reply;
    if (s->phase == KR_SMTP_DATA)
        return s->scan.bytes ? KR_IDLE_data : KR_IDLE_data_init;
    return s->answered                              ? KR_IDLE_after_data
           : s->phase == KR_SMTP_NEW && !s->started ? KR_IDLE_greeting
                                                    : KR_IDLE_command;
}

void wait_begin(struct waits_of *w, struct conn *c, int64_t now)
{
    c->waits = IDLE;
    c->stage = KR_IDLE_greeting;
    list_append(list_of(w, c), c, now);
}

void wait_end(struct waits_of *w, struct conn *c)
{
    if (c->waits == HELD)
        heap_remove(&w->held, c);
    else
        list_remove(list_of(w, c), c);
}

void wait_move(struct waits_of *w, struct conn *c, enum waits to, int64_t until, int64_t now)
{
    wait_end(w, c);
    c->waits = (uint8_t)to;
    c->stage = (uint8_t)stage_of(c);
    if (to == HELD)
        heap_add(&w->held, c, until);
    else
        list_append(list_of(w, c), c, now);
}

static int64_t due(const struct waitlist *l)
{
    return l->first ? l->first->since + l->after : INT64_MAX;
}

int64_t wait_next(const struct waits_of *w)
{
    int64_t held = w->held.n ? w->held.v[0]->since : INT64_MAX, next = due(&w->linger);
    for (size_t i = 0; i < KR_IDLE_N; i++)
        next = due(&w->idle[i]) < next ? due(&w->idle[i]) : next;
    return next < held ? next : held;
}

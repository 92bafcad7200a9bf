#include <kr/sink_gather.h>

#include <kr/mem.h>
#include <kr/sink_note.h>
#include <kr/sink_path.h>
#include <kr/sink_queue.h>

#include "dice.h"

#include <string.h>
#include <time.h>

#define HELLO_MOST 255u

struct kr_gather {
    struct kr_buf sender, rcpts, content;
    uint32_t n;     /* recipients */
    uint8_t broken; /* of CRLF, so many octets stand right before what comes next: 2 at the start */
    bool lost;      /* there was no memory for it */
};

static int64_t clock_real(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static size_t size_of(const struct kr_gather *g)
{
    return g->rcpts.len + g->content.len;
}

static void lose(struct kr_capture *c, struct kr_gather *g)
{
    c->held -= size_of(g);
    kr_buf_free(&g->rcpts);
    kr_buf_free(&g->content);
    g->lost = true;
}

static void add(struct kr_capture *c, struct kr_gather *g, struct kr_buf *to, const void *p,
                size_t n)
{
    if (g->lost || !n)
        return;
    if (n > c->most - c->held) {
        lose(c, g);
        return;
    }
    kr_buf_add(to, p, n);
    c->held += n;
}

static bool is_drawn(struct kr_sink_ctx *x)
{
    struct kr_capture *c = x->capture;
    uint64_t number = (uint64_t)x->worker << 48 | c->drawn++;
    return c->sample >= 1 || dice_unit(dice_mix(number), 0) < c->sample;
}

static size_t text_of(const struct kr_path *p)
{
    return p->kind == KR_PATH_MAILBOX ? p->local_len + 1 + p->domain_len : p->local_len;
}

void kr_gather_begin(struct kr_sink_ctx *x, struct kr_sink_session *s, const struct kr_path *from)
{
    if (!x->capture || !x->capture->messages || !is_drawn(x))
        return;
    s->gather = kr_calloc(1, sizeof *s->gather);
    s->gather->broken = 2;
    kr_buf_add(&s->gather->sender, from->local ? from->local : "", text_of(from));
}

void kr_gather_rcpt(struct kr_sink_ctx *x, struct kr_sink_session *s, const struct kr_path *to)
{
    struct kr_gather *g = s->gather;
    struct kr_note_rcpt head = {0, (uint16_t)text_of(to)};
    if (!g)
        return;
    g->n++;
    add(x->capture, g, &g->rcpts, &head, sizeof head);
    add(x->capture, g, &g->rcpts, to->local, head.len);
}

bool kr_gather_wants(const struct kr_sink_ctx *x, const struct kr_sink_session *s)
{
    return s->gather && x->capture->content && !s->gather->lost;
}

void kr_gather_chunk(struct kr_sink_ctx *x, struct kr_sink_session *s, const char *p, size_t n)
{
    if (kr_gather_wants(x, s))
        add(x->capture, s->gather, &s->gather->content, p, n);
}

static uint8_t after(uint8_t broken, char c)
{
    return c == '\r' ? 1 : c == '\n' && broken == 1 ? 2 : 0;
}

/* From `at` on, where the next dot to leave out is; n: there is none. */
static size_t next_stuffed(const char *p, size_t at, size_t n)
{
    const char *hit = at < n ? memmem(p + at, n - at, "\r\n.", 3) : NULL;
    return hit ? (size_t)(hit - p) + 2 : n;
}

/* Dots that begin a line go (RFC 5321 4.5.2); that of the end too, whose CRLF kr_gather_finish
 * takes off. Across the border of two pieces the octets are looked at one by one. */
void kr_gather_data(struct kr_sink_ctx *x, struct kr_sink_session *s, const char *p, size_t n)
{
    struct kr_gather *g = s->gather;
    size_t from = 0, dot = n;
    if (!n || !kr_gather_wants(x, s))
        return;
    uint8_t broken = g->broken;
    for (size_t i = 0; i < n && i < 3; broken = after(broken, p[i++]))
        if (broken == 2 && p[i] == '.') {
            add(x->capture, g, &g->content, p + from, i - from);
            from = i + 1;
        }
    while ((dot = next_stuffed(p, from, n)) < n) {
        add(x->capture, g, &g->content, p + from, dot - from);
        from = dot + 1;
    }
    add(x->capture, g, &g->content, p + from, n - from);
    g->broken = after(n > 1 ? after(0, p[n - 2]) : g->broken, p[n - 1]);
}

/* The codes of the recipients are filled in where they stand. */
static void fill_codes(struct kr_gather *g, const struct kr_sink_session *s, int code,
                       int (*each)(const struct kr_sink_session *s, uint32_t i))
{
    char *p = g->rcpts.s;
    for (uint32_t i = 0; i < g->n; i++) {
        struct kr_note_rcpt head;
        memcpy(&head, p, sizeof head);
        head.code = (uint16_t)(code ? code : each(s, i));
        memcpy(p, &head, sizeof head);
        p += sizeof head + head.len;
    }
}

static struct iovec piece(const struct kr_buf *b)
{
    return (struct iovec){b->s, b->len};
}

static bool put(struct kr_sink_ctx *x, const struct kr_sink_session *s, int code)
{
    const struct kr_gather *g = s->gather;
    const struct kr_account *a = x->account;
    struct kr_note_message m = {.kind = KR_NOTE_MESSAGE,
                                .worker = x->worker,
                                .at = clock_real(),
                                .connection = a->serial,
                                .serial = code ? 0 : x->next_id,
                                .size = s->scan.bytes,
                                .content_len = g->content.len,
                                .source = a->source,
                                .meant = a->meant,
                                .hello_len = a->hello ? (uint32_t)strlen(a->hello) : 0,
                                .sender_len = (uint32_t)g->sender.len,
                                .rcpts = g->n,
                                .rcpts_len = (uint32_t)g->rcpts.len,
                                .port = a->port,
                                .code = (uint16_t)(code ? code : 250),
                                .tls = a->tls,
                                .redirected = a->redirected,
                                .each = x->offers & KR_OFFER_LMTP};
    struct iovec v[] = {{&m, sizeof m},
                        {a->hello, m.hello_len},
                        piece(&g->sender),
                        piece(&g->rcpts),
                        piece(&g->content)};
    return kr_queue_put(x->capture->queue, x->worker, v, sizeof v / sizeof *v);
}

void kr_gather_finish(struct kr_sink_ctx *x, struct kr_sink_session *s, int code,
                      int (*each)(const struct kr_sink_session *s, uint32_t i))
{
    struct kr_gather *g = s->gather;
    if (!g)
        return;
    if (!s->chunked && g->content.len >= 2) {
        g->content.len -= 2;
        x->capture->held -= 2;
    }
    if (!g->lost)
        fill_codes(g, s, code, each);
    bool done = !g->lost && put(x, s, code);
    kr_tally(x, done ? KR_SINK_captured : KR_SINK_capture_dropped, 1);
    kr_gather_drop(x, s);
}

void kr_gather_drop(struct kr_sink_ctx *x, struct kr_sink_session *s)
{
    struct kr_gather *g = s->gather;
    if (!g)
        return;
    lose(x->capture, g);
    kr_buf_free(&g->sender);
    free(g);
    s->gather = NULL;
}

/* ---- connections --------------------------------------------------------------------------------
 */

struct kr_account *kr_account_open(struct kr_sink_ctx *x, const struct kr_sink_peer *p,
                                   uint16_t port)
{
    if (!x->capture)
        return NULL;
    struct kr_account *a = kr_calloc(1, sizeof *a);
    *a = (struct kr_account){.began = clock_real(),
                             .serial = ++x->capture->serial,
                             .source = p->source,
                             .meant = p->meant,
                             .port = port,
                             .redirected = p->redirected};
    return a;
}

void kr_account_hello(struct kr_sink_ctx *x, const char *p, size_t n)
{
    struct kr_account *a = x->account;
    if (!a)
        return;
    n = n > HELLO_MOST ? HELLO_MOST : n;
    free(a->hello);
    a->hello = memcpy(kr_calloc(n + 1, 1), p, n);
}

void kr_account_close(struct kr_sink_ctx *x, struct kr_account *a, int64_t took)
{
    if (a && x->capture->connections) {
        struct kr_note_connection c = {.kind = KR_NOTE_CONNECTION,
                                       .worker = x->worker,
                                       .hello_len = a->hello ? (uint32_t)strlen(a->hello) : 0,
                                       .name_len = a->name ? (uint32_t)strlen(a->name) : 0,
                                       .took = took,
                                       .account = *a};
        struct iovec v[] = {{&c, sizeof c},
                            {a->code, a->codes * sizeof *a->code},
                            {a->hello, c.hello_len},
                            {a->name, c.name_len}};
        bool done = kr_queue_put(x->capture->queue, x->worker, v, sizeof v / sizeof *v);
        kr_sink_add(x->stats, done ? KR_SINK_logged : KR_SINK_log_dropped, 1);
    }
    kr_account_free(a);
}

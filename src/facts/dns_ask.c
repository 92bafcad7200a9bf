/* A question holds a slot from the first query to its end. Its id belongs to it on the path
 * (socket) it went out by; an answer counts only when it comes by that path, with that id and the
 * very question, letter case included when that was mixed. Queries of one question keep their id,
 * so that an answer that is late is still one. */
#include "dns_ask_internal.h"

#include <kr/mem.h>

#include <assert.h>
#include <string.h>

#define MOST_WINDOW 65000u
#define BUSY_US 10000u  /* until TCP is tried again */
#define TCP_US 8000000u /* of one exchange */
#define SLOW_WINDOW 1024u
#define IN_A_ROW \
    16u /* by one path when many are out: what leaves together is cheap (dns_batch.c) */
#define MANY 64u

enum phase { FREE, SENT, WANTS_TCP, ON_TCP };
struct slot {
    struct kr_wheel_link timer;
    uint64_t sent;
    uint32_t kind, of, next_free;
    uint16_t type, id, len;
    uint8_t phase, server, path, tries, failures, how;
    uint8_t wire[KR_DNS_QUERY_MAX];
};
struct kr_ask {
    struct kr_ask_config c;
    struct kr_ask_hooks h;
    struct kr_ask_wire w;
    struct slot *slots;
    uint16_t *by_id;    /* slot + 1 by path and id */
    uint32_t *path_out; /* questions out by each path */
    uint32_t free, out;
    struct kr_wheel wheel;
    struct kr_pace *pace; /* by server */
    struct kr_window window;
    struct kr_ask_stats stats;
    uint64_t next_send; /* us * 1, by qps */
    unsigned path, in_a_row;
    bool slow, started;
};

static struct kr_wheel_links links(struct kr_ask *a)
{
    static_assert(offsetof(struct slot, timer) == 0, "a slot begins with its link");
    return (struct kr_wheel_links){a->slots, sizeof *a->slots};
}

struct kr_ask *kr_ask_new(const struct kr_ask_config *c, const struct kr_ask_hooks *h,
                          const struct kr_ask_wire *w)
{
    struct kr_ask *a = kr_calloc(1, sizeof *a);
    a->c = *c;
    a->h = *h;
    a->w = *w;
    a->c.window = c->window < MOST_WINDOW ? c->window : MOST_WINDOW;
    a->slots = kr_calloc(a->c.window, sizeof *a->slots);
    a->by_id = kr_calloc((size_t)c->servers * c->paths << 16, sizeof *a->by_id);
    a->path_out = kr_calloc((size_t)c->servers * c->paths, sizeof *a->path_out);
    a->pace = kr_calloc(c->servers, sizeof *a->pace);
    for (uint32_t i = 0; i < a->c.window; i++)
        a->slots[i].next_free = i + 1 < a->c.window ? i + 1 : KR_NO_SLOT;
    kr_window_begin(&a->window, a->c.window);
    return a;
}

void kr_ask_free(struct kr_ask *a)
{
    if (!a)
        return;
    free(a->slots);
    free(a->by_id);
    free(a->path_out);
    free(a->pace);
    free(a);
}

static uint16_t *id_at(struct kr_ask *a, unsigned server, unsigned path, uint16_t id)
{
    return &a->by_id[(size_t)(server * a->c.paths + path) << 16 | id];
}

static uint32_t *out_by(struct kr_ask *a, unsigned server, unsigned path)
{
    return &a->path_out[server * a->c.paths + path];
}

static void forget_id(struct kr_ask *a, const struct slot *s)
{
    if (s->phase == FREE)
        return;
    *id_at(a, s->server, s->path, s->id) = 0;
    --*out_by(a, s->server, s->path);
}

/* The one with the fewest out: behind a server's address there may be several programs, each with
 * the share of our sockets that fell to it. */
static unsigned choose_path(struct kr_ask *a, unsigned server)
{
    if (a->out >= MANY && ++a->in_a_row % IN_A_ROW)
        return a->path;
    a->path = 0;
    for (unsigned i = 1; i < a->c.paths; i++)
        if (*out_by(a, server, i) < *out_by(a, server, a->path))
            a->path = i;
    return a->path;
}

/* An id that is free on the path; there are more ids than slots. */
static void take_id(struct kr_ask *a, struct slot *s, unsigned server)
{
    uint16_t id;
    s->server = (uint8_t)server;
    s->path = (uint8_t)choose_path(a, server);
    do
        id = (uint16_t)a->w.random(a->w.arg);
    while (*id_at(a, s->server, s->path, id));
    s->id = id;
    *id_at(a, s->server, s->path, id) = (uint16_t)(s - a->slots + 1);
    ++*out_by(a, s->server, s->path);
}

static void mix_case(struct kr_ask *a, struct slot *s)
{
    uint32_t bits = 0, left = 0;
    for (uint8_t *n = s->wire + 12; *n; n += *n + 1)
        for (uint8_t i = 1; i <= *n; i++) {
            if (!left) {
                bits = a->w.random(a->w.arg);
                left = 32;
            }
            left--;
            if (n[i] >= 'a' && n[i] <= 'z' && bits >> left & 1)
                n[i] = (uint8_t)(n[i] - 32);
        }
}

static void finish(struct kr_ask *a, struct slot *s, const struct kr_packet *p,
                   const struct kr_reply *r)
{
    uint8_t name[KR_NAME_MAX];
    memcpy(name, s->wire + 12, kr_name_len(s->wire + 12));
    kr_name_lower(name);
    struct kr_question q = {name, s->type, s->how, s->kind, s->of};
    kr_wheel_drop(&a->wheel, links(a), (uint32_t)(s - a->slots));
    forget_id(a, s);
    s->phase = FREE;
    s->next_free = a->free;
    a->free = (uint32_t)(s - a->slots);
    a->out--;
    a->stats.answered += p != NULL;
    a->h.done(a->h.arg, &q, p, r);
}

static void transmit(struct kr_ask *a, struct slot *s, uint64_t now)
{
    uint64_t wait = kr_pace_timeout(&a->pace[s->server], s->tries, a->slow);
    a->stats.sent++;
    a->stats.again += s->tries > 0;
    s->phase = SENT;
    s->sent = now;
    s->tries++;
    kr_wheel_add(&a->wheel, links(a), (uint32_t)(s - a->slots), now + wait);
    a->w.send(a->w.arg, s->server, s->path, s->wire, s->len);
}

static void write_query(struct slot *s, const uint8_t *name)
{
    s->len = (uint16_t)kr_query_write(s->wire, s->id, name, s->type, s->how);
}

static void begin(struct kr_ask *a, const struct kr_question *q, uint64_t now)
{
    struct slot *s = &a->slots[a->free];
    a->free = s->next_free;
    a->out++;
    s->kind = q->kind;
    s->of = q->of;
    s->type = q->type;
    s->how = (uint8_t)q->how;
    s->tries = s->failures = 0;
    take_id(a, s, 0);
    write_query(s, q->name);
    if (a->c.mix_case)
        mix_case(a, s);
    transmit(a, s, now);
}

/* Once more, of the next server when there is one. */
static void try_again(struct kr_ask *a, struct slot *s, uint64_t now)
{
    unsigned next = (s->server + 1u) % a->c.servers;
    if (next != s->server) {
        forget_id(a, s);
        take_id(a, s, next);
        s->wire[0] = (uint8_t)(s->id >> 8);
        s->wire[1] = (uint8_t)s->id;
    }
    transmit(a, s, now);
}

static void start_tcp(struct kr_ask *a, struct slot *s, uint64_t now)
{
    uint32_t i = (uint32_t)(s - a->slots);
    bool on = a->w.tcp(a->w.arg, s->server, i, s->wire, s->len);
    s->phase = on ? ON_TCP : WANTS_TCP;
    a->stats.tcp += on;
    kr_wheel_add(&a->wheel, links(a), i, now + (on ? TCP_US : BUSY_US));
}

/* Patience is more tries, too: the time for three that are further and further apart is enough for
 * six, and an answer to any of them counts as long as it lasts. */
static unsigned most_tries(const struct kr_ask *a)
{
    return a->slow ? 2 * a->c.tries : a->c.tries;
}

static void timed_out(struct kr_ask *a, struct slot *s, uint64_t now)
{
    if (s->phase == WANTS_TCP) {
        start_tcp(a, s, now);
        return;
    }
    a->stats.lost++;
    a->window.lost += s->phase == SENT && s->tries == 1;
    if (s->tries >= most_tries(a))
        finish(a, s, NULL, NULL);
    else
        try_again(a, s, now);
}

/* A failure of one server is asked of each other once; a server without EDNS is asked without. */
static void failed(struct kr_ask *a, struct slot *s, const struct kr_packet *p,
                   const struct kr_reply *r, uint64_t now)
{
    bool plainly = r->rcode == KR_RCODE_FORMERR && !(s->how & KR_ASK_PLAIN);
    if (plainly) {
        s->how |= KR_ASK_PLAIN;
        s->wire[11] = 0;
        s->len = (uint16_t)(s->len - 11);
    }
    if ((!plainly && ++s->failures >= a->c.servers) || s->tries > most_tries(a)) {
        finish(a, s, p, r);
        return;
    }
    kr_wheel_drop(&a->wheel, links(a), (uint32_t)(s - a->slots));
    try_again(a, s, now);
}

static bool same_question(const struct kr_ask *a, const struct slot *s, const struct kr_packet *p)
{
    size_t n = kr_name_len(s->wire + 12) + 4;
    uint8_t name[KR_NAME_MAX + 4];
    if (p->answers_at != 12 + n)
        return false;
    if (a->c.mix_case || memcmp(p->b + 12, s->wire + 12, n) == 0)
        return memcmp(p->b + 12, s->wire + 12, n) == 0;
    memcpy(name, p->b + 12, n);
    kr_name_lower(name);
    return memcmp(name, s->wire + 12, n) == 0;
}

static void take(struct kr_ask *a, struct slot *s, const struct kr_packet *p, uint64_t now)
{
    struct kr_reply r;
    uint8_t name[KR_NAME_MAX];
    memcpy(name, s->wire + 12, kr_name_len(s->wire + 12));
    kr_name_lower(name);
    kr_dns_reply_read(p, name, &r);
    if (r.truncated && s->phase == SENT) {
        kr_wheel_drop(&a->wheel, links(a), (uint32_t)(s - a->slots));
        start_tcp(a, s, now);
    } else if (r.kind == KR_REPLY_FAILED || r.kind == KR_REPLY_BROKEN || r.truncated) {
        r.kind = r.truncated ? KR_REPLY_BROKEN : r.kind;
        failed(a, s, p, &r, now);
    } else {
        finish(a, s, p, &r);
    }
}

void kr_ask_input(struct kr_ask *a, unsigned server, unsigned path, const uint8_t *b, size_t len,
                  uint64_t now)
{
    struct kr_packet p;
    uint16_t i = len >= 2 ? *id_at(a, server, path, (uint16_t)(b[0] << 8 | b[1])) : 0;
    struct slot *s = i ? &a->slots[i - 1] : NULL;
    if (!s || s->phase != SENT || kr_packet_open(&p, b, len) || !same_question(a, s, &p)) {
        a->stats.strays++;
        return;
    }
    if (s->tries == 1) /* else nobody knows which query it answers (Karn) */
        kr_pace_measure(&a->pace[server], now - s->sent);
    a->window.done++;
    take(a, s, &p, now);
}

void kr_ask_tcp(struct kr_ask *a, uint32_t slot, const uint8_t *b, size_t len, uint64_t now)
{
    struct slot *s = &a->slots[slot];
    struct kr_packet p;
    if (s->phase != ON_TCP)
        return;
    if (b && kr_packet_open(&p, b, len) == 0 && p.id == s->id && same_question(a, s, &p)) {
        take(a, s, &p, now);
        return;
    }
    kr_wheel_drop(&a->wheel, links(a), slot);
    timed_out(a, s, now);
}

void kr_ask_slow(struct kr_ask *a)
{
    a->slow = true;
    if (a->window.most > SLOW_WINDOW)
        a->window.most = SLOW_WINDOW;
    if (a->window.now > a->window.most)
        a->window.now = a->window.most;
}

/* How many queries --qps lets out now; a little burst, since timers are coarse. */
static bool may_send(struct kr_ask *a, uint64_t now)
{
    if (!a->c.qps)
        return true;
    uint64_t each = 1000000u / a->c.qps ? 1000000u / a->c.qps : 1;
    if (a->next_send + 20000u < now)
        a->next_send = now - 20000u;
    if (a->next_send > now)
        return false;
    a->next_send += each;
    return true;
}

uint64_t kr_ask_pump(struct kr_ask *a, uint64_t now)
{
    struct kr_question q;
    uint32_t due;
    bool held = false;
    if (!a->started) {
        kr_wheel_begin(&a->wheel, now);
        a->window.looked = now;
        a->started = true;
    }
    while ((due = kr_wheel_due(&a->wheel, links(a), now)) != KR_NO_SLOT)
        timed_out(a, &a->slots[due], now);
    kr_window_look(&a->window, now);
    while (a->out < a->window.now && !(held = !may_send(a, now)) && a->h.next(a->h.arg, &q))
        begin(a, &q, now);
    uint64_t wake = a->wheel.n ? now + KR_WHEEL_US : UINT64_MAX;
    return held && a->next_send < wake ? a->next_send : wake;
}

uint32_t kr_ask_out(const struct kr_ask *a)
{
    return a->out;
}

struct kr_ask_stats kr_ask_stats(const struct kr_ask *a)
{
    struct kr_ask_stats s = a->stats;
    s.window = a->window.now;
    s.rtt = a->pace[0].srtt;
    return s;
}

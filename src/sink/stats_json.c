#include "stats_internal.h"

#include <kr/buf.h>
#include <kr/err.h>
#include <kr/mem.h>

#include <jansson.h>

struct tally {
    uint64_t connections, message[KR_OUTCOMES];
};
struct row {
    struct kr_addr addr;
    struct tally n;
};
struct rows {
    struct row *v;
    size_t n, cap;
};

#define NAME_OF(name) #name,
static const char *const counters[] = {KR_SINK_COUNTERS(NAME_OF)};
_Static_assert(sizeof counters / sizeof *counters == KR_SINK_COUNTER_N, "a name for each counter");

static uint64_t get(const _Atomic uint64_t *v)
{
    return atomic_load_explicit(v, memory_order_acquire);
}

static void sum_up(struct tally *t, const struct tally *more)
{
    t->connections += more->connections;
    for (int i = 0; i < KR_OUTCOMES; i++)
        t->message[i] += more->message[i];
}

static struct tally read_dest(const struct dest_count *d)
{
    struct tally t = {.connections = get(&d->connections) & ~DEST_TAKEN};
    for (int i = 0; i < KR_OUTCOMES; i++)
        t.message[i] = get(&d->message[i]);
    return t;
}

static void gather(const struct kr_sink_stats *s, struct rows *r)
{
    if (s->dests == 0) /* reading an untouched table would allocate its 4 MiB */
        return;
    for (uint32_t i = 0; i < DEST_SLOTS; i++) {
        struct tally t = read_dest(&s->dest[i].n);
        if (!t.connections && !t.message[KR_ACCEPTED] && !t.message[KR_REFUSED] &&
            !t.message[KR_DEFERRED])
            continue;
        r->v = kr_grow(r->v, &r->cap, r->n + 1, sizeof *r->v);
        r->v[r->n++] = (struct row){s->dest[i].addr, t};
    }
}

static int by_address(const void *a, const void *b)
{
    return kr_addr_cmp(&((const struct row *)a)->addr, &((const struct row *)b)->addr);
}

/* Workers may have met the same destination: equal addresses become one row. */
static void merge(struct rows *r)
{
    size_t n = 0;
    if (r->n > 1)
        qsort(r->v, r->n, sizeof *r->v, by_address);
    for (size_t i = 0; i < r->n; i++) {
        if (n && kr_addr_cmp(&r->v[n - 1].addr, &r->v[i].addr) == 0)
            sum_up(&r->v[n - 1].n, &r->v[i].n);
        else
            r->v[n++] = r->v[i];
    }
    r->n = n;
}

static json_t *counts(const struct tally *t)
{
    return json_pack("{sIsIsIsI}", "connections", (json_int_t)t->connections, "messages",
                     (json_int_t)t->message[KR_ACCEPTED], "messages_refused",
                     (json_int_t)t->message[KR_REFUSED], "messages_deferred",
                     (json_int_t)t->message[KR_DEFERRED]);
}

static int by_messages(const void *a, const void *b)
{
    const struct tally *x = &((const struct row *)a)->n, *y = &((const struct row *)b)->n;
    if (x->message[KR_ACCEPTED] != y->message[KR_ACCEPTED])
        return x->message[KR_ACCEPTED] < y->message[KR_ACCEPTED] ? 1 : -1;
    if (x->connections != y->connections)
        return x->connections < y->connections ? 1 : -1;
    return by_address(a, b);
}

/* Keeps the `most` rows with the most messages; the sum of the others is returned. */
static struct tally keep_busiest(struct rows *r, size_t most)
{
    struct tally rest = {0};
    if (!most || r->n <= most)
        return rest;
    qsort(r->v, r->n, sizeof *r->v, by_messages);
    for (size_t i = most; i < r->n; i++)
        sum_up(&rest, &r->v[i].n);
    r->n = most;
    return rest;
}

static json_t *list(const struct rows *r)
{
    char text[KR_ADDRSTRLEN];
    json_t *o = json_object();
    for (size_t i = 0; i < r->n; i++)
        json_object_set_new(o, kr_addr_str(&r->v[i].addr, text), counts(&r->v[i].n));
    return o;
}

static void destinations(struct kr_sink_stats *all, unsigned n, size_t most, json_t *o)
{
    struct rows r = {0};
    for (unsigned i = 0; i < n; i++)
        gather(&all[i], &r);
    merge(&r);
    struct tally other = keep_busiest(&r, most);
    for (unsigned i = 0; i < n; i++) {
        struct tally one = read_dest(&all[i].other);
        sum_up(&other, &one);
    }
    json_object_set_new(o, "destinations_other", counts(&other));
    json_object_set_new(o, "destinations", list(&r));
    free(r.v);
}

static void sums(struct kr_sink_stats *all, unsigned n, json_t *o)
{
    for (unsigned c = 0; c < KR_SINK_COUNTER_N; c++) {
        uint64_t sum = 0;
        for (unsigned i = 0; i < n; i++)
            sum += kr_sink_count(&all[i], c);
        json_object_set_new(o, counters[c], json_integer((json_int_t)sum));
    }
}

static const char *const messages[] = {"messages", "messages_refused", "messages_deferred"};
static const char *const recipients[] = {"recipients", "recipients_refused", "recipients_deferred"};

/* What became of a provider's messages and recipients, as far as it had any. */
static void outcomes(struct kr_sink_stats *all, unsigned n, size_t which, json_t *o)
{
    for (int k = 0; k < KR_OUTCOMES; k++) {
        uint64_t mails = 0, rcpts = 0;
        for (unsigned i = 0; i < n; i++) {
            mails += get(&all[i].message[which][k]);
            rcpts += get(&all[i].recipient[which][k]);
        }
        if (mails)
            json_object_set_new(o, messages[k], json_integer((json_int_t)mails));
        if (rcpts)
            json_object_set_new(o, recipients[k], json_integer((json_int_t)rcpts));
    }
}

/* {"gmail": {"accepted": 12, "421": 3, "messages": 12}}: those something was said for. */
static json_t *provider(struct kr_sink_stats *all, unsigned n, size_t which)
{
    json_t *o = json_object();
    for (unsigned c = 0; c < CODES; c++) {
        uint64_t sum = 0;
        char name[16] = "accepted";
        for (unsigned i = 0; i < n; i++)
            sum += get(&all[i].code[which][c]);
        if (c)
            snprintf(name, sizeof name, "%u", c + 399);
        if (sum)
            json_object_set_new(o, name, json_integer((json_int_t)sum));
    }
    outcomes(all, n, which, o);
    return o;
}

/* {"220": 5, "250": 20}: how often each code was said. */
static json_t *replies(struct kr_sink_stats *all, unsigned n)
{
    json_t *o = json_object();
    for (unsigned c = 0; c < REPLIES; c++) {
        uint64_t sum = 0;
        char name[16];
        for (unsigned i = 0; i < n; i++)
            sum += get(&all[i].reply[c]);
        snprintf(name, sizeof name, "%u", c + 200);
        if (sum)
            json_object_set_new(o, name, json_integer((json_int_t)sum));
    }
    return o;
}

static void providers(struct kr_sink_stats *all, unsigned n, const struct kr_names *names,
                      json_t *o)
{
    json_t *list = json_object();
    for (size_t i = 0; names && i < kr_names_count(names); i++) {
        json_t *one = provider(all, n, i);
        if (json_object_size(one))
            json_object_set_new(list, kr_names_get(names, i), one);
        else
            json_decref(one);
    }
    json_object_set_new(o, "providers", list);
}

int kr_sink_stats_json(struct kr_sink_stats *all, unsigned n, const struct kr_sink_about *about,
                       struct kr_buf *out, struct kr_err *e)
{
    json_t *o = json_pack("{sssssisisI}", "schema", "kumo-sink/stats/1", "nonce", about->nonce,
                          "pid", about->pid, "workers", (int)about->workers, "uptime_seconds",
                          (json_int_t)about->uptime);
    if (!o)
        return kr_fail(e, KR_INTERNAL, 0, "the counters can't be put into JSON");
    sums(all, n, o);
    json_object_set_new(o, "replies", replies(all, n));
    providers(all, n, about->names, o);
    json_object_set_new(o, "latency_us", stats_latencies(all, n));
    destinations(all, n, about->listed, o);
    KR_AUTO_FREE char *text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    if (!text)
        return kr_fail(e, KR_INTERNAL, 0, "the counters can't be written as JSON");
    kr_buf_printf(out, "%s\n", text);
    return 0;
}

/* Messages and connections as lines of JSON. */
#include "writer_internal.h"

#include <kr/base64.h>
#include <kr/mem.h>
#include <kr/sink_names.h>
#include <kr/sink_path.h>
#include <kr/sink_sums.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NAME_OF(name) #name,
static const char *const counters[] = {KR_SINK_COUNTERS(NAME_OF)};
static const char *const ends[] = {KR_ENDS(NAME_OF)};
_Static_assert(sizeof counters / sizeof *counters == KR_SINK_COUNTER_N, "a name for each counter");
_Static_assert(sizeof ends / sizeof *ends == KR_END_N, "a name for each end");

/* Octets that are no UTF-8 become U+FFFD. */
static json_t *text(const char *p, size_t n)
{
    json_t *good = json_stringn(p, n);
    if (good)
        return good;
    KR_AUTO_BUF struct kr_buf b = {0};
    for (size_t i = 0; i < n;) {
        size_t len = (p[i] & 0x80) == 0 ? 1 : kr_utf8_len(p + i, n - i);
        kr_buf_add(&b, len ? p + i : "\xef\xbf\xbd", len ? len : 3);
        i += len ? len : 1;
    }
    return json_stringn(kr_buf_str(&b), b.len);
}

static json_t *when(int64_t us)
{
    time_t at = (time_t)(us / 1000000);
    struct tm t;
    char date[32], all[48];
    gmtime_r(&at, &t);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &t);
    snprintf(all, sizeof all, "%s.%06dZ", date, (int)(us % 1000000));
    return json_string(all);
}

static void set(json_t *o, const char *key, json_t *v)
{
    json_object_set_new(o, key, v);
}

static void set_number(json_t *o, const char *key, uint64_t v)
{
    set(o, key, json_integer((json_int_t)v));
}

static void set_source(json_t *o, const struct kr_addr *a, unsigned port)
{
    char name[KR_ADDRSTRLEN], all[KR_ADDRSTRLEN + 16];
    bool v4 = kr_addr_is_v4(a);
    snprintf(all, sizeof all, "%s%s%s:%u", v4 ? "" : "[", kr_addr_str(a, name), v4 ? "" : "]",
             port);
    set(o, "source", json_string(all));
}

static void set_tls(json_t *o, unsigned version)
{
    char name[16];
    snprintf(name, sizeof name, "TLSv1.%u", (version & 0xff) - 1);
    set(o, "tls", version ? json_string(name) : json_null());
}

static void add_line(json_t *o, struct kr_buf *out)
{
    KR_AUTO_FREE char *line = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    if (line)
        kr_buf_printf(out, "%s\n", line);
}

/* ---- messages -----------------------------------------------------------------------------------
 */

static void set_content(json_t *o, const char *p, size_t n)
{
    json_t *good = json_stringn(p, n);
    set(o, "encoding", json_string(good ? "utf-8" : "base64"));
    if (!good) {
        KR_AUTO_FREE char *coded = kr_calloc(KR_BASE64_LEN(n) + 1, 1);
        good = json_stringn(coded, kr_base64(p, n, coded));
    }
    set(o, "content", good);
}

static void set_recipients(json_t *o, const struct note_mail *m)
{
    json_t *names = json_array(), *codes = json_array();
    const char *at = m->rcpts;
    for (uint32_t i = 0; i < m->m->rcpts; i++) {
        struct note_rcpt r = note_next(&at);
        json_array_append_new(names, text(r.p, r.n));
        json_array_append_new(codes, json_integer((json_int_t)r.code));
    }
    set(o, "recipients", names);
    if (m->m->each)
        set(o, "codes", codes);
    else
        json_decref(codes);
}

static void set_decision(json_t *o, const struct note_mail *m)
{
    static const char *const word[] = {"accepted", "refused", "deferred"};
    char id[48];
    snprintf(id, sizeof id, "%u-%llx", m->m->worker, (unsigned long long)m->m->serial);
    set(o, "id", m->m->serial ? json_string(id) : json_null());
    set(o, "decision", json_string(word[kr_outcome_of(m->m->code)]));
    set_number(o, "code", m->m->code);
}

void note_mail_json(const struct kr_writer *w, const struct note_mail *m, bool content,
                    struct kr_buf *out)
{
    char name[KR_ADDRSTRLEN];
    json_t *o = json_object();
    set(o, "schema", json_string("kumo-sink/message/1"));
    set(o, "sink", json_string(w->nonce));
    set(o, "time", when(m->m->at));
    set_number(o, "worker", m->m->worker);
    set_number(o, "connection", m->m->connection);
    set_source(o, &m->m->source, m->m->port);
    set(o, "destination", json_string(kr_addr_str(&m->m->meant, name)));
    set(o, "redirected", json_boolean(m->m->redirected));
    set(o, "hello", text(m->hello, m->m->hello_len));
    set_tls(o, m->m->tls);
    set(o, "sender", text(m->sender, m->m->sender_len));
    set_recipients(o, m);
    set_decision(o, m);
    set_number(o, "size", m->m->size);
    if (content)
        set_content(o, m->content, m->m->content_len);
    add_line(o, out);
}

/* ---- connections --------------------------------------------------------------------------------
 */

static void add_code(json_t *o, const struct kr_tally_code *c)
{
    char code[16];
    snprintf(code, sizeof code, "%u", c->code);
    set_number(o, code, c->times);
}

/* {"220": 1} of all replies, {"gmail": {"421": 1}} of the policy's. */
static void set_codes(const struct kr_writer *w, json_t *o, const struct kr_tally_code *c, size_t n)
{
    json_t *all = json_object(), *providers = json_object();
    for (size_t i = 0; i < n; i++) {
        if (c[i].provider == KR_TALLY_NOBODY) {
            add_code(all, &c[i]);
            continue;
        }
        const char *name = kr_names_get(w->names, c[i].provider);
        if (!json_object_get(providers, name))
            set(providers, name, json_object());
        add_code(json_object_get(providers, name), &c[i]);
    }
    set(o, "replies", all);
    set(o, "providers", providers);
}

static bool is_of_one(size_t counter)
{
    return counter != KR_SINK_open && counter != KR_SINK_connections;
}

static void set_counters(json_t *o, const struct kr_account *a)
{
    for (size_t i = 0; i < KR_SINK_COUNTER_N; i++)
        if (is_of_one(i) && a->counter[i])
            set_number(o, counters[i], a->counter[i]);
}

void note_connection_json(const struct kr_writer *w, const struct kr_note_connection *c,
                          struct kr_buf *out)
{
    const struct kr_account *a = &c->account;
    const struct kr_tally_code *code = (const struct kr_tally_code *)(const void *)(c + 1);
    const char *hello = (const char *)(code + a->codes), *name = hello + c->hello_len;
    char dest[KR_ADDRSTRLEN];
    json_t *o = json_object(), *counts = json_object();
    set(o, "schema", json_string("kumo-sink/connection/1"));
    set(o, "sink", json_string(w->nonce));
    set(o, "time", when(a->began));
    set_number(o, "duration_us", (uint64_t)c->took);
    set_number(o, "worker", c->worker);
    set_number(o, "connection", a->serial);
    set_source(o, &a->source, a->port);
    set(o, "destination", json_string(kr_addr_str(&a->meant, dest)));
    set(o, "redirected", json_boolean(a->redirected));
    set(o, "hello", text(hello, c->hello_len));
    set_tls(o, a->tls);
    set(o, "cipher", a->tls ? json_string(a->cipher) : json_null());
    set(o, "tls_name", c->name_len ? text(name, c->name_len) : json_null());
    set(o, "end", json_string(ends[a->end]));
    set_counters(counts, a);
    set(o, "counts", counts);
    set_codes(w, o, code, a->codes);
    add_line(o, out);
}

/* The engine's logic under a clock and a network of our own. Each tests/unit/facts/dns/NAME.replay
 * is a script: domain NAME             a domain to ask about; repeatable servers N, window N, qps
 * N, tries N, case NAME TYPE: REPLY | REPLY ...   what the first, second, ... query for it meets;
 * the last one stays expect NAME: mx=hosts trust=secure sts=none
 * host0=mx.example/secure/none/usable ... (+unasked, +lost, +inside: its flags); many N: so many
 * more domains, addresses N: so many addresses may be asked for besides, expect unasked N: hosts
 * expect queries N        at most N, of which each that may
 * be sent twice counts expect end MS           at the latest A REPLY is words: drop, servfail,
 * refused, formerr, nxdomain, ad, tc, soa=ZONE, MX="10 host", A=192.0.2.1, CNAME=target, TXT="...",
 * TLSA="3 1 1", after=MS, wrongid, lower, server=N (only that one answers so; others are silent).
 * Without a line a question meets an empty answer. */
#include "../base/cmocka_all.h"

#include <kr/addr.h>
#include <kr/dns_ask.h>
#include <kr/dns_plan.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RULES 64
#define WIRE 4096
#define RTT_US 1000

struct rule {
    char name[256], type[16], replies[16][400];
    unsigned n, used;
};
struct flight {
    uint64_t due;
    unsigned server, path;
    bool tcp;
    uint32_t slot;
    size_t n;
    uint8_t b[WIRE];
};
struct world {
    struct rule rules[RULES];
    unsigned n_rules, queries, most_queries, addresses;
    long unasked;
    uint64_t now, end_ms;
    struct flight *air[4096];
    size_t n_air;
    struct kr_domains domains;
    struct kr_ask_config config;
    struct kr_dns_plan *plan;
    struct kr_ask *ask;
    uint32_t dice;
    char expect[32][400];
    unsigned n_expect;
};

static const struct {
    const char *name;
    uint16_t type;
} types[] = {{"A", 1},    {"CNAME", 5}, {"SOA", 6},  {"MX", 15},
             {"TXT", 16}, {"AAAA", 28}, {"TLSA", 52}};

static uint16_t type_of(const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, name) == 0)
            return types[i].type;
    return 0;
}

struct message {
    uint8_t *b;
    size_t n;
    unsigned answers, authority;
};

static void put(struct message *m, const void *p, size_t n)
{
    assert_true(m->n + n < WIRE);
    memcpy(m->b + m->n, p, n);
    m->n += n;
}

static void put_name(struct message *m, const char *text)
{
    uint8_t name[KR_NAME_MAX];
    assert_int_equal(kr_name_from_text(text, name), 0);
    put(m, name, kr_name_len(name));
}

static void record(struct message *m, const char *owner, uint16_t type, const void *data, size_t n)
{
    const uint8_t fixed[] = {(uint8_t)(type >> 8), (uint8_t)type, 0, 1, 0, 0, 1, 44,
                             (uint8_t)(n >> 8),    (uint8_t)n};
    if (owner)
        put_name(m, owner);
    else
        put(m, "\xc0\x0c", 2);
    put(m, fixed, sizeof fixed);
    put(m, data, n);
}

/* The data of a record as it is written in a script. */
static size_t data_of(uint16_t type, const char *text, uint8_t out[static 600])
{
    unsigned a, b, c;
    char word[256];
    struct kr_addr addr;
    switch (type) {
    case 15:
        assert_int_equal(sscanf(text, "%u %255s", &a, word), 2);
        out[0] = (uint8_t)(a >> 8);
        out[1] = (uint8_t)a;
        assert_int_equal(kr_name_from_text(word, out + 2), 0);
        return 2 + kr_name_len(out + 2);
    case 5:
        assert_int_equal(kr_name_from_text(text, out), 0);
        return kr_name_len(out);
    case 1:
    case 28:
        assert_int_equal(kr_addr_parse(text, &addr, NULL), 0);
        return kr_addr_bytes(&addr, out);
    case 16:
        out[0] = (uint8_t)strlen(text);
        memcpy(out + 1, text, out[0]);
        return out[0] + 1u;
    default:
        assert_int_equal(sscanf(text, "%u %u %u", &a, &b, &c), 3);
        memset(out, 0xaa, 35);
        out[0] = (uint8_t)a;
        out[1] = (uint8_t)b;
        out[2] = (uint8_t)c;
        return 35;
    }
}

/* The next word of a reply, quotes taken off its value. */
static bool next_word(const char **s, char key[static 64], char value[static 400])
{
    size_t n;
    *s += strspn(*s, " ");
    if (!**s)
        return false;
    n = strcspn(*s, " =");
    memcpy(key, *s, n);
    key[n] = *value = '\0';
    *s += n;
    if (**s != '=')
        return true;
    bool quoted = *++*s == '"';
    *s += quoted;
    n = strcspn(*s, quoted ? "\"" : " ");
    memcpy(value, *s, n);
    value[n] = '\0';
    *s += n + quoted;
    return true;
}

struct telling {
    struct message m;
    uint64_t after;
    unsigned rcode;
    bool drop, tc, ad, wrongid, lower;
    int server;
    char owner[400];
};

static void take_word(struct telling *t, const char *key, const char *value)
{
    uint8_t data[600];
    static const struct {
        const char *name;
        unsigned rcode;
    } rcodes[] = {{"servfail", 2}, {"refused", 5}, {"formerr", 1}, {"nxdomain", 3}};
    for (size_t i = 0; i < 4; i++)
        if (strcmp(key, rcodes[i].name) == 0)
            t->rcode = rcodes[i].rcode;
    t->drop |= strcmp(key, "drop") == 0;
    t->tc |= strcmp(key, "tc") == 0;
    t->ad |= strcmp(key, "ad") == 0;
    t->wrongid |= strcmp(key, "wrongid") == 0;
    t->lower |= strcmp(key, "lower") == 0;
    if (strcmp(key, "after") == 0)
        t->after = strtoul(value, NULL, 10) * 1000;
    if (strcmp(key, "server") == 0)
        t->server = atoi(value);
    if (strcmp(key, "soa") == 0) {
        static const uint8_t soa[22] = {0};
        record(&t->m, value, 6, soa, sizeof soa);
        t->m.authority++;
    } else if (type_of(key)) {
        record(&t->m, *t->owner ? t->owner : NULL, type_of(key), data,
               data_of(type_of(key), value, data));
        t->m.answers++;
        if (strcmp(key, "CNAME") == 0)
            snprintf(t->owner, sizeof t->owner, "%s", value);
    }
}

static const char *reply_for(struct world *w, const char *name, uint16_t type)
{
    for (unsigned i = 0; i < w->n_rules; i++) {
        struct rule *r = &w->rules[i];
        if (strcmp(r->name, name) || type_of(r->type) != type)
            continue;
        unsigned k = r->used < r->n ? r->used++ : r->n - 1;
        return r->replies[k];
    }
    return "";
}

static void answer(struct world *w, unsigned server, unsigned path, bool tcp, uint32_t slot,
                   const uint8_t *q, size_t len)
{
    uint8_t name[KR_NAME_MAX];
    char text[KR_NAME_TEXT], key[64], value[400];
    struct flight *f = calloc(1, sizeof *f);
    struct telling t = {.m = {.b = f->b}, .after = RTT_US, .server = -1};
    size_t n = kr_name_len(q + 12);
    memcpy(name, q + 12, n);
    kr_name_lower(name);
    const char *s = reply_for(w, kr_name_text(name, text), (uint16_t)(q[12 + n] << 8 | q[13 + n]));
    assert_true(len >= 16 + n);
    put(&t.m, q, 16 + n);
    while (next_word(&s, key, value))
        take_word(&t, key, value);
    w->queries++;
    if ((t.drop && !tcp) || (t.server >= 0 && (unsigned)t.server != server)) {
        free(f);
        return;
    }
    bool cut = t.tc && !tcp;
    f->b[0] ^= t.wrongid ? 0x80 : 0;
    f->b[2] = (uint8_t)(0x81 | (cut ? 2 : 0));
    f->b[3] = (uint8_t)(0x80 | (t.ad ? 0x20 : 0) | t.rcode);
    memcpy(f->b + 4, "\0\1\0\0\0\0\0\0", 8);
    f->b[7] = (uint8_t)(cut ? 0 : t.m.answers);
    f->b[9] = (uint8_t)(cut ? 0 : t.m.authority);
    if (t.lower)
        kr_name_lower(f->b + 12);
    f->n = cut ? 16 + n : t.m.n;
    f->due = w->now + t.after;
    f->server = server;
    f->path = path;
    f->tcp = tcp;
    f->slot = slot;
    assert_true(w->n_air < sizeof w->air / sizeof *w->air);
    w->air[w->n_air++] = f;
}

static void on_send(void *arg, unsigned server, unsigned path, const uint8_t *b, size_t len)
{
    answer(arg, server, path, false, 0, b, len);
}

static bool on_tcp(void *arg, unsigned server, uint32_t slot, const uint8_t *b, size_t len)
{
    answer(arg, server, 0, true, slot, b, len);
    return true;
}

static uint32_t on_random(void *arg)
{
    struct world *w = arg;
    return w->dice = w->dice * 1664525u + 1013904223u;
}

static bool on_next(void *arg, struct kr_question *q)
{
    struct world *w = arg;
    return kr_dns_plan_next(w->plan, q);
}

static void on_done(void *arg, const struct kr_question *q, const struct kr_packet *p,
                    const struct kr_reply *r)
{
    struct world *w = arg;
    kr_dns_plan_take(w->plan, q, p, r, p && r->ad ? KR_PROOF_SECURE : KR_PROOF_INSECURE);
}

/* What arrives first; NULL: the air is empty. */
static struct flight *earliest(struct world *w, uint64_t until)
{
    size_t best = w->n_air;
    for (size_t i = 0; i < w->n_air; i++)
        if (w->air[i]->due <= until && (best == w->n_air || w->air[i]->due < w->air[best]->due))
            best = i;
    if (best == w->n_air)
        return NULL;
    struct flight *f = w->air[best];
    memmove(w->air + best, w->air + best + 1, (--w->n_air - best) * sizeof *w->air);
    return f;
}

static void drain(struct world *w)
{
    for (int guard = 0; guard < 2000000; guard++) {
        uint64_t wake = kr_ask_pump(w->ask, w->now);
        if (!kr_ask_out(w->ask) && wake == UINT64_MAX)
            return;
        struct flight *f = earliest(w, wake);
        if (f) {
            w->now = f->due > w->now ? f->due : w->now;
            if (f->tcp)
                kr_ask_tcp(w->ask, f->slot, f->b, f->n, w->now);
            else
                kr_ask_input(w->ask, f->server, f->path, f->b, f->n, w->now);
            free(f);
        } else {
            w->now = wake > w->now ? wake : w->now + 1;
        }
    }
    fail_msg("it does not come to its end");
}

static void run(struct world *w)
{
    const struct kr_ask_hooks hooks = {w, on_next, on_done};
    const struct kr_ask_wire wire = {w, on_send, on_tcp, on_random};
    const struct kr_dns_plan_config pc = {
        .how = KR_ASK_AD, .tell_bogus = true, .address_asks = w->addresses};
    bool patient = false;
    w->plan = kr_dns_plan_new(&w->domains, &pc);
    w->ask = kr_ask_new(&w->config, &hooks, &wire);
    do {
        if (patient)
            kr_ask_slow(w->ask);
        drain(w);
    } while (kr_dns_plan_advance(w->plan, &patient));
}

static void describe(const struct kr_domain_facts *d, char *out, size_t room)
{
    size_t n = (size_t)snprintf(out, room, "mx=%s trust=%s sts=%s", kr_mx_kind_name(d->mx),
                                kr_dns_trust_name(d->trust), kr_announced_name(d->sts));
    for (size_t i = 0; i < d->n_hosts; i++) {
        const struct kr_host_facts *h = &d->hosts[i];
        bool in = h->flags & (KR_HOST_PRIVATE | KR_HOST_LOOPBACK);
        n += (size_t)snprintf(out + n, room - n, " %s/%s/%s/%s/%s%s%s%s", h->name,
                              kr_host_address_name(h->address), kr_host_alias_name(h->alias),
                              kr_tlsa_name(h->tlsa), kr_tlsa_name(h->tlsa_expanded),
                              h->flags & KR_HOST_UNASKED ? "+unasked" : "",
                              h->flags & KR_HOST_LOST ? "+lost" : "", in ? "+inside" : "");
    }
}

static void check(struct world *w, const char *file)
{
    KR_AUTO_BUF struct kr_buf text = {0};
    for (unsigned i = 0; i < w->n_expect; i++) {
        char name[256], got[2000];
        bool found = false;
        const char *colon = strchr(w->expect[i], ':');
        assert_non_null(colon);
        snprintf(name, sizeof name, "%.*s", (int)(colon - w->expect[i]), w->expect[i]);
        for (uint32_t k = 0; k < w->domains.names.n && !found; k++) {
            struct kr_domain_facts d;
            kr_dns_plan_facts(w->plan, k, &text, &d);
            found = strcmp(d.name, name) == 0;
            describe(&d, got, sizeof got);
        }
        if (!found || strcmp(got, colon + 2) != 0)
            fail_msg("%s: %s: wanted %s, got %s", file, name, colon + 2, found ? got : "nothing");
    }
    if (w->most_queries && w->queries > w->most_queries)
        fail_msg("%s: %u queries, at most %u", file, w->queries, w->most_queries);
    if (w->unasked >= 0)
        assert_int_equal(kr_dns_plan_unasked(w->plan), w->unasked);
    if (w->end_ms && w->now / 1000 > w->end_ms)
        fail_msg("%s: it took %llu ms, at most %llu", file, (unsigned long long)w->now / 1000,
                 (unsigned long long)w->end_ms);
}

static void read_rule(struct world *w, const char *line)
{
    struct rule *r = &w->rules[w->n_rules++];
    assert_true(w->n_rules < RULES);
    const char *s = strstr(line, ": ");
    assert_non_null(s);
    assert_int_equal(sscanf(line, "%255s %15[A-Z]", r->name, r->type), 2);
    for (s += 2; s; r->n++) {
        const char *end = strstr(s, " | ");
        assert_true(r->n < sizeof r->replies / sizeof *r->replies);
        snprintf(r->replies[r->n], sizeof *r->replies, "%.*s",
                 (int)(end ? end - s : (long)strlen(s)), s);
        s = end ? end + 3 : NULL;
    }
}

static void add_domains(struct world *w, unsigned long n)
{
    for (unsigned long i = 0; i < n; i++) {
        char name[32];
        snprintf(name, sizeof name, "d%lu.example", i);
        kr_domains_add(&w->domains, name, "script", 0);
    }
}

static void read_line(struct world *w, char *line)
{
    unsigned long n;
    line[strcspn(line, "\n")] = '\0';
    if (!*line || *line == '#')
        return;
    if (strncmp(line, "domain ", 7) == 0)
        kr_domains_add(&w->domains, line + 7, "script", 0);
    else if (sscanf(line, "many %lu", &n) == 1)
        add_domains(w, n);
    else if (sscanf(line, "addresses %lu", &n) == 1)
        w->addresses = (unsigned)n;
    else if (sscanf(line, "expect unasked %lu", &n) == 1)
        w->unasked = (long)n;
    else if (sscanf(line, "servers %lu", &n) == 1)
        w->config.servers = (unsigned)n;
    else if (sscanf(line, "window %lu", &n) == 1)
        w->config.window = (uint32_t)n;
    else if (sscanf(line, "qps %lu", &n) == 1)
        w->config.qps = n;
    else if (strcmp(line, "case") == 0)
        w->config.mix_case = true;
    else if (sscanf(line, "expect queries %lu", &n) == 1)
        w->most_queries = (unsigned)n;
    else if (sscanf(line, "expect end %lu", &n) == 1)
        w->end_ms = n;
    else if (strncmp(line, "expect ", 7) == 0)
        memcpy(w->expect[w->n_expect++], line + 7, strnlen(line + 7, sizeof *w->expect - 1));
    else
        read_rule(w, line);
}

static void replay(const char *file)
{
    struct world *w = calloc(1, sizeof *w);
    char line[2000];
    FILE *f = fopen(file, "re");
    assert_non_null(f);
    w->config = (struct kr_ask_config){.servers = 1, .paths = 2, .window = 100, .tries = 3};
    w->dice = 1;
    w->unasked = -1;
    while (fgets(line, sizeof line, f))
        read_line(w, line);
    fclose(f);
    assert_true(w->n_expect > 0);
    assert_int_equal(w->domains.n_bad, 0);
    run(w);
    check(w, file);
    for (size_t i = 0; i < w->n_air; i++)
        free(w->air[i]);
    kr_ask_free(w->ask);
    kr_dns_plan_free(w->plan);
    kr_domains_free(&w->domains);
    free(w);
}

static void test_scripts(void **state)
{
    (void)state;
    glob_t g;
    assert_int_equal(glob("tests/unit/facts/dns/*.replay", 0, NULL, &g), 0);
    for (size_t i = 0; i < g.gl_pathc; i++)
        replay(g.gl_pathv[i]);
    assert_true(g.gl_pathc >= 8);
    globfree(&g);
}

/* Everything that is out comes to its end once, in any order of answers and losses. */
static void test_thousands(void **state)
{
    (void)state;
    struct world *w = calloc(1, sizeof *w);
    w->config = (struct kr_ask_config){
        .servers = 2, .paths = 3, .window = 300, .tries = 3, .mix_case = true};
    w->dice = 7;
    add_domains(w, 3000);
    read_rule(w, "d17.example MX: drop | drop | drop | drop | drop | MX=\"1 late.example\"");
    run(w);
    struct kr_dns_progress p = kr_dns_plan_progress(w->plan);
    assert_int_equal(p.done, 3000);
    assert_int_equal(p.unknown, 0);
    assert_int_equal(kr_ask_out(w->ask), 0);
    for (size_t i = 0; i < w->n_air; i++)
        free(w->air[i]);
    kr_ask_free(w->ask);
    kr_dns_plan_free(w->plan);
    kr_domains_free(&w->domains);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_scripts),
                                       cmocka_unit_test(test_thousands)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

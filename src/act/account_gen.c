#include <kr/run_gen.h>

#include <kr/mem.h>

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define LINE_MOST (256u << 10) /* kumo-gen's JSON is some KiB */
#define NOBODY UINT64_MAX
#define SUM_MOST (UINT64_MAX / 4)

/* ---- words of a line ----------------------------------------------------------------------------
 */

static bool skip_word(const char **at, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(*at, word, n) != 0)
        return false;
    *at += n;
    return true;
}

/* "1,234,567": digits, grouped or not. */
static bool number(const char **at, uint64_t *out)
{
    const char *p = *at;
    uint64_t v = 0;
    for (; isdigit((unsigned char)*p) || (*p == ',' && isdigit((unsigned char)p[1])); p++) {
        if (*p == ',')
            continue;
        if (v > SUM_MOST / 10)
            return false;
        v = v * 10 + (uint64_t)(*p - '0');
    }
    if (p == *at)
        return false;
    *at = p;
    *out = v;
    return true;
}

/* "60.001234s", "1.5ms", "12µs", "60.000 s", to microseconds. */
static bool duration(const char **at, uint64_t *us)
{
    static const struct {
        const char *unit;
        double us;
    } units[] = {{"ns", 1e-3}, {"µs", 1}, {"us", 1}, {"ms", 1e3}, {"s", 1e6}};
    double v = 0, scale = 1;
    const char *p = *at;
    bool point = false;
    for (; isdigit((unsigned char)*p) || (*p == '.' && !point); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        v = v * 10 + (*p - '0');
        scale *= point ? 10 : 1;
    }
    bool any = p > *at && isdigit((unsigned char)**at);
    p += *p == ' ';
    for (size_t i = 0; any && i < sizeof units / sizeof *units; i++)
        if (skip_word(&p, units[i].unit)) {
            double all = v / scale * units[i].us;
            *us = all < 1e15 ? (uint64_t)(all + 0.5) : NOBODY;
            *at = p;
            return *us != NOBODY;
        }
    return false;
}

/* ---- what is said at the end --------------------------------------------------------------------
 */

static void finish(struct kr_run_gen *g, uint64_t sent, uint64_t failed, uint64_t us)
{
    if (g->sent + sent > SUM_MOST || g->failed + failed > SUM_MOST || g->us + us > SUM_MOST)
        return;
    g->finals++;
    g->sent += sent;
    g->failed += failed;
    g->us += us;
    g->live = g->live_failed = NOBODY;
}

static bool final_line(struct kr_run_gen *g, const char *line)
{
    for (const char *at = line; (at = strstr(at, "sent ")) != NULL; at++) {
        const char *p = at + 5;
        uint64_t sent, failed, us;
        if (number(&p, &sent) && skip_word(&p, " messages, failed ") && number(&p, &failed) &&
            skip_word(&p, " over ") && duration(&p, &us)) {
            finish(g, sent, failed, us);
            return true;
        }
    }
    return false;
}

static const struct {
    const char *name;
    size_t offset;
} latency_words[] = {{"avg", offsetof(struct kr_run_latency, mean)},
                     {"p50", offsetof(struct kr_run_latency, p50)},
                     {"p90", offsetof(struct kr_run_latency, p90)},
                     {"p99", offsetof(struct kr_run_latency, p99)},
                     {"p99.9", offsetof(struct kr_run_latency, p999)},
                     {"max", offsetof(struct kr_run_latency, max)}};
#define LATENCY_WORDS (sizeof latency_words / sizeof *latency_words)

static uint64_t *field(struct kr_run_latency *l, size_t i)
{
    return (uint64_t *)(void *)((char *)l + latency_words[i].offset);
}

static struct kr_run_latency *add_latency(struct kr_run_gen *g, const char *kind)
{
    struct kr_run_latency *l = &g->latency[g->n_latency < 2 ? g->n_latency++ : 1];
    *l = (struct kr_run_latency){.who = "generator", .count = NOBODY};
    snprintf(l->kind, sizeof l->kind, "%s", kind);
    for (size_t i = 0; i < LATENCY_WORDS; i++)
        *field(l, i) = NOBODY;
    return l;
}

/* "transaction latency: avg=1.5ms min=... p99=... " */
static bool latency_line(struct kr_run_gen *g, const char *line)
{
    const char *at = strstr(line, "transaction latency: ");
    if (!at)
        return false;
    struct kr_run_latency *l = add_latency(g, "transaction");
    for (at += 21; *at; at += strspn(at, " ")) {
        size_t n = strcspn(at, "= ");
        const char *value = at[n] == '=' ? at + n + 1 : at + n;
        uint64_t us;
        for (size_t i = 0; i < LATENCY_WORDS; i++)
            if (strlen(latency_words[i].name) == n && strncmp(at, latency_words[i].name, n) == 0 &&
                duration(&value, &us))
                *field(l, i) = us;
        at += n;
        at += strcspn(at, " ");
    }
    return true;
}

static uint64_t integer(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    json_int_t n = json_is_integer(v) ? json_integer_value(v) : 0;
    return n > 0 && (uint64_t)n < SUM_MOST ? (uint64_t)n : 0;
}

static void json_latency(struct kr_run_gen *g, const json_t *o, const char *kind)
{
    if (!json_is_object(o) || !integer(o, "count"))
        return;
    struct kr_run_latency *l = add_latency(g, kind);
    l->count = integer(o, "count");
    l->mean = (uint64_t)json_number_value(json_object_get(o, "mean"));
    l->p50 = integer(o, "p50");
    l->p90 = integer(o, "p90");
    l->p99 = integer(o, "p99");
    l->p999 = integer(o, "p99_9");
    l->max = integer(o, "max");
}

static bool json_line(struct kr_run_gen *g, const char *line)
{
    static const char *const bad[] = {"refused", "deferred", "unanswered", "unfinished", "unsent"};
    uint64_t failed = 0;
    if (*line != '{' || !strstr(line, "\"kumo-gen/result/1\""))
        return false;
    json_t *o = json_loads(line, 0, NULL);
    const json_t *m = json_object_get(o, "messages");
    double seconds = json_number_value(json_object_get(o, "seconds"));
    bool good = json_is_object(m) && seconds >= 0 && seconds < 1e9;
    for (size_t i = 0; good && i < sizeof bad / sizeof *bad; i++) {
        kr_numbers_add(&g->detail, bad[i], integer(m, bad[i]));
        failed += integer(m, bad[i]);
    }
    if (good) {
        kr_numbers_add(&g->detail, "recipients",
                       integer(json_object_get(o, "recipients"), "accepted"));
        finish(g, integer(m, "accepted"), failed, (uint64_t)(seconds * 1e6));
        json_latency(g, json_object_get(o, "latency_us"), "transaction");
        json_latency(g, json_object_get(o, "connect_us"), "connect");
    }
    json_decref(o);
    return good;
}

/* ---- what is said meanwhile ---------------------------------------------------------------------
 */

static bool live_line(struct kr_run_gen *g, const char *line)
{
    uint64_t rate, sent, failed = NOBODY;
    const char *at = strstr(line, "current rate: "), *p = line;
    if (at && (at = strstr(at, "(sent=")) != NULL) {
        at += 6;
        if (!number(&at, &sent))
            return false;
    } else if (!number(&p, &rate) || !skip_word(&p, " messages/s  sent ") || !number(&p, &sent) ||
               !skip_word(&p, "  failed ") || !number(&p, &failed)) {
        return false;
    }
    g->live = sent;
    g->live_failed = failed;
    return true;
}

/* Without the terminal's control sequences (ECMA-48: ESC [, parameters, a letter). */
static void strip(struct kr_buf *b)
{
    size_t to = 0;
    for (size_t i = 0; i < b->len; i++) {
        if (b->s[i] == '\033' && i + 1 < b->len && b->s[i + 1] == '[') {
            for (i += 2; i < b->len && !isalpha((unsigned char)b->s[i]); i++)
                ;
            continue;
        }
        if (b->s[i] != '\0')
            b->s[to++] = b->s[i];
    }
    b->s[b->len = to] = '\0';
}

static void take_line(struct kr_run_gen *g, struct kr_buf *b)
{
    static bool (*const kinds[])(struct kr_run_gen *, const char *) = {json_line, final_line,
                                                                       latency_line, live_line};
    if (!b->len)
        return;
    strip(b);
    const char *line = b->s + strspn(b->s, " \t");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i](g, line))
            break;
    b->len = 0;
}

/* ---- pieces -------------------------------------------------------------------------------------
 */

void kr_run_gen_init(struct kr_run_gen *g)
{
    *g = (struct kr_run_gen){.live = NOBODY, .live_failed = NOBODY};
}

void kr_run_gen_feed(struct kr_run_gen *g, int stream, const void *data, size_t n)
{
    const char *p = data, *end = p + n;
    if (stream < 1 || stream > (int)KR_RUN_GEN_STREAMS)
        return;
    struct kr_buf *b = &g->stream[stream - 1].line;
    bool *skip = &g->stream[stream - 1].skip;
    while (p < end) {
        const char *stop = p;
        while (stop < end && *stop != '\n' && *stop != '\r')
            stop++;
        *skip |= b->len + (size_t)(stop - p) > LINE_MOST;
        if (!*skip)
            kr_buf_add(b, p, (size_t)(stop - p));
        if (stop < end && *skip)
            b->len = 0;
        else if (stop < end)
            take_line(g, b);
        *skip &= stop == end;
        p = stop + 1;
    }
}

void kr_run_gen_end(struct kr_run_gen *g)
{
    for (size_t i = 0; i < KR_RUN_GEN_STREAMS; i++)
        if (!g->stream[i].skip)
            take_line(g, &g->stream[i].line);
}

static uint64_t with_live(uint64_t sum, uint64_t live, bool any)
{
    if (live == NOBODY)
        return any ? sum : NOBODY;
    return sum + live;
}

uint64_t kr_run_gen_sent(const struct kr_run_gen *g)
{
    return with_live(g->sent, g->live, g->finals != 0);
}

uint64_t kr_run_gen_failed(const struct kr_run_gen *g)
{
    return with_live(g->failed, g->live_failed, g->finals != 0);
}

void kr_run_gen_tell(const struct kr_run_gen *g, struct kr_run *r)
{
    struct kr_run_facts *f = &r->facts[KR_RUN_generator];
    f->known = g->finals && g->live == NOBODY;
    f->n.n = 0;
    if (kr_run_gen_sent(g) != NOBODY)
        kr_numbers_set(&f->n, "sent", kr_run_gen_sent(g));
    if (kr_run_gen_failed(g) != NOBODY)
        kr_numbers_set(&f->n, "failed", kr_run_gen_failed(g));
    if (g->finals)
        kr_numbers_set(&f->n, "us", g->us);
    if (g->finals > 1)
        kr_numbers_set(&f->n, "times", g->finals);
    for (size_t i = 0; i < g->detail.n; i++)
        kr_numbers_set(&f->n, g->detail.v[i].name, g->detail.v[i].n);
    if (!f->known)
        snprintf(f->why, sizeof f->why, "%s",
                 g->finals || g->live != NOBODY
                     ? "it did not come to its end: 'sent N messages, failed M over T' is missing"
                     : "it said nothing of 'sent N messages, failed M over T'");
    for (size_t i = 0; i < g->n_latency; i++) {
        r->latencies =
            kr_grow(r->latencies, &r->cap_latencies, r->n_latencies + 1, sizeof *r->latencies);
        r->latencies[r->n_latencies++] = g->latency[i];
    }
}

void kr_run_gen_free(struct kr_run_gen *g)
{
    for (size_t i = 0; i < KR_RUN_GEN_STREAMS; i++)
        kr_buf_free(&g->stream[i].line);
    free(g->detail.v);
    kr_run_gen_init(g);
}

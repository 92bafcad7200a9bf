#include <kr/preflight.h>

#include "preflight_child.h"
#include "preflight_input.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/privilege.h>
#include <kr/up.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROGRAM "kumo-preflight"
#define FETCHER "kumo-fetch"
#define MOST_OTHER 24 /* words that are not files, resolvers or sinks */

/* Released KumoMTA looks there, where its settings have DANE on or may have. */
static bool wants_own_tlsa(const struct kr_mta_sides *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].column == KR_COLUMN_KUMO_RELEASE && (s->v[i].dane || s->v[i].path))
            return true;
    return false;
}

static int prepare(struct child *c, const struct kr_preflight_want *w, struct kr_err *e)
{
    if (w->files->n + w->resolvers->n + w->sinks->n > KR_CHILD_WORDS - MOST_OTHER)
        return kr_fail(e, KR_USAGE, 0, "too many files and resolvers");
    for (size_t i = 0; i < w->resolvers->n; i++)
        child_word(c, "--resolver", w->resolvers->v[i]);
    for (size_t i = 0; i < w->sinks->n; i++)
        child_word(c, "--sink", w->sinks->v[i]);
    if (w->anchor)
        child_word(c, "--anchor", w->anchor);
    if (w->exempt && *w->exempt)
        child_word(c, "--exempt", w->exempt);
    if (w->trust_ad)
        child_word(c, "--trust-ad", NULL);
    if (wants_own_tlsa(w->sides))
        child_word(c, "--own-tlsa", NULL);
    if (w->policies)
        child_word(c, "--fetch-policy", NULL);
    child_number(c, "--qps", w->qps);
    child_number(c, "--jobs", w->jobs);
    child_number(c, "--address-asks", w->address_asks);
    child_number(c, "--seconds", w->seconds);
    return input_give(c, w->domains, w->files, e);
}

/* The two talk to each other by a socket. Started only for what speaks TLS. */
static int start_fetcher(struct child *f, struct child *asker, const struct kr_preflight_want *w,
                         struct kr_err *e)
{
    int ends[2];
    if (!w->policies && !w->sinks->n)
        return 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        return kr_fail(e, KR_CANNOT, errno, "socketpair");
    f->in = ends[0];
    child_number(asker, "--fetcher", child_give(asker, ends[1]));
    if (w->ca_file)
        child_word(f, "--ca-file", w->ca_file);
    child_number(f, "--seconds", w->seconds);
    return child_start(f, false, e);
}

struct reading {
    const struct kr_preflight_want *w;
    const struct kr_preflight_hooks *h;
    struct kr_preflight_end *end;
    bool over;
};

static int take_account(struct reading *r, const uint8_t *data, size_t len)
{
    if (len != sizeof r->end->account)
        return -1;
    memcpy(&r->end->account, data, len);
    return 0;
}

/* By every MTA there is; the worst verdict counts, and what harms any of them does harm. */
static void judge(const struct kr_mta_sides *s, const struct kr_domain_facts *d,
                  struct kr_preflight_verdict *out)
{
    for (size_t i = 0; i < s->n; i++) {
        struct kr_preflight_verdict v;
        kr_preflight_judge(d, &s->v[i], &v);
        v.mta = s->v[i].id;
        v.hazards |= i ? out->hazards : 0;
        v.breaking |= i ? out->breaking : 0;
        v.unsure |= i ? out->unsure : 0;
        if (i == 0 || v.outcome > out->outcome)
            *out = v;
        out->hazards = v.hazards;
        out->breaking = v.breaking;
        out->unsure = v.unsure;
    }
}

static void set_sink(struct kr_mta_sides *s, enum kr_sink_tls sink)
{
    for (size_t i = 0; i < s->n; i++)
        s->v[i].sink = sink;
}

static int take_sink(struct reading *r, const uint8_t *data, size_t len)
{
    struct kr_sink_said *said = &r->end->sink;
    if (len != sizeof *said)
        return -1;
    memcpy(said, data, len);
    size_t n = strnlen(said->words, sizeof said->words);
    for (size_t i = 0; i < n; i++)
        if (said->words[i] < ' ' || said->words[i] > '~' || strchr("\"\\", said->words[i]))
            return -1;
    if (n == sizeof said->words || said->state >= KR_SINKS)
        return -1;
    set_sink(r->w->sides, (enum kr_sink_tls)said->state);
    r->end->looked = true;
    return 0;
}

static int take_domain(struct reading *r, const uint8_t *data, size_t len)
{
    struct kr_domain_facts d;
    struct kr_preflight_verdict v;
    if (kr_record_read(data, len, &d))
        return -1;
    judge(r->w->sides, &d, &v);
    r->end->told++;
    r->h->domain(r->h->arg, &d, &v);
    return 0;
}

static int take_error(const uint8_t *data, size_t len, struct kr_err *e)
{
    static const enum kr_exit known[] = {KR_USAGE, KR_CANNOT, KR_UNKNOWN, KR_INTERNAL};
    enum kr_exit exit = KR_INTERNAL;
    for (size_t i = 0; len && i < sizeof known / sizeof *known; i++)
        exit = data[0] == known[i] ? known[i] : exit;
    return kr_fail(e, exit, 0, "%.*s", len ? (int)(len - 1) : 0, (const char *)data + 1);
}

/* 0: go on, -1: an error, 1: no frame of ours. */
static int take(struct reading *r, enum kr_frame type, const uint8_t *data, size_t len,
                struct kr_err *e)
{
    size_t n = len < sizeof r->end->note ? len : sizeof r->end->note - 1;
    switch (type) {
    case KR_FRAME_NOTE:
        memcpy(r->end->note, data, n);
        r->end->note[n] = '\0';
        return 0;
    case KR_FRAME_PROGRESS:
        if (take_account(r, data, len))
            return 1;
        r->h->progress(r->h->arg, &r->end->account);
        return 0;
    case KR_FRAME_SINK:
        return take_sink(r, data, len) ? 1 : 0;
    case KR_FRAME_DOMAIN:
        return take_domain(r, data, len) ? 1 : 0;
    case KR_FRAME_END:
        r->over = true;
        return take_account(r, data, len) ? 1 : 0;
    case KR_FRAME_ERROR:
        return take_error(data, len, e);
    }
    return 1;
}

static int read_all(struct reading *r, int fd, struct kr_err *e)
{
    KR_AUTO_FREE struct kr_frame_reader *f = kr_calloc(1, sizeof *f);
    for (;;) {
        enum kr_frame type;
        const uint8_t *data;
        size_t len;
        int got = kr_frame_read(f, fd, &type, &data, &len);
        if (kr_interrupted)
            return kr_fail(e, KR_UNKNOWN, 0, "interrupted");
        if (got < 0 && errno == EAGAIN) {
            if (input_await(fd, e))
                return -1;
            continue;
        }
        if (got == 0)
            return 0;
        int bad = got < 0 ? 1 : take(r, type, data, len, e);
        if (bad < 0)
            return -1;
        if (bad) {
            snprintf(r->end->why, sizeof r->end->why, PROGRAM " told what nobody understands");
            return 0;
        }
    }
}

static void how_it_ended(struct child *c, struct child *fetcher, struct reading *r)
{
    struct kr_preflight_end *end = r->end;
    char why[sizeof end->why];
    child_reap(c, why, sizeof why);
    end->whole = r->over && !*end->why && end->told == end->account.domains;
    if (!end->whole && !*end->why)
        memcpy(end->why, why, sizeof why);
    if (fetcher->pid > 0 && child_reap(fetcher, end->fetcher, sizeof end->fetcher) == 0)
        *end->fetcher = '\0';
}

int kr_preflight_run(const struct kr_preflight_want *w, const struct kr_preflight_hooks *h,
                     struct kr_preflight_end *end, struct kr_err *e)
{
    struct child c, fetcher;
    struct reading r = {.w = w, .h = h, .end = end};
    *end = (struct kr_preflight_end){0};
    end->sink.state = (uint8_t)(w->sinks->n ? KR_SINK_UNTOLD : w->sink);
    set_sink(w->sides, (enum kr_sink_tls)end->sink.state);
    snprintf(end->sink.words, sizeof end->sink.words, "%s", w->sink_why ? w->sink_why : "");
    snprintf(end->exempt_why, sizeof end->exempt_why, "%s", w->exempt_why ? w->exempt_why : "");
    child_begin(&c, PROGRAM);
    child_begin(&fetcher, FETCHER);
    int bad = prepare(&c, w, e) || start_fetcher(&fetcher, &c, w, e) || child_start(&c, true, e) ||
              (w->shed && kr_privilege_reduce(KR_JOB_ASK, e)) || read_all(&r, c.out, e);
    if (!bad)
        how_it_ended(&c, &fetcher, &r);
    child_end(&c);
    child_end(&fetcher);
    return bad ? -1 : 0;
}

#include <kr/account.h>

#include "account_files.h"
#include "account_look.h"

#include <kr/clock.h>
#include <kr/err.h>
#include <kr/file.h>
#include <kr/mem.h>
#include <kr/run_gen.h>
#include <kr/state.h>
#include <kr/strlist.h>
#include <kr/watch.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SAMPLES 4096u /* then every other one goes, and from then on only every other is taken */
#define DOMAINS 1000u
#define STILL 3 /* looks at the end, until nothing moves */
#define SHY 64u /* seconds between questions to a sink that never answers, at most */

struct kr_ledger {
    const struct kr_paths *paths;
    char file[PATH_MAX];
    pid_t sink;
    uint64_t began;
    unsigned every, ticks;      /* one sample in so many is kept */
    unsigned patience, silence; /* ticks to wait before the sink is asked again; ticks waited */
    bool closed;
    struct account_look before;
    int64_t queued; /* before; -1: not known */
    struct kr_run_gen gen;
    struct kr_run run;
};

/* ---- what is run --------------------------------------------------------------------------------
 */

static bool is_secret(const char *option)
{
    static const char *const parts[] = {"password", "passwd", "secret", "token", "credential"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcasestr(option, parts[i]))
            return true;
    return false;
}

/* Records are for everybody to read: the value of an option that sounds secret is taken out. */
static void add_command(struct kr_run *r, const char *const *words)
{
    bool hide = false;
    for (; *words; words++) {
        const char *value = **words == '-' ? strchr(*words, '=') : NULL;
        bool secret = **words == '-' && is_secret(*words);
        char cut[256];
        if (secret && value)
            snprintf(cut, sizeof cut, "%.*s=(hidden)",
                     (int)(value - *words < 200 ? value - *words : 200), *words);
        kr_texts_add(&r->command, hide ? "(hidden)" : secret && value ? cut : *words);
        hide = secret && !value;
    }
}

static void add_domains(struct kr_run *r, const struct kr_strlist *l)
{
    r->domains_in_all = l ? l->n : 0;
    for (size_t i = 0; l && i < l->n && i < DOMAINS; i++)
        kr_texts_add(&r->domains, l->v[i]);
}

static void find_sink(struct kr_ledger *l)
{
    struct kr_state s;
    if (kr_state_read(l->paths, &s, NULL) != 1)
        return;
    l->sink = s.plan.builtin ? s.sink_pid : 0;
    if (s.plan.builtin)
        snprintf(l->run.signature, sizeof l->run.signature, "kumo-sink %s", s.nonce);
    kr_state_free(&s);
}

static void fill(struct kr_ledger *l, const struct kr_ledger_want *w)
{
    struct kr_run *r = &l->run;
    *r = (struct kr_run){.status = -1, .outcome = KR_RUN_FAILED, .real_names = !w->suffix};
    snprintf(r->version, sizeof r->version, "%s", KR_VERSION);
    snprintf(r->suffix, sizeof r->suffix, "%s", w->suffix ? w->suffix : "");
    add_command(r, w->command);
    add_domains(r, w->domains);
    account_host(&r->host);
}

int kr_ledger_open(const struct kr_ledger_want *w, struct kr_ledger **out, struct kr_err *e)
{
    struct kr_ledger *l = kr_calloc(1, sizeof *l);
    *out = NULL;
    if (account_file_choose(w->record, l->file, e) ||
        kr_file_replace(l->file, "", KR_FILE_REHEARSE, e)) {
        free(l);
        return -1;
    }
    l->paths = w->paths;
    l->every = l->patience = 1;
    kr_run_gen_init(&l->gen);
    fill(l, w);
    find_sink(l);
    struct kr_run_facts *q = &l->run.facts[KR_RUN_queue];
    uint64_t running;
    l->queued = account_queued(&l->run.mtas, &running, q->why, sizeof q->why);
    account_look(l->paths, l->sink, true, &l->before);
    kr_stamp(l->run.began);
    l->began = kr_now_us();
    *out = l;
    return 0;
}

/* ---- meanwhile ----------------------------------------------------------------------------------
 */

static uint64_t since(const struct account_look *now, const struct account_look *before,
                      enum kr_run_group g, const char *name)
{
    const struct kr_number *is = kr_numbers_find(&now->facts[g].n, name);
    uint64_t was = kr_numbers_get(&before->facts[g].n, name);
    if (!now->facts[g].known || !before->facts[g].known || !is || is->n < was)
        return UINT64_MAX;
    return is->n - was;
}

static uint64_t blocked_since(const struct account_look *now, const struct account_look *before)
{
    const struct kr_run_facts *f = &now->facts[KR_RUN_guards];
    uint64_t sum = 0;
    if (!f->known || !before->facts[KR_RUN_guards].known)
        return UINT64_MAX;
    for (size_t i = 0; i < f->n.n; i++) {
        uint64_t more = strncmp(f->n.v[i].name, "blocked", 7) == 0
                            ? since(now, before, KR_RUN_guards, f->n.v[i].name)
                            : 0;
        sum += more == UINT64_MAX ? 0 : more;
    }
    return sum;
}

static void thin(struct kr_run_samples *s)
{
    for (size_t i = 0; 2 * i + 1 < s->n; i++)
        memcpy(s->v[i], s->v[2 * i + 1], sizeof *s->v);
    s->n /= 2;
}

static void keep(struct kr_ledger *l, const struct account_look *now)
{
    struct kr_run_samples *s = &l->run.samples;
    const struct account_look *b = &l->before;
    uint64_t us = now->us - l->began;
    if (s->n && us <= s->v[s->n - 1][KR_RUN_AT_us])
        return;
    if (s->n >= SAMPLES) {
        thin(s);
        l->every *= 2;
    }
    s->v = kr_grow(s->v, &s->cap, s->n + 1, sizeof *s->v);
    const uint64_t row[KR_RUN_COLUMN_N] = {
        [KR_RUN_AT_us] = us,
        [KR_RUN_AT_sent] = kr_run_gen_sent(&l->gen),
        [KR_RUN_AT_failed] = kr_run_gen_failed(&l->gen),
        [KR_RUN_AT_accepted] = since(now, b, KR_RUN_sink, "messages"),
        [KR_RUN_AT_refused] = since(now, b, KR_RUN_sink, "messages_refused"),
        [KR_RUN_AT_deferred] = since(now, b, KR_RUN_sink, "messages_deferred"),
        [KR_RUN_AT_open] = now->facts[KR_RUN_sink].known
                               ? kr_numbers_get(&now->facts[KR_RUN_sink].n, "open")
                               : UINT64_MAX,
        [KR_RUN_AT_blocked] = blocked_since(now, b),
        [KR_RUN_AT_exempt] = since(now, b, KR_RUN_guards, "exempt_lan"),
        [KR_RUN_AT_sink_cpu] = since(now, b, KR_RUN_cpu, "sink_us"),
        [KR_RUN_AT_transactions] = since(now, b, KR_RUN_sink, "transactions"),
        [KR_RUN_AT_transactions_us] = since(now, b, KR_RUN_sink, "transactions_us"),
    };
    memcpy(s->v[s->n++], row, sizeof row);
}

/* A sink that does not answer must not cost a quarter of each second. */
static bool ask_now(struct kr_ledger *l)
{
    return l->before.facts[KR_RUN_sink].known && ++l->silence >= l->patience;
}

static void learn(struct kr_ledger *l, bool answered)
{
    l->silence = 0;
    l->patience = answered ? 1 : l->patience * 2 > SHY ? SHY : l->patience * 2;
}

void kr_ledger_sample(struct kr_ledger *l)
{
    struct account_look now;
    if (l->closed || ++l->ticks % l->every)
        return;
    bool ask = ask_now(l);
    account_look(l->paths, l->sink, ask, &now);
    if (ask)
        learn(l, now.facts[KR_RUN_sink].known);
    keep(l, &now);
    account_look_free(&now);
}

uint64_t kr_ledger_arrived(const struct kr_ledger *l)
{
    const struct kr_run_samples *s = &l->run.samples;
    const uint64_t *last = s->n ? s->v[s->n - 1] : NULL;
    if (!last || last[KR_RUN_AT_accepted] == UINT64_MAX)
        return UINT64_MAX;
    return last[KR_RUN_AT_accepted] + last[KR_RUN_AT_refused] + last[KR_RUN_AT_deferred];
}

void kr_ledger_output(struct kr_ledger *l, int stream, const void *data, size_t n)
{
    kr_run_gen_feed(&l->gen, stream, data, n);
}

void kr_ledger_event(struct kr_ledger *l, const struct kr_event *ev)
{
    kr_run_event_add(&l->run, ev->time, ev->id, ev->breach, ev->what);
}

/* ---- the end ------------------------------------------------------------------------------------
 */

static uint64_t arrived(const struct account_look *l)
{
    const struct kr_numbers *n = &l->facts[KR_RUN_sink].n;
    return kr_numbers_get(n, "recipients") + kr_numbers_get(n, "recipients_refused") +
           kr_numbers_get(n, "recipients_deferred");
}

/* The sink's account and the MTA's queue, as of one moment: when mail went from one to the other
 * while they were asked, once more. What still moved is told as "moving"; what was being delivered,
 * and may have been in both, as "running". */
static void look_at_end(struct kr_ledger *l, struct account_look *after)
{
    struct kr_run_facts *q = &l->run.facts[KR_RUN_queue];
    uint64_t was = 0, running = 0;
    account_look(l->paths, l->sink, true, after);
    if (l->queued < 0)
        return;
    q->known = true;
    for (int tries = 0; tries < STILL && (tries == 0 || was != arrived(after)); tries++) {
        was = arrived(after);
        int64_t queued = account_queued(NULL, &running, q->why, sizeof q->why);
        q->known = queued >= 0;
        if (!q->known)
            return;
        kr_numbers_set(&q->n, "after", (uint64_t)queued);
        account_look_free(after);
        account_look(l->paths, l->sink, true, after);
    }
    kr_numbers_set(&q->n, "before", (uint64_t)l->queued);
    uint64_t now = arrived(after); /* less: a sink that answers no more, or began anew */
    kr_numbers_set(&q->n, "moving", now > was ? now - was : 0);
    kr_numbers_set(&q->n, "running", running);
}

static int write_record(struct kr_ledger *l, struct kr_err *e)
{
    KR_AUTO_FREE char *text = kr_run_to_text(&l->run);
    if (!text)
        return kr_fail(e, KR_INTERNAL, 0, "the account can't be put into JSON");
    if (kr_file_replace(l->file, text, KR_FILE_ON_DISK, e))
        return -1;
    account_files_prune();
    return 0;
}

int kr_ledger_close(struct kr_ledger *l, const struct kr_ledger_end *end, struct kr_err *e)
{
    struct account_look after;
    if (l->closed)
        return kr_fail(e, KR_INTERNAL, 0, "the account was closed already");
    l->run.seconds = (double)(kr_now_us() - l->began) / 1e6;
    kr_stamp(l->run.ended);
    look_at_end(l, &after);
    kr_run_gen_end(&l->gen);
    keep(l, &after);
    l->closed = true;
    l->run.outcome = end->outcome;
    l->run.status = end->status;
    snprintf(l->run.reason, sizeof l->run.reason, "%s", end->reason ? end->reason : "");
    account_compare(&l->before, &after, &l->run);
    kr_run_gen_tell(&l->gen, &l->run);
    account_look_free(&after);
    return write_record(l, e);
}

const struct kr_run *kr_ledger_run(const struct kr_ledger *l)
{
    return &l->run;
}

const char *kr_ledger_file(const struct kr_ledger *l)
{
    return l->file;
}

void kr_ledger_free(struct kr_ledger *l)
{
    if (!l)
        return;
    account_look_free(&l->before);
    kr_run_gen_free(&l->gen);
    kr_run_free(&l->run);
    free(l);
}

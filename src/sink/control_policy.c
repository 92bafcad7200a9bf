/* The commands that change what the sink does while it runs. A word of a form in capitals stands
 * for what the operator says; the last one may hold spaces. */
#include "children.h"
#include "steer.h"

#include <kr/err.h>
#include <kr/log.h>
#include <kr/mem.h>
#include <kr/sink_knobs.h>
#include <kr/sink_queue.h>
#include <kr/sink_show.h>
#include <kr/sink_stats.h>
#include <kr/sink_store.h>
#include <kr/sink_sums.h>

#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WORDS 3
#define WAIT_MS 1000 /* for workers to begin anew */

struct order {
    struct master *m;
    char *word[WORDS]; /* what stands for the capitals, in turn */
    const struct kr_buf *body;
    struct kr_buf *out;
};

/* With what is in force now, or why that did not change. */
static void answer(const struct order *o, int bad, const struct kr_err *why)
{
    if (bad)
        say_error(o->out, why->msg);
    else
        do_policy(o->m, o->out);
}

static void on_policy(const struct order *o)
{
    do_policy(o->m, o->out);
}

static void on_show(const struct order *o)
{
    struct kr_err why = {0};
    struct kr_policy *p = kr_store_get(o->m->shared.store, &o->m->shared.how, &why);
    const struct kr_knobs *k = o->m->shared.knobs;
    kr_buf_printf(o->out,
                  ANSWER "\"paused\":%s,\"faults\":%s,\"policy\":", k->paused ? "true" : "false",
                  k->faultless ? "false" : "true");
    if (p)
        kr_policy_show(p, o->out);
    kr_buf_printf(o->out, "%s}\n", p ? "" : "null");
    kr_policy_drop(p);
}

static void on_reload(const struct order *o)
{
    struct kr_err why = {0};
    answer(o, load_policy(o->m, &why), &why);
}

static void on_off(const struct order *o)
{
    struct kr_err why = {0};
    steer_free(o->m);
    answer(o, steer_text(o->m, NULL, NULL, 0, &why), &why);
}

static void on_text(const struct order *o)
{
    struct kr_err why = {0};
    if (!o->body)
        say_error(o->out, "the policy is too long, or its length is no number");
    else
        answer(o, steer_text(o->m, o->word[1], kr_buf_str(o->body), o->body->len, &why), &why);
}

static void on_seed(const struct order *o)
{
    struct kr_err why = {0};
    answer(o, steer_seed(o->m, strcmp(o->word[0], "policy") == 0 ? NULL : o->word[0], &why), &why);
}

static void on_set(const struct order *o)
{
    struct kr_err why = {0};
    answer(o, steer_set(o->m, o->word[0], o->word[1], o->word[2], &why), &why);
}

static void on_unset(const struct order *o)
{
    struct kr_err why = {0};
    answer(o, steer_set(o->m, o->word[0], o->word[1], NULL, &why), &why);
}

static void on_unset_target(const struct order *o)
{
    struct kr_err why = {0};
    bool all = strcmp(o->word[0], "all") == 0;
    answer(o, steer_set(o->m, all ? NULL : o->word[0], NULL, NULL, &why), &why);
}

static void say_switch(const struct order *o, const char *what, bool on)
{
    kr_info("%s: %s", what, on ? "on" : "off");
    kr_buf_printf(o->out, ANSWER "\"%s\":%s}\n", what, on ? "true" : "false");
}

static void on_pause(const struct order *o)
{
    o->m->shared.knobs->paused = true;
    say_switch(o, "paused", true);
}

static void on_resume(const struct order *o)
{
    o->m->shared.knobs->paused = false;
    say_switch(o, "paused", false);
}

static void on_faults_on(const struct order *o)
{
    o->m->shared.knobs->faultless = false;
    say_switch(o, "faults", true);
}

static void on_faults_off(const struct order *o)
{
    o->m->shared.knobs->faultless = true;
    say_switch(o, "faults", false);
}

static bool all_done(const struct master *m)
{
    for (unsigned i = 0; i < master_workers(m); i++)
        if (m->slot[i].pid && m->shared.knobs->done[i] != m->shared.knobs->reset)
            return false;
    return true;
}

/* Each process clears what it alone may write; the writer when it next looks up. */
static void on_reset(const struct order *o)
{
    struct master *m = o->m;
    int64_t until = master_clock() + WAIT_MS;
    m->shared.knobs->reset++;
    signal_all(m, SIGHUP);
    if (m->shared.queue)
        kr_queue_nudge(m->shared.queue);
    kr_sink_stats_reset(kr_sink_stats_of(m->shared.stats, master_workers(m)));
    m->live_messages = m->dropped = 0;
    while (!all_done(m) && master_clock() < until)
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    if (all_done(m))
        kr_buf_printf(o->out, ANSWER "\"reset\":true}\n");
    else
        say_error(o->out, "a worker is too busy; it begins anew when it can");
}

static const struct {
    const char *form;
    void (*run)(const struct order *o);
} orders[] = {{"policy", on_policy},
              {"policy show", on_show},
              {"policy reload", on_reload},
              {"policy off", on_off},
              {"policy text OCTETS NAME", on_text},
              {"seed NUMBER|policy", on_seed},
              {"set TARGET KEY VALUE", on_set},
              {"unset TARGET KEY", on_unset},
              {"unset TARGET|all", on_unset_target},
              {"pause", on_pause},
              {"resume", on_resume},
              {"faults on", on_faults_on},
              {"faults off", on_faults_off},
              {"reset", on_reset}};

static char *cut(char **rest, bool last)
{
    char *word = *rest + strspn(*rest, " ");
    size_t n = last ? strlen(word) : strcspn(word, " ");
    *rest = word + n + (word[n] != '\0');
    word[n] = '\0';
    return n ? word : NULL;
}

/* Fits the line to a form, cutting it up; false: it is none of that form. */
static bool fits(const char *form, char *line, char **word)
{
    size_t n = 0;
    while (*form) {
        size_t len = strcspn(form, " ");
        bool capital = *form >= 'A' && *form <= 'Z', last = !form[len];
        char *said = cut(&line, last && capital);
        if (!said || (!capital && (strlen(said) != len || memcmp(said, form, len) != 0)))
            return false;
        if (capital)
            word[n++] = said;
        form += len + !last;
    }
    return !*(line + strspn(line, " "));
}

bool run_steering(struct master *m, const char *line, const struct kr_buf *body, struct kr_buf *out)
{
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        KR_AUTO_FREE char *copy = kr_strdup(line);
        struct order o = {m, {NULL}, body, out};
        if (!fits(orders[i].form, copy, o.word))
            continue;
        orders[i].run(&o);
        return true;
    }
    return false;
}

void name_steering(struct kr_buf *out)
{
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        kr_buf_printf(out, ", %s", orders[i].form);
}

size_t command_body(void *master, const char *line)
{
    static const char text[] = "policy text ";
    (void)master;
    if (strncmp(line, text, sizeof text - 1) != 0)
        return 0;
    char *end;
    unsigned long long n = strtoull(line + sizeof text - 1, &end, 10);
    return *end == ' ' && line[sizeof text - 1] != '-' && n <= KR_STORE_MOST ? (size_t)n : SIZE_MAX;
}

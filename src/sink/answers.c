/* What the control socket answers. */
#include "steer.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/sink_policy.h>
#include <kr/sink_stats.h>
#include <kr/sink_store.h>

#include <jansson.h>
#include <string.h>
#include <unistd.h>

#define LISTED 1000 /* destinations in the answer to stats */

/* With the `listed` busiest destinations, 0: all. */
struct kr_sink_about about_sink(const struct master *m, size_t listed)
{
    return (struct kr_sink_about){m->cfg->nonce,     (int)getpid(),
                                  master_workers(m), (uint64_t)(master_clock() - m->born) / 1000,
                                  m->shared.names,   listed};
}

int stats_line(struct master *m, size_t listed, struct kr_buf *out, struct kr_err *e)
{
    struct kr_sink_about about = about_sink(m, listed);
    return kr_sink_stats_json(m->shared.stats, master_blocks(m), &about, out, e);
}

static void say(struct kr_buf *out, json_t *o)
{
    KR_AUTO_FREE char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    kr_buf_printf(out, ANSWER "%s\n", text ? text + 1 : "\"error\":\"no memory\"}");
}

void say_error(struct kr_buf *out, const char *why)
{
    say(out, json_pack("{ss}", "error", why));
}

/* What the workers were given last, and of what it consists. */
bool do_policy(struct master *m, struct kr_buf *out)
{
    struct kr_err why = {0};
    struct kr_policy *p = kr_store_get(m->shared.store, &m->shared.how, &why);
    const char *name = m->steering.name ? m->steering.name : "settings";
    say(out, json_pack("{ss?sIsisisi}", "policy", p ? name : NULL, "generation",
                       (json_int_t)kr_store_generation(m->shared.store), "providers",
                       p ? (int)kr_policy_sites(p) - 1 : 0, "rules",
                       p ? (int)kr_policy_rules(p) : 0, "set", (int)m->steering.set.n / 3));
    kr_policy_drop(p);
    return true;
}

static bool do_ping(struct master *m, struct kr_buf *out)
{
    kr_buf_printf(out, ANSWER "\"pong\":\"%s\",\"pid\":%d}\n", m->cfg->nonce, (int)getpid());
    return true;
}

static bool say_stats(struct master *m, size_t listed, struct kr_buf *out)
{
    struct kr_err why = {0};
    if (stats_line(m, listed, out, &why))
        say_error(out, why.msg);
    return true;
}

static bool do_stats(struct master *m, struct kr_buf *out)
{
    return say_stats(m, LISTED, out);
}

static bool do_stats_all(struct master *m, struct kr_buf *out)
{
    return say_stats(m, 0, out);
}

static bool do_stop(struct master *m, struct kr_buf *out)
{
    (void)out;
    m->stop = true;
    return false;
}

static bool do_drain(struct master *m, struct kr_buf *out)
{
    m->drain = true;
    return do_stop(m, out);
}

static const struct {
    const char *name;
    bool (*run)(struct master *m, struct kr_buf *out);
} commands[] = {{"ping", do_ping},
                {"stats", do_stats},
                {"stats all", do_stats_all},
                {"stop", do_stop},
                {"drain", do_drain}};

static void unknown_command(struct kr_buf *out)
{
    KR_AUTO_BUF struct kr_buf text = {0};
    kr_buf_printf(&text, "unknown command; there are: ");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        kr_buf_printf(&text, "%s%s", i ? ", " : "", commands[i].name);
    name_steering(&text);
    say_error(out, text.s);
}

bool run_command(void *arg, const char *line, const struct kr_buf *body, struct kr_buf *out)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, line) == 0)
            return commands[i].run(arg, out);
    if (!run_steering(arg, line, body, out))
        unknown_command(out);
    return true;
}

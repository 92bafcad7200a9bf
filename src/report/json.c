#include <kr/buf.h>
#include <kr/nft_kernel.h>
#include <kr/report.h>
#include <kr/standing.h>
#include <kr/up.h>

#include <jansson.h>
#include <string.h>

static int print(json_t *j, FILE *out)
{
    if (!j)
        return -1;
    int bad = json_dumpf(j, out, JSON_INDENT(2));
    fputs("\n", out);
    json_decref(j);
    return bad;
}

static json_t *cut_json(const struct kr_cut_count *c)
{
    return json_pack("{s:I, s:I}", "sockets", (json_int_t)c->sockets, "conntrack_entries",
                     (json_int_t)c->entries);
}

static json_t *probes_json(const struct kr_up_result *r)
{
    json_t *a = json_array();
    for (size_t i = 0; i < r->n_probes; i++) {
        char from[KR_ADDRSTRLEN], to[KR_ADDRSTRLEN];
        const struct kr_probe *p = &r->probes[i];
        json_array_append_new(
            a, json_pack("{s:s, s:s, s:i, s:s, s:i}", "source", kr_addr_str(&p->source, from),
                         "destination", kr_addr_str(&p->destination, to), "port", p->port, "result",
                         kr_probe_result_name(p->result), "ms", (int)p->ms));
    }
    return a;
}

int kr_json_up(const struct kr_up_result *r, FILE *out)
{
    return print(json_pack("{s:s, s:s, s:b, s:b, s:s, s:i, s:I, s:o, s:o, s:o, s:o}", "schema",
                           "kumo-redirect/up/1", "mode", kr_mode_name(r->state.plan.mode),
                           "changed", r->ended != KR_ENDED_SAME, "replaced", r->replaced, "since",
                           r->state.since, "sink_pid", (int)r->state.sink_pid, "generation",
                           (json_int_t)r->generation, "plan", kr_plan_to_json(&r->state.plan),
                           "cut", cut_json(&r->cut), "probes", probes_json(r), "let_go",
                           kr_let_go_json(&r->let_go)),
                 out);
}

static json_t *counters_json(const struct kr_standing *s)
{
    json_t *o = json_object();
    for (size_t i = 0; i < s->n_counts; i++)
        json_object_set_new(o, s->counts[i].name, json_integer((json_int_t)s->counts[i].packets));
    return o;
}

static json_t *problems_json(const char *why)
{
    json_t *a = json_array();
    while (*why) {
        size_t n = strcspn(why, "\n");
        json_array_append_new(a, json_stringn(why, n));
        why += n + (why[n] == '\n');
    }
    return a;
}

static json_t *watch_json(const struct kr_standing *s)
{
    return s->watched == 1 ? json_pack("{s:i, s:s, s:b}", "pid", (int)s->watcher.pid, "since",
                                       s->watcher.since, "owns", s->watcher.port != 0)
                           : json_null();
}

static json_t *run_json(const struct kr_run_note *n)
{
    return n->is == KR_RUN_NONE
               ? json_null()
               : json_pack("{s:s, s:i, s:s, s:s}", "state",
                           n->is == KR_RUN_UNDER_WAY ? "under way" : "killed", "pid", (int)n->pid,
                           "since", n->since, "command", n->command);
}

int kr_json_status(const struct kr_standing *s, FILE *out)
{
    bool known = s->recorded == 1 && kr_standing_any(s);
    return print(json_pack("{s:s, s:s, s:b, s:o, s:o, s:i, s:o, s:o, s:o, s:I, s:o, s:o}", "schema",
                           "kumo-redirect/status/1", "mode", kr_standing_name(s), "in_force",
                           kr_standing_whole(s), "since",
                           known ? json_string(s->state.since) : json_null(), "plan",
                           known ? kr_plan_to_json(&s->state.plan) : json_null(), "sink_pid",
                           known ? (int)s->state.sink_pid : 0, "watch", watch_json(s), "run",
                           run_json(&s->run), "let_go", kr_let_go_json(&s->let_go), "generation",
                           (json_int_t)s->generation, "counters", counters_json(s), "problems",
                           problems_json(kr_buf_str(&s->why))),
                 out);
}

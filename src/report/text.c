#include <kr/buf.h>
#include <kr/log.h>
#include <kr/report.h>
#include <kr/standing.h>
#include <kr/up.h>

#include <kr/nft_kernel.h>

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define LAN_SHOWN 8

static const char *paint(FILE *out, const char *code)
{
    return kr_log_color(fileno(out)) ? code : "";
}

static void row(FILE *out, const char *name)
{
    fprintf(out, "  %-10s", name);
}

static void say_lan(const struct kr_lan *l, FILE *out)
{
    row(out, "exempt");
    fputs(l->n ? "" : "nothing", out);
    for (size_t i = 0; i < l->n && i < LAN_SHOWN; i++) {
        char s[KR_ADDRSTRLEN];
        fprintf(out, "%s%s on %s", i ? ", " : "", kr_prefix_str(&l->v[i].prefix, s),
                l->v[i].ifname);
    }
    if (l->n > LAN_SHOWN)
        fprintf(out, " and %zu more", l->n - LAN_SHOWN);
    fputs("; this host's own addresses\n", out);
}

static void say_uplinks(const struct kr_plan *p, FILE *out)
{
    row(out, p->fence ? "fenced" : "NOT FENCED");
    fputs(p->uplinks.n ? "" : "no uplink", out);
    for (size_t i = 0; i < p->uplinks.n; i++)
        fprintf(out, "%s%s (%s)", i ? ", " : "", p->uplinks.v[i].name, p->uplinks.v[i].why);
    fputs("\n", out);
}

static void say_ports(const struct kr_plan *p, FILE *out)
{
    row(out, "ports");
    for (size_t i = 0; i < p->guarded.n; i++) {
        bool to_sink = p->mode == KR_MODE_REDIRECT && kr_ports_have(&p->ports, p->guarded.v[i]);
        fprintf(out, "%s%u %s", i ? ", " : "", p->guarded.v[i], to_sink ? "redirected" : "blocked");
    }
    fprintf(out, "; forwarded: %s\n",
            p->forward && p->mode == KR_MODE_REDIRECT ? "redirected" : "blocked");
}

static void say_sink(const struct kr_state *s, FILE *out)
{
    const struct kr_plan *p = &s->plan;
    const struct kr_plan_sink *const sinks[] = {&p->sink4, &p->sink6};
    if (p->mode == KR_MODE_BLOCK)
        return;
    row(out, "sink");
    if (p->builtin)
        fprintf(out, "kumo-sink, process %d:", (int)s->sink_pid);
    for (size_t i = 0; i < 2; i++) {
        char at[2 * KR_ADDRSTRLEN];
        if (sinks[i]->on)
            fprintf(out, " %s on %s", kr_endpoint_str(&sinks[i]->at, at), sinks[i]->ifname);
    }
    fputs("\n", out);
}

static void say_plan(const struct kr_state *s, FILE *out)
{
    say_sink(s, out);
    say_ports(&s->plan, out);
    say_lan(&s->plan.lan, out);
    say_uplinks(&s->plan, out);
    for (size_t i = 0; i < s->plan.waivers.n; i++) {
        row(out, "waived");
        fprintf(out, "%s: %s\n", s->plan.waivers.v[i].id, s->plan.waivers.v[i].reason);
    }
    for (size_t i = 0; i < s->plan.n_said; i++) {
        row(out, "note");
        fprintf(out, "%s\n", s->plan.said[i]);
    }
}

static void say_let_go(const struct kr_let_go *l, FILE *out)
{
    if (!*l->at)
        return;
    row(out, "forced");
    fprintf(out, "down --force at %s let go of: %s\n", l->at, l->what);
}

void kr_text_up(const struct kr_up_result *r, FILE *out)
{
    const char *mode = kr_mode_name(r->state.plan.mode);
    fprintf(out, "%s%s%s%s\n", paint(out, "\033[1;32m"), mode, paint(out, "\033[0m"),
            r->ended == KR_ENDED_SAME ? ": stands already with these settings; nothing changed"
            : r->replaced             ? ": replaced what stood before"
                                      : ": installed and read back");
    say_plan(&r->state, out);
    say_let_go(&r->let_go, out);
    if (r->cut.sockets || r->cut.entries) {
        row(out, "cut");
        fprintf(out, "%zu older connections, %zu conntrack entries\n", r->cut.sockets,
                r->cut.entries);
    }
    for (size_t i = 0; i < r->n_probes; i++) {
        char from[KR_ADDRSTRLEN], to[KR_ADDRSTRLEN];
        row(out, "proven");
        fprintf(out, "%s to %s port %u met the sink\n", kr_addr_str(&r->probes[i].source, from),
                kr_addr_str(&r->probes[i].destination, to), r->probes[i].port);
    }
}

static void say_counters(const struct kr_standing *s, FILE *out)
{
    for (size_t i = 0; i < s->n_counts; i++) {
        if (!s->counts[i].packets)
            continue;
        row(out, "counter");
        fprintf(out, "%-22s %12" PRIu64 " %s\n", s->counts[i].name, s->counts[i].packets,
                strncmp(s->counts[i].name, "redirected", 10) ? "packets" : "connections");
    }
}

static void say_problems(const char *why, FILE *out)
{
    while (*why) {
        size_t n = strcspn(why, "\n");
        row(out, "problem");
        fprintf(out, "%.*s\n", (int)n, why);
        why += n + (why[n] == '\n');
    }
}

static void say_watch(const struct kr_standing *s, FILE *out)
{
    if (s->watched != 1)
        return;
    row(out, "watched");
    fprintf(out, "by process %d since %s%s\n", (int)s->watcher.pid, s->watcher.since,
            s->watcher.port ? ", which owns the tables" : "");
}

/* Of a run that was killed whoever asks is warned anyway. */
static void say_run(const struct kr_standing *s, FILE *out)
{
    if (s->run.is != KR_RUN_UNDER_WAY)
        return;
    row(out, "run");
    fprintf(out, "of '%s' since %s (process %d) is under way\n", s->run.command, s->run.since,
            (int)s->run.pid);
}

void kr_text_status(const struct kr_standing *s, FILE *out)
{
    bool good = kr_standing_whole(s);
    const char *color = good ? "\033[1;32m" : kr_standing_any(s) ? "\033[1;31m" : "\033[1m";
    fprintf(out, "%s%s%s", paint(out, color), kr_standing_name(s), paint(out, "\033[0m"));
    if (good)
        fprintf(out, " since %s", s->state.since);
    else if (kr_standing_any(s) && s->recorded != 1)
        fputs(": an up that did not finish left guards; up or down takes it from there", out);
    fputs("\n", out);
    if (s->recorded == 1 && kr_standing_any(s))
        say_plan(&s->state, out);
    say_watch(s, out);
    say_run(s, out);
    say_let_go(&s->let_go, out);
    say_counters(s, out);
    say_problems(kr_buf_str(&s->why), out);
}

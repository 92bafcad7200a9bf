#include <kr/standing.h>

#include "tables.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/sinkctl.h>

#include <string.h>

static void add_count(struct kr_standing *s, const struct kr_nft_count *c)
{
    for (size_t i = 0; i < s->n_counts; i++)
        if (strcmp(s->counts[i].name, c->name) == 0) {
            s->counts[i].packets += c->packets;
            s->counts[i].bytes += c->bytes;
            return;
        }
    s->counts[s->n_counts++] = *c;
}

static int read_counts(struct kr_standing *s, const struct kr_nft_name *table, struct kr_err *e)
{
    KR_AUTO_FREE struct kr_nft_count *found = NULL;
    size_t n = 0;
    if (kr_nft_counters(table, &found, &n, e))
        return -1;
    struct kr_nft_count *all = kr_calloc(s->n_counts + n, sizeof *all);
    if (s->n_counts)
        memcpy(all, s->counts, s->n_counts * sizeof *all);
    free(s->counts);
    s->counts = all;
    for (size_t i = 0; i < n; i++)
        add_count(s, &found[i]);
    return 0;
}

static int compare_rules(struct kr_standing *s, struct kr_err *e)
{
    const struct kr_plan *p = &s->state.plan;
    struct kr_nft *want =
        kr_plan_ruleset(p, p->mode == KR_MODE_BLOCK ? KR_RULES_BLOCK : KR_RULES_ALL);
    kr_nft_set_owner(want, s->watched == 1 ? s->watcher.port : 0);
    int equal = kr_nft_compare(want, &s->why, &s->generation, e);
    kr_nft_free(want);
    if (equal == 1 && s->netdev && !(p->fence && p->uplinks.n)) {
        kr_buf_printf(&s->why, "table netdev " KR_TABLE " is there, though none was recorded\n");
        equal = 0;
    }
    return equal;
}

static void compare(struct kr_standing *s, const struct kr_netview *v)
{
    struct kr_err why = {0};
    struct kr_failsafe f = kr_plan_failsafe(&s->state.plan);
    s->rules = compare_rules(s, &why);
    if (s->rules < 0)
        kr_buf_printf(&s->why, "rules: %s\n", why.msg);
    s->part_at[KR_PART_ROUTES] = s->why.len;
    s->routes = kr_failsafe_check_view(&f, v, &s->why);
}

static void look_at_sink(const struct kr_paths *paths, struct kr_standing *s)
{
    const struct kr_plan *p = &s->state.plan;
    s->sink = 1;
    if (p->mode == KR_MODE_BLOCK)
        return;
    if (p->builtin) {
        s->sink = kr_sink_alive(paths, s->state.nonce);
        if (!s->sink)
            kr_buf_printf(&s->why, "the sink (kumo-sink, process %d) does not answer\n",
                          (int)s->state.sink_pid);
        return;
    }
    const struct kr_plan_sink *const sinks[] = {&p->sink4, &p->sink6};
    for (size_t i = 0; i < 2; i++) {
        struct kr_err why;
        if (sinks[i]->on && kr_sink_greets(&sinks[i]->at, 2000, &why)) {
            s->sink = 0;
            kr_buf_printf(&s->why, "%s\n", why.msg);
        }
    }
}

int kr_standing_read_in(const struct kr_netview *v, const struct kr_paths *paths,
                        struct kr_standing *s, struct kr_err *e)
{
    struct kr_err why = {0};
    memset(s, 0, sizeof *s);
    if (kr_nft_exists(&kr_table_inet, &s->inet, e) ||
        kr_nft_exists(&kr_table_netdev, &s->netdev, e))
        return -1;
    s->failsafe = kr_failsafe_present(v);
    s->recorded = kr_state_read(paths, &s->state, &why);
    if (s->recorded < 0)
        kr_buf_printf(&s->why, "%s\n", why.msg);
    kr_let_go_read(paths, &s->let_go);
    kr_run_note_read(paths, &s->run);
    s->watched = kr_watcher_find(paths, &s->watcher, &why);
    if (s->watched < 0)
        kr_buf_printf(&s->why, "%s\n", why.msg);
    for (size_t i = KR_PART_RULES; i <= KR_PARTS; i++)
        s->part_at[i] = s->why.len;
    if ((s->inet && read_counts(s, &kr_table_inet, e)) ||
        (s->netdev && read_counts(s, &kr_table_netdev, e)))
        return -1;
    if (s->recorded == 1 && kr_standing_any(s)) {
        compare(s, v);
        s->part_at[KR_PART_SINK] = s->why.len;
        look_at_sink(paths, s);
        s->part_at[KR_PARTS] = s->why.len;
    }
    return 0;
}

int kr_standing_read(const struct kr_paths *paths, struct kr_standing *s, struct kr_err *e)
{
    struct kr_netview v;
    memset(s, 0, sizeof *s);
    if (kr_netview_read(&v, e))
        return -1;
    int bad = kr_standing_read_in(&v, paths, s, e);
    kr_netview_free(&v);
    return bad;
}

bool kr_standing_any(const struct kr_standing *s)
{
    return s->inet || s->netdev || s->failsafe;
}

bool kr_standing_whole(const struct kr_standing *s)
{
    return s->recorded == 1 && s->inet && s->rules == 1 && s->routes == 1 && s->sink == 1;
}

const char *kr_standing_name(const struct kr_standing *s)
{
    if (!kr_standing_any(s))
        return "off";
    if (s->recorded != 1)
        return "leftovers";
    return kr_standing_whole(s) ? kr_mode_name(s->state.plan.mode) : "damaged";
}

uint64_t kr_standing_packets(const struct kr_standing *s, const char *counter)
{
    for (size_t i = 0; i < s->n_counts; i++)
        if (strcmp(s->counts[i].name, counter) == 0)
            return s->counts[i].packets;
    return 0;
}

void kr_standing_free(struct kr_standing *s)
{
    kr_state_free(&s->state);
    kr_buf_free(&s->why);
    free(s->counts);
    memset(s, 0, sizeof *s);
}

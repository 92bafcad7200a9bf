#include "check_own.h"

#include <kr/err.h>
#include <kr/failsafe.h>
#include <kr/standing.h>

#include <stdio.h>
#include <string.h>

/* A line of the comparison, a row of evidence. */
static void add_lines(struct kr_result *r, const struct kr_standing *s, enum kr_part part,
                      enum kr_verdict v, const char *object)
{
    const char *text = kr_buf_str(&s->why) + s->part_at[part];
    const char *end = kr_buf_str(&s->why) + s->part_at[part + 1];
    while (text < end) {
        size_t n = strcspn(text, "\n");
        kr_result_add(r, v, object, "%.*s", (int)n, text);
        text += n + (text[n] == '\n');
    }
}

static bool compared(const struct kr_standing *s)
{
    return s->recorded == 1 && kr_standing_any(s);
}

static int part(struct kr_scene *scene, struct kr_result *r, enum kr_part p, int holds,
                const char *object)
{
    const struct kr_standing *s = kr_proof_of(scene)->standing;
    enum kr_verdict v = holds < 0 ? KR_IN_DOUBT : KR_BROKEN;
    if (!compared(s)) {
        kr_result_add(r, KR_BROKEN, object, "nothing is installed: run kumo-redirect up");
        return 0;
    }
    if (holds == 1)
        return 0;
    add_lines(r, s, p, v, object);
    if (r->verdict != v)
        kr_result_add(r, v, object, "not as recorded");
    return 0;
}

static int check_record(struct kr_scene *scene, struct kr_result *r, struct kr_err *e)
{
    const struct kr_standing *s = kr_proof_of(scene)->standing;
    (void)e;
    add_lines(r, s, KR_PART_RECORD, KR_IN_DOUBT, "state file");
    if (s->recorded == 0 && kr_standing_any(s))
        kr_result_add(r, KR_BROKEN, "state file",
                      "there is none, though guards stand: an up did not finish");
    else if (s->recorded == 0)
        kr_result_add(r, KR_BROKEN, "state file", "nothing is installed: run kumo-redirect up");
    return 0;
}

static int check_rules(struct kr_scene *scene, struct kr_result *r, struct kr_err *e)
{
    const struct kr_standing *s = kr_proof_of(scene)->standing;
    (void)e;
    if (compared(s) && !s->inet)
        kr_result_add(r, KR_BROKEN, "table inet " KR_TABLE, "is gone");
    return part(scene, r, KR_PART_RULES, s->rules, "ruleset");
}

static int check_failsafe(struct kr_scene *scene, struct kr_result *r, struct kr_err *e)
{
    (void)e;
    return part(scene, r, KR_PART_ROUTES, kr_proof_of(scene)->standing->routes, "policy routing");
}

static int check_sink(struct kr_scene *scene, struct kr_result *r, struct kr_err *e)
{
    (void)e;
    return part(scene, r, KR_PART_SINK, kr_proof_of(scene)->standing->sink, "sink");
}

static int check_fence(struct kr_scene *scene, struct kr_result *r, struct kr_err *e)
{
    const struct kr_plan *p = kr_proof_of(scene)->plan;
    (void)e;
    if (!p->fence)
        kr_result_add(r, KR_BROKEN, "table netdev " KR_TABLE,
                      "up went on without the fence on the uplinks");
    else if (!p->uplinks.n)
        kr_result_add(r, KR_HOLDS, "table netdev " KR_TABLE, "no device leads out");
    return 0;
}

static int check_stable(struct kr_scene *scene, struct kr_result *r, struct kr_err *e)
{
    (void)e;
    if (kr_proof_of(scene)->moved)
        kr_result_add(r, KR_IN_DOUBT, "ruleset",
                      "another program changed it each time it was looked at");
    return 0;
}

#define FRESH "sudo kumo-redirect up (puts right what is not as recorded; a run has to end first)"
static const struct kr_check checks[] = {
    {.id = "own-record",
     .title = "what was installed is on record",
     .rows = "20",
     .why = "Without its record nobody can tell whether what stands is what was meant to stand.",
     .how = "The state file under " KR_STATE_DIR " is there, is ours, and can be read.",
     .remedy = FRESH,
     .run = check_record},
    {.id = "own-rules",
     .title = "our ruleset is exactly what was planned",
     .rows = "1 2 3 7 9 11 14 15 18 19 20 21 24 25 26 27 29 30 57 62 64",
     .why = "A rule that was removed, moved or added, a dormant table, another priority, policy or "
            "set element opens a way out while everything seems to stand.",
     .how = "Both tables are read under one generation id and compared with the plan: flags, "
            "chains, hooks, priorities, policies, devices, sets and elements, and every rule in "
            "order, expression by expression. What is not known is a difference. A watch looks all "
            "the time, and mends; while a run is under way it stands aside for the guard of that "
            "run, which does so in its place, and is back when the run has ended.",
     .remedy = FRESH,
     .run = check_rules},
    {.id = "own-failsafe",
     .title = "the policy-routing failsafe stands",
     .rows = "12 13 19 20 21 63",
     .why = "It is what holds when nftables is flushed, dormant or gone.",
     .how = "Rules, table, hole device and local routes are read by rtnetlink and compared with "
            "the plan; our rule must be the first one after `local`.",
     .remedy = FRESH,
     .run = check_failsafe},
    {.id = "netdev-fence",
     .title = "every uplink is fenced",
     .rows = "33 34 35 39 43 44",
     .why = "Packet sockets, foreign ethertypes and bridged frames pass every guard but a chain on "
            "the device's own egress.",
     .how = "The plan says so; own-rules proves that it is in force.",
     .remedy = "a kernel of 5.16 or later with CONFIG_NETFILTER_EGRESS; see kumo-redirect features",
     .waivable = true,
     .run = check_fence},
    {.id = "own-sink",
     .title = "the sink is alive, and is the one that was meant",
     .rows = "58",
     .why = "What answers in the place of the sink may relay.",
     .how = "kumo-sink answers on its control socket with the nonce of this run; another sink "
            "greets with 220 on its address.",
     .remedy = FRESH,
     .run = check_sink},
    {.id = "own-stable",
     .title = "the ruleset held still while it was read",
     .rows = "20",
     .why = "What was read piece by piece while another program changed it may never have stood "
            "as read.",
     .how = "The generation id of nftables is the same before and after all static checks; "
            "5 tries.",
     .remedy = "find who changes the ruleset all the time: nft monitor",
     .run = check_stable},
};
const struct kr_check_group kr_checks_own = {"own", checks, sizeof checks / sizeof *checks};
const struct kr_check *const kr_check_stable = &checks[sizeof checks / sizeof *checks - 1];

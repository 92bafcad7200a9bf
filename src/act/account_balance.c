/* Theory of operation: the balance of a run.
 *
 * Recipients are counted, not messages: a message of several recipients may become several. Each
 * one that the generator handed over must be accepted by the sink, or refused by it, or be in the
 * MTA's queue still. The sink's deferrals are tries: what it deferred comes again, or is queued.
 *
 *     sent = accepted + refused + queued
 *
 * An MTA answers a refusal with a message of its own to the sender (RFC 3464), at most one for
 * each, which goes to the sink as well. The sink knows it by its sender, <>, and what it counted so
 * is taken off; one that is queued still can't be told from other mail. When there are more than
 * there were refusals the generator itself uses that sender, and nothing is taken off. The right
 * side may be greater: by reports in the queue, and by what the generator counts as failed though
 * the MTA took it, when only the answer was lost. The left side may not be greater, unless nobody
 * knows the queue; then the rest is unknown, never assumed to be queued. */
#include <kr/run_balance.h>

#include <kr/err.h>
#include <kr/run_record.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BUSY 85u /* percent of the cores a sink can use from which it may have been the brake */

static const char *const names[] = {"holds", "noted", "explained", "unknown", "broken"};
_Static_assert(sizeof names / sizeof *names == KR_BALANCED_N, "a name for each");

const char *kr_balanced_name(enum kr_balanced b)
{
    return names[b];
}

static uint64_t get(const struct kr_run *r, enum kr_run_group g, const char *name)
{
    return kr_numbers_get(&r->facts[g].n, name);
}

__attribute__((format(printf, 3, 4))) static void say(struct kr_balance_row *row,
                                                      enum kr_balanced is, const char *fmt, ...)
{
    va_list ap;
    size_t at = strlen(row->text);
    row->is = is > row->is ? is : row->is;
    va_start(ap, fmt);
    vsnprintf(row->text + at, sizeof row->text - at, fmt, ap);
    va_end(ap);
}

/* False, and the row says why, when a group is not known. */
static bool needs(const struct kr_run *r, enum kr_run_group g, struct kr_balance_row *row)
{
    if (r->facts[g].known)
        return true;
    say(row, KR_BAL_UNKNOWN, "%sthe %s is not known: %s", *row->text ? "; " : "",
        kr_run_group_name(g), *r->facts[g].why ? r->facts[g].why : "nobody asked");
    return false;
}

static bool needs_both(const struct kr_run *r, enum kr_run_group a, enum kr_run_group b,
                       struct kr_balance_row *row)
{
    bool first = needs(r, a, row), second = needs(r, b, row);
    return first && second;
}

/* ---- messages -----------------------------------------------------------------------------------
 */

struct sums {
    uint64_t sent, failed, accepted, refused, deferred;
    uint64_t reports; /* the MTA's own, taken off the others */
    uint64_t unseen;  /* of those, what may be in accepted, refused or the queue still */
};

static struct sums sums_of(const struct kr_run *r)
{
    uint64_t sent = get(r, KR_RUN_generator, "recipients");
    struct sums s = {.sent = sent ? sent : get(r, KR_RUN_generator, "sent"),
                     .failed = get(r, KR_RUN_generator, "failed"),
                     .accepted = get(r, KR_RUN_sink, "recipients"),
                     .refused = get(r, KR_RUN_sink, "recipients_refused"),
                     .deferred = get(r, KR_RUN_sink, "recipients_deferred")};
    s.unseen = s.refused;
    return s;
}

static void take_off_reports(const struct kr_run *r, struct sums *s)
{
    uint64_t accepted = get(r, KR_RUN_sink, "reports");
    uint64_t refused = get(r, KR_RUN_sink, "reports_refused");
    if (accepted > s->accepted || refused > s->refused || accepted + refused > s->refused - refused)
        return;
    s->reports = accepted + refused;
    s->accepted -= accepted;
    s->refused -= refused;
    s->unseen = s->refused - accepted; /* a refused one may be queued all the same */
}

/* More arrived than was sent. */
static void judge_excess(const struct sums *s, uint64_t excess, uint64_t moving,
                         struct kr_balance_row *row)
{
    if (excess <= s->unseen + s->failed + moving)
        say(row, KR_BAL_EXPLAINED,
            "; %" PRIu64 " more than were sent: the MTA's own messages about refusals%s (at most "
            "%" PRIu64 "), or taken though the generator counts them as failed (at most %" PRIu64
            ")%s",
            excess, s->reports ? " that are queued still" : "", s->unseen, s->failed,
            moving ? "; and deliveries went on meanwhile" : "");
    else
        say(row, KR_BAL_BROKEN,
            "; %" PRIu64 " more than were sent, and nothing explains more than %" PRIu64, excess,
            s->unseen + s->failed + moving);
}

/* Fewer arrived than were sent, and they are not queued. */
static void judge_missing(const struct sums *s, uint64_t missing, struct kr_balance_row *row)
{
    if (missing <= s->reports)
        say(row, KR_BAL_UNKNOWN,
            "; %" PRIu64 " are missing, unless the generator itself sends with the sender <>",
            missing);
    else
        say(row, KR_BAL_BROKEN,
            "; %" PRIu64 " are missing: neither did the sink see them nor are they queued",
            missing);
}

static void judge_without_queue(const struct kr_run *r, const struct sums *s, uint64_t rest,
                                struct kr_balance_row *row)
{
    if (!rest && !s->refused && !s->failed)
        return; /* nothing could hide behind an equal sum */
    say(row, KR_BAL_UNKNOWN,
        rest ? "; %" PRIu64 " are queued still or lost: the queue is not known (%s)"
             : "; with %" PRIu64 " left over, but the queue is not known (%s)",
        rest, *r->facts[KR_RUN_queue].why ? r->facts[KR_RUN_queue].why : "nobody asked");
}

/* A queue that was not empty before is counted by what was added to it; when it shrank, older mail
 * went to the sink too. */
static void judge_queue(const struct kr_run *r, const struct sums *s, int64_t rest,
                        struct kr_balance_row *row)
{
    int64_t before = (int64_t)get(r, KR_RUN_queue, "before");
    int64_t after = (int64_t)get(r, KR_RUN_queue, "after");
    int64_t over = after - before - rest;
    say(row, KR_BAL_HOLDS, " + %" PRId64 " queued", after);
    if (before)
        say(row, KR_BAL_HOLDS, " (%" PRId64 " before)", before);
    int64_t less = (int64_t)get(r, KR_RUN_queue, "moving");
    int64_t more = less + (int64_t)get(r, KR_RUN_queue, "running");
    if (over && over <= more && -over <= less)
        say(row, KR_BAL_EXPLAINED, "; it differs by %" PRId64 ": deliveries went on meanwhile",
            over);
    else if (over > 0)
        judge_excess(s, (uint64_t)over, (uint64_t)more, row);
    else if (over < 0)
        judge_missing(s, (uint64_t)-over, row);
}

/* No MTA is here: the generator met the sink itself, and what was not accepted it counts as failed.
 */
static bool is_direct(const struct kr_run *r)
{
    return r->facts[KR_RUN_queue].known && !r->mtas.n && !get(r, KR_RUN_queue, "after");
}

static void judge_direct(const struct sums *s, struct kr_balance_row *row)
{
    uint64_t turned = s->refused + s->deferred;
    say(row, KR_BAL_HOLDS,
        "no MTA is here: sent %" PRIu64 " = accepted %" PRIu64 "; failed %" PRIu64
        " = refused %" PRIu64 " + deferred %" PRIu64,
        s->sent, s->accepted, s->failed, s->refused, s->deferred);
    if (s->accepted > s->sent && s->accepted - s->sent <= s->failed)
        say(row, KR_BAL_EXPLAINED, "; %" PRIu64 " were accepted, but the answer did not arrive",
            s->accepted - s->sent);
    else if (s->accepted > s->sent)
        say(row, KR_BAL_BROKEN, "; %" PRIu64 " more than were sent", s->accepted - s->sent);
    else if (s->accepted < s->sent)
        say(row, KR_BAL_BROKEN, "; %" PRIu64 " are missing: the sink did not see them",
            s->sent - s->accepted);
    else if (turned > s->failed)
        say(row, KR_BAL_EXPLAINED, "; %" PRIu64 " were tried again", turned - s->failed);
    else if (turned < s->failed)
        say(row, KR_BAL_EXPLAINED, "; %" PRIu64 " failed without an answer of the sink",
            s->failed - turned);
}

static void messages(const struct kr_run *r, struct kr_balance_row *row)
{
    struct sums s = sums_of(r);
    if (!needs_both(r, KR_RUN_generator, KR_RUN_sink, row))
        return;
    if (is_direct(r)) {
        judge_direct(&s, row);
        return;
    }
    take_off_reports(r, &s);
    int64_t rest = (int64_t)(s.sent - s.accepted - s.refused);
    say(row, KR_BAL_HOLDS, "sent %" PRIu64 " = accepted %" PRIu64 " + refused %" PRIu64, s.sent,
        s.accepted, s.refused);
    if (r->facts[KR_RUN_queue].known)
        judge_queue(r, &s, rest, row);
    else if (rest < 0)
        judge_excess(&s, (uint64_t)-rest, 0, row);
    else
        judge_without_queue(r, &s, (uint64_t)rest, row);
    if (s.deferred)
        say(row, KR_BAL_HOLDS, "; deferred %" PRIu64 " times", s.deferred);
    if (s.reports)
        say(row, KR_BAL_HOLDS, "; and %" PRIu64 " of the MTA's own, about refusals", s.reports);
}

static void generator(const struct kr_run *r, struct kr_balance_row *row)
{
    struct sums s = sums_of(r);
    uint64_t failed = s.failed;
    if (!needs(r, KR_RUN_generator, row))
        return;
    if (failed && is_direct(r) && failed <= s.refused + s.deferred)
        say(row, KR_BAL_EXPLAINED, "%" PRIu64 " of %" PRIu64 " failed, as the sink answered",
            failed, failed + s.sent);
    else if (failed)
        say(row, KR_BAL_BROKEN, "it counts %" PRIu64 " as failed of %" PRIu64, failed,
            failed + get(r, KR_RUN_generator, "sent"));
    else if (!get(r, KR_RUN_generator, "sent"))
        say(row, KR_BAL_BROKEN, "it sent nothing");
    else
        say(row, KR_BAL_HOLDS, "none of %" PRIu64 " failed", get(r, KR_RUN_generator, "sent"));
}

/* ---- connections --------------------------------------------------------------------------------
 */

static void connections(const struct kr_run *r, struct kr_balance_row *row)
{
    if (!needs_both(r, KR_RUN_guards, KR_RUN_sink, row))
        return;
    uint64_t led = get(r, KR_RUN_guards, "redirected_v4") + get(r, KR_RUN_guards, "redirected_v6");
    uint64_t met = get(r, KR_RUN_sink, "redirected_v4") + get(r, KR_RUN_sink, "redirected_v6");
    uint64_t away = get(r, KR_RUN_sink, "refused_busy");
    say(row, KR_BAL_HOLDS, "redirected %" PRIu64 ", met the sink %" PRIu64, led, met);
    if (away)
        say(row, KR_BAL_BROKEN, "; the sink turned %" PRIu64 " away: it was full", away);
    uint64_t differs = led > met + away ? led - met - away : met > led ? met - led : 0;
    if (differs && differs <= get(r, KR_RUN_queue, "moving") + get(r, KR_RUN_queue, "running"))
        say(row, KR_BAL_EXPLAINED, "; it differs by %" PRIu64 ": deliveries went on meanwhile",
            differs);
    else if (led > met + away)
        say(row, KR_BAL_BROKEN, "; %" PRIu64 " were lost on the way", led - met - away);
    else if (met > led)
        say(row, KR_BAL_BROKEN, "; %" PRIu64 " more than our rule redirected", met - led);
}

static void not_redirected(const struct kr_run *r, struct kr_balance_row *row)
{
    uint64_t n = get(r, KR_RUN_sink, "not_redirected");
    if (!needs(r, KR_RUN_sink, row))
        return;
    say(row, n ? KR_BAL_BROKEN : KR_BAL_HOLDS, "%" PRIu64, n);
    if (n)
        say(row, KR_BAL_BROKEN, " came to the sink by another way than the redirect");
}

/* Providers are told of what the policy answered: all of it, or what came since it was loaded on
 * connections made since. */
static void providers(const struct kr_run *r, struct kr_balance_row *row)
{
    static const char *const kinds[] = {"messages", "messages_refused", "messages_deferred"};
    if (!needs(r, KR_RUN_sink, row))
        return;
    for (size_t k = 0; r->n_providers && k < sizeof kinds / sizeof *kinds; k++) {
        uint64_t all = get(r, KR_RUN_sink, kinds[k]), sum = 0;
        for (size_t i = 0; i < r->n_providers; i++)
            sum += kr_numbers_get(&r->providers[i].n, kinds[k]);
        if (sum > all)
            say(row, KR_BAL_BROKEN, "%s%s: %" PRIu64 " by provider, %" PRIu64 " in all",
                *row->text ? "; " : "", kinds[k], sum, all);
        else if (sum < all)
            say(row, KR_BAL_EXPLAINED, "%s%s: %" PRIu64 " of %" PRIu64 " were not for the policy",
                *row->text ? "; " : "", kinds[k], all - sum, all);
    }
    if (!r->n_providers)
        say(row, KR_BAL_HOLDS, "no policy, so none");
    else if (!*row->text)
        say(row, KR_BAL_HOLDS, "the sums of %zu provider%s are the sums of the sink",
            r->n_providers, r->n_providers == 1 ? "" : "s");
}

/* ---- guards -------------------------------------------------------------------------------------
 */

static bool has_prefix(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

static void blocked(const struct kr_run *r, struct kr_balance_row *row)
{
    const struct kr_numbers *n = &r->facts[KR_RUN_guards].n;
    if (!needs(r, KR_RUN_guards, row))
        return;
    for (size_t i = 0; i < n->n; i++)
        if (n->v[i].n && (has_prefix(n->v[i].name, "blocked") || has_prefix(n->v[i].name, "sink_")))
            say(row, KR_BAL_NOTED, "%s%s %" PRIu64 " packets", *row->text ? ", " : "", n->v[i].name,
                n->v[i].n);
    if (!*row->text)
        say(row, KR_BAL_HOLDS, "0 packets");
}

static void exempt(const struct kr_run *r, struct kr_balance_row *row)
{
    uint64_t n = get(r, KR_RUN_guards, "exempt_lan");
    if (!needs(r, KR_RUN_guards, row))
        return;
    say(row, n ? KR_BAL_NOTED : KR_BAL_HOLDS, "%" PRIu64 " packets", n);
}

/* ---- losses and headroom ------------------------------------------------------------------------
 */

static void losses(const struct kr_run *r, struct kr_balance_row *row)
{
    if (!needs_both(r, KR_RUN_conntrack, KR_RUN_softnet, row))
        return;
    uint64_t full = get(r, KR_RUN_conntrack, "drop"), soft = get(r, KR_RUN_softnet, "dropped");
    uint64_t early = get(r, KR_RUN_conntrack, "early_drop");
    uint64_t failed = get(r, KR_RUN_conntrack, "insert_failed");
    if (full)
        say(row, KR_BAL_BROKEN, "the conntrack table was full for %" PRIu64 " packets; ", full);
    if (early)
        say(row, KR_BAL_NOTED, "conntrack threw out %" PRIu64 " entries early; ", early);
    if (failed)
        say(row, KR_BAL_NOTED, "conntrack could not insert %" PRIu64 " entries; ", failed);
    if (soft)
        say(row, KR_BAL_NOTED, "the kernel's backlog dropped %" PRIu64 " packets; ", soft);
    if (!*row->text)
        say(row, KR_BAL_HOLDS, "none");
    else
        row->text[strlen(row->text) - 2] = '\0';
}

/* What the sink used, in how many seconds: those between samples in which it did anything, so that
 * waiting before and after does not make it look idle. Without samples: the run as a whole. */
static double worked(const struct kr_run *r, uint64_t *used)
{
    const struct kr_run_samples *s = &r->samples;
    uint64_t us = 0, was = 0, at = 0;
    *used = 0;
    for (size_t i = 0; i < s->n; i++) {
        uint64_t now = s->v[i][KR_RUN_AT_sink_cpu];
        if (now != UINT64_MAX && now > was) {
            *used += now - was;
            us += s->v[i][KR_RUN_AT_us] - at;
        }
        was = now != UINT64_MAX ? now : was;
        at = s->v[i][KR_RUN_AT_us];
    }
    if (us)
        return (double)us / 1e6;
    *used = get(r, KR_RUN_cpu, "sink_us");
    return r->seconds;
}

static void headroom(const struct kr_run *r, struct kr_balance_row *row)
{
    uint64_t workers = get(r, KR_RUN_sink, "workers"), cpus = r->host.cpus ? r->host.cpus : 1;
    uint64_t used;
    if (!needs_both(r, KR_RUN_cpu, KR_RUN_sink, row))
        return;
    if (!kr_numbers_find(&r->facts[KR_RUN_cpu].n, "sink_us")) {
        say(row, KR_BAL_UNKNOWN, "the sink's processor time is not known");
        return;
    }
    double seconds = worked(r, &used);
    if (seconds < 1) {
        say(row, KR_BAL_NOTED, "the sink worked for %.1f s, too short to say", seconds);
        return;
    }
    uint64_t most = workers && workers < cpus ? workers : cpus;
    double share = (double)used / 1e4 / seconds;
    say(row, KR_BAL_HOLDS, "the sink used %.*f %% of a core", share < 10 ? 1 : 0, share);
    if (seconds < r->seconds * 0.9)
        say(row, KR_BAL_HOLDS, " in the %.1f s it worked", seconds);
    if (share > (double)(BUSY * most))
        say(row, KR_BAL_BROKEN, ", of %" PRIu64 " it can use: it may have been the brake", most);
}

static void gate(const struct kr_run *r, struct kr_balance_row *row)
{
    if (r->outcome == KR_RUN_BREACH || r->breaches)
        say(row, KR_BAL_BROKEN, "%" PRIu64 " breach%s%s%s", r->breaches,
            r->breaches == 1 ? "" : "es", *r->reason ? ": " : "", r->reason);
    else if (r->outcome == KR_RUN_HELD)
        say(row, KR_BAL_HOLDS, "from the first probe to the end");
    else if (r->outcome == KR_RUN_KEPT)
        say(row, KR_BAL_NOTED, "it did not open; the command kept its suffix: %s", r->reason);
    else
        say(row, KR_BAL_BROKEN, "%s: %s", kr_run_outcome_name(r->outcome),
            *r->reason ? r->reason : "no reason was recorded");
}

static const struct {
    const char *id, *title;
    void (*judge)(const struct kr_run *r, struct kr_balance_row *row);
} rows[] = {
    {"gate", "the gate held", gate},
    {"messages", "every message is accounted for", messages},
    {"generator", "the generator failed nowhere", generator},
    {"connections", "every redirected connection met the sink", connections},
    {"not-redirected", "nothing met the sink but by the redirect", not_redirected},
    {"providers", "providers add up", providers},
    {"blocked", "no packet had to be stopped", blocked},
    {"exempt", "nothing went to the exempt LAN", exempt},
    {"losses", "the kernel lost no packet", losses},
    {"headroom", "the sink was not the brake", headroom},
};
#define ROWS (sizeof rows / sizeof *rows)
_Static_assert(ROWS <= KR_BALANCE_ROWS, "room for each row");

void kr_run_balance(const struct kr_run *r, struct kr_balance *out)
{
    *out = (struct kr_balance){.n = ROWS};
    for (size_t i = 0; i < ROWS; i++) {
        out->v[i] = (struct kr_balance_row){.id = rows[i].id, .title = rows[i].title};
        rows[i].judge(r, &out->v[i]);
        if (out->v[i].is > out->worst)
            out->worst = out->v[i].is;
    }
}

int kr_run_exit(const struct kr_run *r, const struct kr_balance *b)
{
    if (r->outcome == KR_RUN_BREACH || r->breaches)
        return KR_BREACH;
    if (b->worst == KR_BAL_BROKEN)
        return KR_UNSAFE;
    return b->worst == KR_BAL_UNKNOWN ? KR_UNKNOWN : KR_OK;
}

/* What is decided at RCPT for DATA and for the dot is kept until then: the first recipient that is
 * refused there refuses the message. So nothing has to be remembered of a recipient but its
 * verdict.
 */
#include "decide.h"

#include "verdict.h"

#include <kr/mem.h>
#include <kr/sink_knobs.h>
#include <kr/sink_limits.h>
#include <kr/sink_memory.h>
#include <kr/sink_sums.h>
#include <kr/sink_tally.h>

#include <string.h>
#include <time.h>

/* A recipient whose RCPT was accepted. */
struct taken {
    const struct kr_answer *answer; /* to come at the dot; NULL: acceptance */
    unsigned account;               /* its provider's number */
};
struct kr_decider {
    struct kr_policy *policy; /* held */
    struct kr_addr source, meant;
    const struct kr_site *mx;       /* by the address or the name the client meant; or NULL */
    const struct kr_site *first;    /* of the transaction's first recipient; NULL: none yet */
    const struct kr_site *now;      /* whom what is said next is counted for */
    struct kr_limit *limit;         /* where this connection is counted; or NULL */
    const struct kr_site *limited;  /* whose limits were looked for last, */
    struct kr_limit *found;         /* and what was found: a slot stays where it is; or NULL */
    uint64_t senders, sender;       /* bits of rules; a hash */
    struct effect later[KR_STAGES]; /* DATA and DOT */
    struct taken *each;             /* the recipients that were */
    size_t each_n, each_cap;
};

void decide_say(struct kr_sink_ctx *x, struct kr_sink_session *s, const struct kr_answer *a)
{
    kr_buf_add(&x->out, a->wire, a->len);
    kr_tally(x, KR_SINK_policy_refused, 1);
    kr_tally_reply(x, a->code);
    kr_tally_provider(x, s->decider->now->account, a->code);
    if (a->code == 421)
        s->over = s->shut = true;
}

static void break_off(struct kr_sink_ctx *x, struct kr_sink_session *s, enum effect_fault fault)
{
    kr_tally(x, KR_SINK_faults, 1);
    s->over = true;
    s->fault = fault == EFFECT_RESET ? KR_FAULT_RESET : KR_FAULT_DROP;
    if (fault != EFFECT_STALL)
        return;
    x->delay_at = x->delay ? x->delay_at : x->out.len;
    x->delay = KR_SINK_FOREVER;
}

static bool tell(struct kr_sink_ctx *x, struct kr_sink_session *s, const struct effect *f)
{
    if (f->delay && !x->delay) {
        x->delay = f->delay;
        x->delay_at = x->out.len;
    }
    if (f->bandwidth)
        s->bandwidth = f->bandwidth;
    if (f->fault)
        break_off(x, s, f->fault);
    else if (f->answer)
        decide_say(x, s, f->answer);
    return f->fault || f->answer;
}

void decide_message(struct kr_sink_ctx *x, const struct kr_sink_session *s, enum kr_outcome what)
{
    const struct kr_decider *d = s->decider;
    if (!d || !d->policy || !d->first)
        return;
    kr_sink_provider_message(x->stats, d->first->account, what);
    if (what == KR_ACCEPTED)
        kr_tally_provider(x, d->first->account, 250);
}

void decide_recipients(struct kr_sink_ctx *x, const struct kr_sink_session *s, int code)
{
    const struct kr_decider *d = s->decider;
    for (size_t i = 0; d && i < d->each_n; i++) {
        const struct taken *t = &d->each[i];
        int own = !code && t->answer ? t->answer->code : code;
        kr_sink_provider_recipient(x->stats, t->account, kr_outcome_of(own));
    }
}

static struct about about(const struct kr_sink_ctx *x, const struct kr_decider *d)
{
    return (struct about){
        .faultless = x->knobs && atomic_load_explicit(&x->knobs->faultless, memory_order_relaxed),
        .source = &d->source,
        .meant = &d->meant,
        .site = d->now,
        .local = "",
        .domain = "",
        .senders = d->senders};
}

static uint64_t address(uint64_t h, const struct kr_addr *a)
{
    return dice_mix(dice_text(h, (const char *)a->b, sizeof a->b));
}

/* Before there is a recipient: the how manieth time this source does this to this destination. */
static bool early(struct kr_sink_ctx *x, struct kr_sink_session *s, enum kr_stage stage)
{
    struct kr_decider *d = s->decider;
    if (!d || !d->policy || !(d->policy->stages >> stage & 1))
        return false;
    struct about a = about(x, d);
    struct effect f = {0};
    uint64_t key = address(address(stage, &d->source), &d->meant) ^ d->sender;
    a.attempt = kr_memory_attempt(x->memory, key, x->now / 1000, 0).before;
    a.hash = dice_mix(key + d->policy->seed + dice_mix(a.attempt));
    verdict_rules(d->policy, stage, &a, &f);
    return tell(x, s, &f);
}

bool decide_ehlo(struct kr_sink_ctx *x, struct kr_sink_session *s)
{
    return early(x, s, KR_STAGE_EHLO);
}

static void begin(struct kr_sink_ctx *x, struct kr_decider *d)
{
    if (d->policy != x->policy) {
        kr_policy_drop(d->policy);
        d->policy = kr_policy_hold(x->policy);
        d->limited = NULL;
        d->mx = d->policy ? kr_policy_by_mx(d->policy, &d->meant) : NULL;
    }
    d->first = NULL;
    d->now = !d->policy ? NULL : d->mx ? d->mx : d->policy->site[0];
    d->each_n = 0;
    memset(d->later, 0, sizeof d->later);
}

bool decide_mail(struct kr_sink_ctx *x, struct kr_sink_session *s, const struct kr_path *from)
{
    struct kr_decider *d = s->decider;
    if (!d)
        return false;
    begin(x, d);
    if (!d->policy)
        return false;
    bool mailbox = from->kind == KR_PATH_MAILBOX;
    size_t n = mailbox ? from->local_len + 1 + from->domain_len : 0;
    d->sender = dice_text(0, n ? from->local : "", n);
    d->senders = verdict_senders(d->policy, n ? from->local : "", n);
    return early(x, s, KR_STAGE_MAIL);
}

/* ---- recipients ---------------------------------------------------------------------------------
 */

static uint32_t today(void)
{
    return (uint32_t)(time(NULL) / 86400);
}

static struct kr_limit *limit_of(struct kr_sink_ctx *x, struct kr_decider *d,
                                 const struct kr_site *site)
{
    if (d->limited != site || !d->found)
        d->found = kr_limits_find(
            x->limits, address(dice_text(0, site->name, strlen(site->name)), &d->source));
    d->limited = site;
    return d->found;
}

/* A connection counts for the provider it first has to do with. */
static const struct kr_answer *join(struct kr_sink_ctx *x, struct kr_decider *d,
                                    const struct kr_site *site)
{
    struct kr_limit *k = !d->limit && site->connections ? limit_of(x, d, site) : NULL;
    if (!k)
        return NULL;
    if (!kr_limit_connect(x->limits, k, x->worker, site->connections))
        return site->over_connections.v;
    d->limit = k;
    return NULL;
}

static const struct kr_answer *over_limits(struct kr_sink_ctx *x, struct kr_decider *d,
                                           const struct kr_site *site)
{
    const struct kr_answer *a = join(x, d, site);
    struct kr_limit *k = !a && (site->rate > 0 || site->daily) ? limit_of(x, d, site) : NULL;
    if (!k)
        return a;
    if (site->rate > 0 && !kr_limit_token(k, site->rate, site->burst, x->now))
        return site->over_rate.v;
    return site->daily && !kr_limit_daily(k, site->daily, today()) ? site->over_quota.v : NULL;
}

/* The triplet of source network, sender and recipient. */
static bool greylisted(struct kr_sink_ctx *x, const struct kr_decider *d,
                       const struct kr_site *site, uint64_t rcpt)
{
    struct kr_addr net = d->source;
    memset(net.b + (kr_addr_is_v4(&net) ? 15 : 8), 0, kr_addr_is_v4(&net) ? 1 : 8);
    uint64_t key = dice_mix(address(rcpt, &net) ^ d->sender);
    struct kr_attempt t =
        kr_memory_attempt(x->memory, key, x->now / 1000, (int64_t)site->greylist_for);
    return t.before == 0 || t.age < (int64_t)site->greylist;
}

static void keep(struct kr_decider *d, enum kr_stage stage, const struct effect *f)
{
    struct effect *l = &d->later[stage];
    if (!l->answer && !l->fault) {
        l->answer = f->answer;
        l->fault = f->fault;
    }
    l->delay = f->delay > l->delay ? f->delay : l->delay;
    l->bandwidth = f->bandwidth ? f->bandwidth : l->bandwidth;
}

/* What is decided for a recipient, stage by stage. */
struct verdict {
    struct effect at[KR_STAGES];
};

static void judge(struct kr_sink_ctx *x, const struct kr_decider *d, const struct about *a,
                  uint64_t rcpt, struct verdict *v)
{
    const struct kr_answer *special = NULL;
    if (verdict_special(d->policy, a, &special)) {
        v->at[KR_STAGE_DOT].answer = special;
        return;
    }
    for (enum kr_stage stage = KR_STAGE_RCPT; stage < KR_STAGES; stage++)
        verdict_rules(d->policy, stage, a, &v->at[stage]);
    if (!v->at[KR_STAGE_RCPT].answer && a->site->greylist && greylisted(x, d, a->site, rcpt))
        v->at[KR_STAGE_RCPT].answer = a->site->greylisted.v;
    struct effect *own = &v->at[a->site->stage];
    if (!own->answer)
        own->answer = verdict_dice(d->policy, a);
}

/* Will it come again? */
static bool is_deferred(const struct verdict *v)
{
    for (int i = KR_STAGE_RCPT; i < KR_STAGES; i++)
        if (v->at[i].answer || v->at[i].fault)
            return !v->at[i].answer || v->at[i].answer->code < 500;
    return false;
}

static void note_each(struct kr_decider *d, const struct kr_answer *a)
{
    d->each = kr_grow(d->each, &d->each_cap, d->each_n + 1, sizeof *d->each);
    d->each[d->each_n++] = (struct taken){a, d->now->account};
}

static void count_rejected(struct kr_sink_ctx *x, const struct kr_sink_session *s,
                           const struct effect *f)
{
    if (f->fault || !f->answer)
        return;
    enum kr_outcome what = kr_outcome_of(f->answer->code);
    kr_tally_recipients(x, s, what, 1);
    kr_sink_provider_recipient(x->stats, s->decider->now->account, what);
}

static void address_about(const struct kr_path *to, struct about *a)
{
    a->local = to->local;
    a->local_len = to->local_len;
    a->domain = to->domain ? to->domain : "";
    a->domain_len = to->domain_len;
}

static const struct kr_site *site_of(const struct kr_decider *d, const struct kr_path *to)
{
    const struct kr_site *site =
        to->domain_len ? kr_policy_by_domain(d->policy, to->domain, to->domain_len) : NULL;
    return site ? site : d->mx ? d->mx : d->policy->site[0];
}

static void decide(struct kr_sink_ctx *x, struct kr_decider *d, struct about *a, struct verdict *v)
{
    uint64_t rcpt = dice_mix(dice_text(1, a->local, a->local_len) ^
                             dice_mix(dice_text(2, a->domain, a->domain_len)));
    kr_memory_expect(x->memory, rcpt);
    v->at[KR_STAGE_RCPT].answer = d->first ? NULL : over_limits(x, d, a->site);
    a->attempt = kr_memory_attempt(x->memory, rcpt, x->now / 1000, 0).before;
    a->hash = dice_mix(rcpt + dice_mix(d->policy->seed + dice_mix(a->attempt)));
    if (!v->at[KR_STAGE_RCPT].answer)
        judge(x, d, a, rcpt, v);
    kr_memory_keep(x->memory, rcpt, is_deferred(v));
}

bool decide_rcpt(struct kr_sink_ctx *x, struct kr_sink_session *s, const struct kr_path *to)
{
    struct kr_decider *d = s->decider;
    if (!d || !d->policy)
        return false;
    struct about a = about(x, d);
    struct verdict v = {0};
    a.site = d->now = site_of(d, to);
    address_about(to, &a);
    decide(x, d, &a, &v);
    if (tell(x, s, &v.at[KR_STAGE_RCPT])) {
        count_rejected(x, s, &v.at[KR_STAGE_RCPT]);
        return true;
    }
    d->first = d->first ? d->first : a.site;
    keep(d, KR_STAGE_DATA, &v.at[KR_STAGE_DATA]);
    keep(d, KR_STAGE_DOT, &v.at[KR_STAGE_DOT]);
    note_each(d, v.at[KR_STAGE_DOT].answer);
    return false;
}

/* ---- content ------------------------------------------------------------------------------------
 */

static int later(struct kr_sink_ctx *x, struct kr_sink_session *s, enum kr_stage stage)
{
    struct kr_decider *d = s->decider;
    if (!d || !d->policy)
        return 0;
    const struct effect *f = &d->later[stage];
    d->now = d->first ? d->first : d->now;
    return !tell(x, s, f) ? 0 : f->fault ? -1 : f->answer->code;
}

int decide_data(struct kr_sink_ctx *x, struct kr_sink_session *s)
{
    return later(x, s, KR_STAGE_DATA);
}

/* With LMTP the answer is not the whole message's; delays and faults are. */
int decide_dot(struct kr_sink_ctx *x, struct kr_sink_session *s)
{
    if (s->decider && x->offers & KR_OFFER_LMTP)
        s->decider->later[KR_STAGE_DOT].answer = NULL;
    return later(x, s, KR_STAGE_DOT);
}

const struct kr_answer *decide_each(const struct kr_sink_session *s, uint32_t recipient)
{
    const struct kr_decider *d = s->decider;
    return d && d->policy && recipient < d->each_n ? d->each[recipient].answer : NULL;
}

/* ---- connections --------------------------------------------------------------------------------
 */

bool decide_connect(struct kr_sink_ctx *x, struct kr_sink_session *s, const struct kr_addr *source,
                    const struct kr_addr *meant)
{
    if (!x->policy)
        return false;
    struct kr_decider *d = kr_calloc(1, sizeof *d);
    *d = (struct kr_decider){.source = *source, .meant = *meant};
    s->decider = d;
    begin(x, d);
    struct effect f = {.answer = d->mx ? join(x, d, d->mx) : NULL};
    return tell(x, s, &f) || early(x, s, KR_STAGE_CONNECT);
}

void decide_name(struct kr_sink_session *s, const char *mx)
{
    struct kr_decider *d = s->decider;
    const struct kr_site *site = d && d->policy ? kr_policy_by_mx_name(d->policy, mx) : NULL;
    if (site)
        d->mx = site;
}

void decide_end(struct kr_sink_ctx *x, struct kr_sink_session *s)
{
    struct kr_decider *d = s->decider;
    if (!d)
        return;
    if (d->limit)
        kr_limit_disconnect(d->limit, x->worker);
    kr_policy_drop(d->policy);
    free(d->each);
    free(d);
    s->decider = NULL;
}

#include "verdict.h"

#include <string.h>

static bool in(const struct kr_prefixset *s, const struct kr_addr *a)
{
    return s->n == 0 || kr_prefixset_find(s, a);
}

static bool is_for(const struct rule *r, const struct about *a)
{
    if ((r->on_site && !r->on_site[a->site->index]) || (r->attempts && a->attempt >= r->attempts))
        return false;
    if (r->senders.n && !(a->senders >> r->sender_bit & 1))
        return false;
    return patterns_match(&r->domains, a->domain, a->domain_len) &&
           patterns_match(&r->locals, a->local, a->local_len) && in(&r->mx, a->meant) &&
           in(&r->sources, a->source);
}

static uint32_t sum(uint32_t a, uint32_t b)
{
    return a + b < a ? UINT32_MAX - 1 : a + b;
}

void verdict_rules(const struct kr_policy *p, enum kr_stage stage, const struct about *a,
                   struct effect *out)
{
    if (!(p->stages >> stage & 1))
        return;
    out->delay = sum(out->delay, dice_delay(&a->site->delay[stage], a->hash, SALT_DELAY + stage));
    for (size_t i = 0; i < p->rules && !out->answer && !out->fault; i++) {
        const struct rule *r = &p->rule[i];
        unsigned salt = SALT_RULE + (unsigned)i * SALT_STEP;
        if (r->stage != stage || !is_for(r, a) || dice_unit(a->hash, salt) >= r->chance)
            continue;
        out->delay = sum(out->delay, dice_delay(&r->delay, a->hash, salt + 1));
        out->answer = kr_answers_pick(&r->answers, dice_unit(a->hash, salt + 2));
        out->fault = a->faultless ? EFFECT_NONE : (enum effect_fault)r->fault;
        out->bandwidth = r->bandwidth && !a->faultless ? (uint32_t)r->bandwidth : out->bandwidth;
    }
}

uint64_t verdict_senders(const struct kr_policy *p, const char *sender, size_t n)
{
    uint64_t bits = 0;
    for (size_t i = 0; p->senders && i < p->rules; i++) {
        const struct rule *r = &p->rule[i];
        if (r->senders.n && patterns_match(&r->senders, sender, n))
            bits |= 1ULL << r->sender_bit;
    }
    return bits;
}

/* ---- providers ----------------------------------------------------------------------------------
 */

static const struct kr_answer *pick(const struct kr_answers *own, const struct kr_answers *others,
                                    uint64_t hash)
{
    return kr_answers_pick(own->n ? own : others, dice_unit(hash, SALT_ANSWER));
}

static const struct kr_answer *deferral(const struct kr_policy *p, const struct about *a)
{
    return pick(&a->site->defers, &p->site[0]->defers, a->hash);
}

static const struct kr_answer *bounce(const struct kr_policy *p, const struct about *a)
{
    return pick(&a->site->bounces, &p->site[0]->bounces, a->hash);
}

static bool starts(const struct about *a, const char *word)
{
    return a->local_len >= 4 && memcmp(a->local, word, 4) == 0;
}

/* In the words of the recipient's provider, if it has any; in the compatible mode in KumoMTA's. */
bool verdict_special(const struct kr_policy *p, const struct about *a,
                     const struct kr_answer **answer)
{
    bool temp, perm;
    if (!p->special || a->local_len < 4)
        return false;
    temp = memmem(a->local, a->local_len, "tempfail", 8);
    perm = !temp && memmem(a->local, a->local_len, "permfail", 8);
    *answer = temp   ? pick(p->compat ? &p->tempfail : &a->site->defers, &p->tempfail, a->hash)
              : perm ? pick(p->compat ? &p->permfail : &a->site->bounces, &p->permfail, a->hash)
              : starts(a, "450-") ? p->said_450.v
                                  : NULL;
    return *answer || starts(a, "250-");
}

/* KumoMTA throws random(1..100) < percent: 9 in 100 for 10 percent, none for 1. */
static double thrown(const struct kr_policy *p, uint64_t hash)
{
    double u = dice_unit(hash, SALT_SITE);
    return p->compat ? (double)(1 + (int)(u * 100)) / 100 : u;
}

const struct kr_answer *verdict_dice(const struct kr_policy *p, const struct about *a)
{
    const struct kr_site *s = a->site;
    if (a->attempt < s->fail_first)
        return deferral(p, a);
    if (s->bounce + s->defer <= 0)
        return NULL;
    double u = thrown(p, a->hash), slack = p->compat ? 1e-9 : 0;
    return u < s->bounce - slack              ? bounce(p, a)
           : u < s->bounce + s->defer - slack ? deferral(p, a)
                                              : NULL;
}

#include "worker.h"

#include <kr/clock.h>

#include <string.h>

#define HTTPS 443
#define PROGRESS_US 200000u

struct fetching {
    struct kr_dns_plan *p;
    struct kr_dns_account *account;
    void (*progress)(void *, const struct kr_dns_account *);
    uint64_t told;
    size_t n, at;
    struct kr_policy_place place;
};

/* What has no address ends here. */
static bool next(void *arg, struct kr_fetch_job *j)
{
    struct fetching *g = arg;
    while (g->at < g->n) {
        size_t i = g->at++;
        if (!kr_dns_plan_policy(g->p, i, &g->place)) {
            g->account->fetched++;
            continue;
        }
        if (!g->place.n) {
            kr_dns_plan_policy_take(g->p, i, g->place.why, 0, NULL, 0);
            g->account->fetched++;
            continue;
        }
        *j = (struct kr_fetch_job){.id = (uint32_t)i,
                                   .kind = KR_FETCH_POLICY,
                                   .host = g->place.host,
                                   .n = g->place.n,
                                   .port = HTTPS};
        memcpy(j->addrs, g->place.addrs, sizeof j->addrs);
        kr_dns_plan_policy_take(g->p, i, KR_FETCH_NOBODY, 0, NULL, 0); /* until it is told */
        return true;
    }
    return false;
}

static void done(void *arg, const struct kr_fetch_done *d)
{
    struct fetching *g = arg;
    if (d->id >= g->n)
        return;
    kr_dns_plan_policy_take(g->p, d->id, d->how, d->http, d->text, d->len);
    g->account->fetched++;
}

static void idle(void *arg)
{
    struct fetching *g = arg;
    uint64_t now = kr_now_us();
    if (now < g->told + PROGRESS_US)
        return;
    g->told = now;
    g->progress(NULL, g->account);
}

void fetch_policies(struct fetcher *f, struct kr_dns_plan *p, struct kr_dns_account *account,
                    void (*progress)(void *, const struct kr_dns_account *))
{
    struct fetching g = {.p = p, .account = account, .progress = progress};
    const struct fetcher_asks asks = {&g, next, done, idle};
    struct kr_fetch_job j;
    g.n = kr_dns_plan_policies(p);
    account->policies = g.n;
    fetcher_run(f, &asks);
    while (next(&g, &j)) /* nobody is left to fetch them */
        ;
}

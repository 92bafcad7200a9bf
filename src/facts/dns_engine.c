/* First of all it must be known who tells secure from insecure: the server, when it is trusted and
 * a probe shows that it sets AD; else our own validation, when the server passes on signatures that
 * lead to the anchor; else nobody. */
#include <kr/dns_engine.h>

#include <kr/clock.h>
#include <kr/dns_validate.h>
#include <kr/err.h>

#include <string.h>
#include <sys/resource.h>

#define PROGRESS_US 200000u
#define TRIES 3u
#define PROBES 2u /* at once: with all their tries lost nothing would be asked at all */

enum stage { PROBE, ROOT, RUN };
struct engine {
    const struct kr_dns_engine_config *c;
    struct kr_dns_plan *plan;
    struct kr_validator *validator;
    struct kr_ask *ask;
    enum stage stage;
    enum kr_dns_judge judge;
    unsigned probes;
    bool probe_answered, probe_ad;
    uint64_t began, told;
};

static const uint8_t root[1];

static bool next(void *arg, struct kr_question *q)
{
    struct engine *g = arg;
    if (g->stage == PROBE) {
        *q = (struct kr_question){.name = root, .type = KR_DNS_SOA, .how = KR_ASK_AD};
        return g->probes++ < PROBES;
    }
    if (g->validator && kr_validator_next(g->validator, q))
        return true;
    return g->stage == RUN && kr_dns_plan_next(g->plan, q);
}

static void judged(void *arg, const struct kr_question *q, const struct kr_packet *p,
                   const struct kr_reply *r, enum kr_proof proof)
{
    struct engine *g = arg;
    kr_dns_plan_take(g->plan, q, p, r, proof);
}

static void done(void *arg, const struct kr_question *q, const struct kr_packet *p,
                 const struct kr_reply *r)
{
    struct engine *g = arg;
    bool fine = p && r->kind != KR_REPLY_FAILED && r->kind != KR_REPLY_BROKEN;
    if (g->stage == PROBE) {
        g->probe_answered |= p != NULL;
        g->probe_ad |= p && r->ad;
    } else if (q->kind >= KR_VALIDATOR_KINDS) {
        kr_validator_take(g->validator, q, p, r);
    } else if (!fine) {
        kr_dns_plan_take(g->plan, q, p, r, KR_PROOF_FAILED);
    } else if (g->judge == KR_JUDGE_SELF && !(q->how & KR_ASK_CD && !(q->how & KR_ASK_DO))) {
        kr_validator_judge(g->validator, q, p, r);
    } else {
        kr_dns_plan_take(g->plan, q, p, r,
                         g->judge == KR_JUDGE_NOBODY ? KR_PROOF_UNJUDGED
                         : r->ad                     ? KR_PROOF_SECURE
                                                     : KR_PROOF_INSECURE);
    }
}

static uint64_t cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000u +
           (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void count(const struct engine *g, struct kr_dns_account *a)
{
    struct kr_ask_stats s = kr_ask_stats(g->ask);
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    *a = (struct kr_dns_account){.sent = s.sent,
                                 .again = s.again,
                                 .answered = s.answered,
                                 .lost = s.lost,
                                 .strays = s.strays,
                                 .tcp = s.tcp,
                                 .us = kr_now_us() - g->began,
                                 .cpu_us = cpu_us(),
                                 .peak_kb = (uint64_t)u.ru_maxrss,
                                 .unjudged = g->judge == KR_JUDGE_NOBODY,
                                 .domains = g->c->domains->names.n};
    if (!g->plan)
        return;
    struct kr_dns_progress p = kr_dns_plan_progress(g->plan);
    a->done = p.done;
    a->unknown = p.unknown;
    a->hosts = p.hosts;
}

static void tell(struct engine *g, uint64_t now)
{
    struct kr_dns_account a;
    if (!g->c->progress || now < g->told + PROGRESS_US)
        return;
    g->told = now;
    count(g, &a);
    g->c->progress(g->c->arg, &a);
}

/* Until nothing is out and nothing more is to be asked. */
static int drain(struct engine *g, struct kr_dns_net *net, struct kr_err *e)
{
    for (;;) {
        uint64_t now = kr_now_us();
        uint64_t wake = kr_ask_pump(g->ask, now);
        if (!kr_ask_out(g->ask) && wake == UINT64_MAX)
            return 0;
        tell(g, now);
        if (kr_dns_net_wait(net, g->ask, wake, e))
            return -1;
    }
}

static int find_judge(struct engine *g, struct kr_dns_net *net, struct kr_err *e)
{
    if (drain(g, net, e))
        return -1;
    if (!g->probe_answered)
        return kr_fail(e, KR_UNKNOWN, 0, "no DNS server answers");
    g->judge = g->c->trust_ad && g->probe_ad ? KR_JUDGE_SERVER : KR_JUDGE_NOBODY;
    if (g->judge == KR_JUDGE_SERVER || !g->c->anchors)
        return 0;
    g->stage = ROOT;
    g->validator = kr_validator_new(g->c->anchors, 0, judged, g);
    kr_validator_begin(g->validator);
    if (drain(g, net, e))
        return -1;
    if (kr_validator_root(g->validator) == KR_PROOF_SECURE)
        g->judge = KR_JUDGE_SELF;
    return 0;
}

static int ask_all(struct engine *g, struct kr_dns_net *net, struct kr_err *e)
{
    bool patient = false;
    do {
        if (patient)
            kr_ask_slow(g->ask);
        if (drain(g, net, e))
            return -1;
    } while (kr_dns_plan_advance(g->plan, &patient));
    return 0;
}

static struct kr_ask *make_ask(struct engine *g, struct kr_dns_net *net, unsigned servers)
{
    uint32_t window = kr_dns_net_window(net);
    if (g->c->jobs && g->c->jobs < window)
        window = (uint32_t)g->c->jobs;
    unsigned tries = g->c->tries ? (unsigned)g->c->tries : TRIES;
    const struct kr_ask_config config = {.servers = servers,
                                         .paths = KR_DNS_PATHS,
                                         .window = window,
                                         .tries = tries < servers ? servers : tries,
                                         .qps = g->c->qps,
                                         .mix_case = g->c->mix_case};
    const struct kr_ask_hooks hooks = {.arg = g, .next = next, .done = done};
    return kr_ask_new(
        &config, &hooks,
        &(struct kr_ask_wire){net, kr_dns_net_send, kr_dns_net_tcp, kr_dns_net_random});
}

int kr_dns_engine_run(struct kr_dns_net *net, unsigned servers,
                      const struct kr_dns_engine_config *c, struct kr_dns_plan **plan,
                      enum kr_dns_judge *judge, struct kr_dns_account *account, struct kr_err *e)
{
    struct engine g = {.c = c, .began = kr_now_us()};
    g.ask = make_ask(&g, net, servers);
    int bad = find_judge(&g, net, e);
    *judge = g.judge;
    if (!bad) {
        unsigned how = g.judge == KR_JUDGE_SELF ? KR_ASK_DO | KR_ASK_CD : KR_ASK_AD;
        struct kr_dns_plan_config pc = {.how = how,
                                        .own_tlsa = c->own_tlsa,
                                        .policies = c->policies,
                                        .exempt = c->exempt,
                                        .address_asks = c->address_asks,
                                        .tell_bogus = g.judge == KR_JUDGE_SERVER};
        *plan = g.plan = kr_dns_plan_new(c->domains, &pc);
        g.stage = RUN;
        bad = ask_all(&g, net, e);
    }
    count(&g, account);
    account->unasked = g.plan ? kr_dns_plan_unasked(g.plan) : 0;
    kr_validator_free(g.validator);
    kr_ask_free(g.ask);
    return bad;
}

#include <kr/gen_run.h>

#include <kr/buf.h>
#include <kr/err.h>
#include <kr/mem.h>

#include <jansson.h>
#include <stdio.h>

struct field {
    const char *name;
    enum kr_gen_counter which;
};
#define F(field)               \
    {                          \
#field, KR_GEN_##field \
    }
static const struct field messages[] = {F(offered),    F(accepted),   F(refused), F(deferred),
                                        F(unanswered), F(unfinished), F(unsent)};
static const struct field recipients[] = {{"accepted", KR_GEN_recipients_accepted},
                                          {"refused", KR_GEN_recipients_refused}};
static const struct field again[] = {{"answered_421", KR_GEN_put_back_421},
                                     {"connection_lost", KR_GEN_put_back_lost}};
static const struct field connections[] = {{"opened", KR_GEN_connections},
                                           {"failed", KR_GEN_connect_failed},
                                           {"broken", KR_GEN_disconnected},
                                           {"timed_out", KR_GEN_timeouts},
                                           F(garbage),
                                           F(greeting_refused),
                                           F(pipelined)};
static const struct field tls[] = {{"sessions", KR_GEN_tls_sessions},
                                   {"failed", KR_GEN_tls_failed},
                                   {"not_offered", KR_GEN_tls_not_offered}};
static const struct field cpu[] = {{"user", KR_GEN_cpu_user_us}, {"system", KR_GEN_cpu_system_us}};
#undef F

static json_t *integer(uint64_t v)
{
    return json_integer((json_int_t)v);
}

static json_t *object(const struct kr_gen_result *r, const struct field *f, size_t n)
{
    json_t *o = json_object();
    for (size_t i = 0; i < n; i++)
        json_object_set_new(o, f[i].name, integer(r->sums.counter[f[i].which]));
    return o;
}
#define OBJECT(r, table) object(r, table, sizeof(table) / sizeof *(table))

static json_t *latency(const struct kr_hist_sum *h)
{
    static const struct {
        const char *name;
        double share;
    } q[] = {{"p50", 0.5},  {"p75", 0.75},    {"p90", 0.9},       {"p95", 0.95},
             {"p99", 0.99}, {"p99_9", 0.999}, {"p99_99", 0.9999}, {"max", 1}};
    json_t *o =
        json_pack("{sIsIsf}", "count", (json_int_t)h->count, "min", (json_int_t)kr_hist_least(h),
                  "mean", h->count ? (double)h->sum / (double)h->count : 0.0);
    for (size_t i = 0; i < sizeof q / sizeof *q; i++)
        json_object_set_new(o, q[i].name, integer(kr_hist_quantile(h, q[i].share)));
    return o;
}

/* {"dot": {"250": 100}, "rcpt": {}, ...}: what decided each try, and where. */
static json_t *replies(const struct kr_gen_result *r)
{
    json_t *o = json_object();
    for (unsigned at = 0; at < KR_GEN_STAGE_N; at++) {
        json_t *stage = json_object();
        for (unsigned c = 0; c < KR_GEN_CODES; c++) {
            char code[8];
            snprintf(code, sizeof code, "%u", c);
            if (r->sums.code[at][c])
                json_object_set_new(stage, code, integer(r->sums.code[at][c]));
        }
        json_object_set_new(o, kr_gen_stage_name((enum kr_gen_stage)at), stage);
    }
    return o;
}

static json_t *rate(const struct kr_gen_result *r)
{
    uint64_t n = r->sums.counter[KR_GEN_measured];
    return json_pack("{sfsIsf}", "seconds", r->measured, "messages", (json_int_t)n, "per_second",
                     r->measured > 0 ? (double)n / r->measured : 0.0);
}

static json_t *clients(const struct kr_gen_result *r)
{
    return json_pack("{sIsI}", "started", (json_int_t)r->cfg->concurrency, "ended_by_failure",
                     (json_int_t)r->sums.counter[KR_GEN_clients_ended]);
}

int kr_gen_result_json(const struct kr_gen_result *r, struct kr_buf *out, struct kr_err *e)
{
    const struct kr_gen_config *c = r->cfg;
    json_t *o = json_pack(
        "{ss ss ss sI si sf sb sb so so so sI so so ss so so so so so so}", "schema",
        "kumo-gen/result/1", "version", KR_VERSION, "target", c->target, "seed",
        (json_int_t)c->seed, "workers", (int)r->workers, "seconds", r->seconds, "interrupted",
        r->interrupted, "complete", r->complete, "messages", OBJECT(r, messages), "recipients",
        OBJECT(r, recipients), "tried_again", OBJECT(r, again), "octets",
        (json_int_t)r->sums.counter[KR_GEN_octets], "replies", replies(r), "measured", rate(r),
        "latency_from", c->open_loop ? "due" : "sent", "latency_us", latency(&r->sums.latency),
        "connect_us", latency(&r->sums.connect), "connections", OBJECT(r, connections), "tls",
        OBJECT(r, tls), "clients", clients(r), "cpu_us", OBJECT(r, cpu));
    KR_AUTO_FREE char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    if (!text)
        return kr_fail(e, KR_INTERNAL, 0, "the account can't be put into JSON");
    kr_buf_printf(out, "%s\n", text);
    return 0;
}

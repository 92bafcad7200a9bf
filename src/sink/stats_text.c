/* The account as metrics, and its latencies as JSON. */
#include "stats_internal.h"

#include <kr/buf.h>
#include <kr/sink_hist.h>
#include <kr/sink_metrics.h>

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define NAME_OF(name) #name,
static const char *const counters[] = {KR_SINK_COUNTERS(NAME_OF)};
static const struct {
    const char *name;
    double share;
} quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1}};
#define QUANTILES (sizeof quantiles / sizeof *quantiles)

json_t *stats_latencies(const struct kr_sink_stats *all, unsigned n)
{
    json_t *o = json_object();
    struct kr_hist_sum h;
    for (unsigned i = 0; i < KR_HIST_N; i++) {
        kr_hist_sum(all, n, (enum kr_hist)i, &h);
        json_t *one = json_object();
        json_object_set_new(one, "count", json_integer((json_int_t)h.count));
        json_object_set_new(one, "sum", json_integer((json_int_t)h.sum));
        for (size_t q = 0; q < QUANTILES; q++)
            json_object_set_new(one, quantiles[q].name,
                                json_integer((json_int_t)kr_hist_quantile(&h, quantiles[q].share)));
        json_object_set_new(o, kr_hist_name((enum kr_hist)i), one);
    }
    return o;
}

static void counter_lines(struct kr_sink_stats *all, unsigned n, struct kr_buf *out)
{
    for (unsigned c = 0; c < KR_SINK_COUNTER_N; c++) {
        bool gauge = c == KR_SINK_open;
        uint64_t sum = 0;
        for (unsigned i = 0; i < n; i++)
            sum += kr_sink_count(&all[i], c);
        kr_buf_printf(out, "# TYPE kumo_sink_%s%s %s\nkumo_sink_%s%s %" PRIu64 "\n", counters[c],
                      gauge ? "" : "_total", gauge ? "gauge" : "counter", counters[c],
                      gauge ? "" : "_total", sum);
    }
}

static uint64_t replies(struct kr_sink_stats *all, unsigned n, size_t provider, unsigned column)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < n; i++)
        sum += atomic_load_explicit(&all[i].code[provider][column], memory_order_relaxed);
    return sum;
}

static void provider_lines(struct kr_sink_stats *all, unsigned n, const struct kr_names *names,
                           struct kr_buf *out)
{
    kr_buf_printf(out, "# TYPE kumo_sink_replies_total counter\n");
    for (size_t p = 0; names && p < kr_names_count(names); p++)
        for (unsigned c = 0; c < CODES; c++) {
            uint64_t sum = replies(all, n, p, c);
            if (sum)
                kr_buf_printf(out,
                              "kumo_sink_replies_total{provider=\"%s\",code=\"%u\"} %" PRIu64 "\n",
                              kr_names_get(names, p), c ? c + 399 : 250, sum);
        }
}

static void latency_lines(struct kr_sink_stats *all, unsigned n, struct kr_buf *out)
{
    struct kr_hist_sum h;
    for (unsigned i = 0; i < KR_HIST_N; i++) {
        const char *name = kr_hist_name((enum kr_hist)i);
        kr_hist_sum(all, n, (enum kr_hist)i, &h);
        kr_buf_printf(out, "# TYPE kumo_sink_%s_seconds summary\n", name);
        for (size_t q = 0; q < QUANTILES; q++)
            kr_buf_printf(out, "kumo_sink_%s_seconds{quantile=\"%g\"} %.6f\n", name,
                          quantiles[q].share,
                          (double)kr_hist_quantile(&h, quantiles[q].share) / 1e6);
        kr_buf_printf(out,
                      "kumo_sink_%s_seconds_sum %.6f\nkumo_sink_%s_seconds_count %" PRIu64 "\n",
                      name, (double)h.sum / 1e6, name, h.count);
    }
}

void kr_sink_stats_prometheus(struct kr_sink_stats *all, unsigned n,
                              const struct kr_sink_about *about, struct kr_buf *out)
{
    kr_buf_printf(out, "# TYPE kumo_sink_info gauge\nkumo_sink_info{nonce=\"%s\"} 1\n",
                  about->nonce);
    kr_buf_printf(out, "# TYPE kumo_sink_workers gauge\nkumo_sink_workers %u\n", about->workers);
    counter_lines(all, n, out);
    provider_lines(all, n, about->names, out);
    latency_lines(all, n, out);
}

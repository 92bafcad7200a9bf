#include <kr/gen_run.h>

#include <kr/buf.h>
#include <kr/err.h>

#include <inttypes.h>
#include <stdio.h>

static uint64_t count(const struct kr_gen_result *r, enum kr_gen_counter which)
{
    return r->sums.counter[which];
}

uint64_t kr_gen_failed(const struct kr_gen_result *r)
{
    return count(r, KR_GEN_refused) + count(r, KR_GEN_deferred) + count(r, KR_GEN_unanswered) +
           count(r, KR_GEN_unfinished) + count(r, KR_GEN_unsent);
}

int kr_gen_status(const struct kr_gen_result *r)
{
    if (r->crashed)
        return KR_INTERNAL;
    return kr_gen_failed(r) || !count(r, KR_GEN_accepted) || !r->complete ? KR_UNSAFE : KR_OK;
}

void kr_gen_grouped(struct kr_buf *out, uint64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            kr_buf_add(out, ",", 1);
        kr_buf_add(out, digits + i, 1);
    }
}

void kr_gen_rates(struct kr_buf *out, uint64_t messages, double seconds)
{
    uint64_t rate = seconds > 0 ? (uint64_t)((double)messages / seconds) : 0;
    kr_gen_grouped(out, rate);
    kr_buf_printf(out, " msgs/s, ");
    kr_gen_grouped(out, rate * 60);
    kr_buf_printf(out, " msgs/minute, ");
    kr_gen_grouped(out, rate * 3600);
    kr_buf_printf(out, " msgs/hour");
}

static double mean(const struct kr_hist_sum *h)
{
    return h->count ? (double)h->sum / (double)h->count : 0;
}

/* ---- as traffic-gen says it -------------------------------------------------------------------*/

static const struct {
    const char *name;
    double share;
} quantiles[] = {{"50", 0.5},  {"75", 0.75}, {"90", 0.9},
                 {"95", 0.95}, {"99", 0.99}, {"99.9", 0.999}};

/* A duration as Rust's Debug writes it: the greatest unit that leaves something before the point,
 * and no zeros at the end. */
static void add_duration(struct kr_buf *out, double us)
{
    const char *unit = us >= 1e6 ? "s" : us >= 1e3 ? "ms" : "µs";
    double v = us / (us >= 1e6 ? 1e6 : us >= 1e3 ? 1e3 : 1);
    int digits = us >= 1e6 ? 6 : us >= 1e3 ? 3 : 0;
    char text[40];
    int n = snprintf(text, sizeof text, "%.*f", digits, v);
    while (digits && (text[n - 1] == '0' || text[n - 1] == '.'))
        if (text[--n] == '.')
            break;
    kr_buf_printf(out, "%.*s%s", n, text, unit);
}

static void add_named(struct kr_buf *out, const char *name, double us)
{
    kr_buf_printf(out, "%s=", name);
    add_duration(out, us);
    kr_buf_printf(out, " ");
}

void kr_gen_result_compat(const struct kr_gen_result *r, struct kr_buf *out)
{
    const struct kr_hist_sum *h = &r->sums.latency;
    kr_buf_printf(out, "sent ");
    kr_gen_grouped(out, count(r, KR_GEN_accepted));
    kr_buf_printf(out, " messages, failed ");
    kr_gen_grouped(out, kr_gen_failed(r));
    kr_buf_printf(out, " over ");
    add_duration(out, r->seconds * 1e6);
    kr_buf_printf(out, ".\ntransaction latency: ");
    add_named(out, "avg", mean(h));
    add_named(out, "min", (double)kr_hist_least(h));
    add_named(out, "max", (double)kr_hist_quantile(h, 1));
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++) {
        kr_buf_printf(out, "p");
        add_named(out, quantiles[i].name, (double)kr_hist_quantile(h, quantiles[i].share));
    }
    kr_buf_printf(out, "\noverall rate: ");
    kr_gen_rates(out, count(r, KR_GEN_accepted), r->seconds);
    kr_buf_printf(out, "\n");
}

/* ---- our own ----------------------------------------------------------------------------------*/

struct word {
    enum kr_gen_counter which;
    const char *text;
};

/* The first is always told, the others when there are any. */
static void add_counts(struct kr_buf *out, const struct kr_gen_result *r, const char *title,
                       const struct word *words, size_t n)
{
    kr_buf_printf(out, "  %-12s", title);
    for (size_t i = 0; i < n; i++) {
        uint64_t v = count(r, words[i].which);
        if (i && !v)
            continue;
        kr_buf_printf(out, "%s", i ? ", " : "");
        kr_gen_grouped(out, v);
        kr_buf_printf(out, " %s", words[i].text);
    }
    kr_buf_printf(out, "\n");
}

static void add_replies(struct kr_buf *out, const struct kr_gen_result *r)
{
    for (unsigned at = 0; at < KR_GEN_STAGE_N; at++)
        for (unsigned c = 300; c < KR_GEN_CODES; c++)
            if (r->sums.code[at][c]) {
                kr_buf_printf(out, "  %-12s%u at %s: ", "reply", c,
                              kr_gen_stage_name((enum kr_gen_stage)at));
                kr_gen_grouped(out, r->sums.code[at][c]);
                kr_buf_printf(out, "\n");
            }
}

static void add_latency(struct kr_buf *out, const char *title, const struct kr_hist_sum *h)
{
    if (!h->count)
        return;
    kr_buf_printf(out, "  %-12smean %.3f ms", title, mean(h) / 1e3);
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++)
        kr_buf_printf(out, ", p%s %.3f", quantiles[i].name,
                      (double)kr_hist_quantile(h, quantiles[i].share) / 1e3);
    kr_buf_printf(out, ", max %.3f\n", (double)kr_hist_quantile(h, 1) / 1e3);
}

static void add_rate(struct kr_buf *out, const struct kr_gen_result *r)
{
    double rate = r->measured > 0 ? (double)count(r, KR_GEN_measured) / r->measured : 0;
    kr_buf_printf(out, "  %-12s%.1f messages/s, %.2f million/hour%s\n", "rate", rate,
                  rate * 3600 / 1e6, r->cfg->warm_up ? ", behind the warm-up" : "");
}

static void add_cost(struct kr_buf *out, const struct kr_gen_result *r)
{
    uint64_t us = count(r, KR_GEN_cpu_user_us) + count(r, KR_GEN_cpu_system_us);
    if (count(r, KR_GEN_accepted))
        kr_buf_printf(out, "  %-12s%.1f us of CPU a message, %u workers\n", "cost",
                      (double)us / (double)count(r, KR_GEN_accepted), r->workers);
}

static const struct word messages[] = {
    {KR_GEN_offered, "offered"},       {KR_GEN_accepted, "accepted"},
    {KR_GEN_refused, "refused"},       {KR_GEN_deferred, "deferred"},
    {KR_GEN_unanswered, "unanswered"}, {KR_GEN_unfinished, "unfinished"},
    {KR_GEN_unsent, "due but unsent"}};
static const struct word recipients[] = {{KR_GEN_recipients_accepted, "accepted"},
                                         {KR_GEN_recipients_refused, "refused"}};
static const struct word again[] = {{KR_GEN_put_back_421, "after 421"},
                                    {KR_GEN_put_back_lost, "after a lost connection"}};
static const struct word connections[] = {
    {KR_GEN_connections, "opened"},   {KR_GEN_connect_failed, "failed"},
    {KR_GEN_disconnected, "broken"},  {KR_GEN_timeouts, "timed out"},
    {KR_GEN_garbage, "with garbage"}, {KR_GEN_greeting_refused, "without a session"}};
static const struct word tls[] = {{KR_GEN_tls_sessions, "sessions"},
                                  {KR_GEN_tls_failed, "failed"},
                                  {KR_GEN_tls_not_offered, "not offered"}};
#define COUNTS(title, words) add_counts(out, r, title, words, sizeof(words) / sizeof *(words))

void kr_gen_result_text(const struct kr_gen_result *r, struct kr_buf *out)
{
    kr_buf_printf(out, "sent ");
    kr_gen_grouped(out, count(r, KR_GEN_accepted));
    kr_buf_printf(out, " messages, failed ");
    kr_gen_grouped(out, kr_gen_failed(r));
    kr_buf_printf(out, " over %.3f s%s\n", r->seconds, r->interrupted ? "; interrupted" : "");
    COUNTS("messages", messages);
    COUNTS("recipients", recipients);
    if (count(r, KR_GEN_put_back_421) + count(r, KR_GEN_put_back_lost))
        COUNTS("tried again", again);
    COUNTS("connections", connections);
    if (r->cfg->starttls)
        COUNTS("TLS", tls);
    add_replies(out, r);
    add_rate(out, r);
    add_latency(out, r->cfg->open_loop ? "from due" : "latency", &r->sums.latency);
    add_latency(out, "connecting", &r->sums.connect);
    add_cost(out, r);
    kr_buf_printf(out, "  %-12s%" PRIu64 "\n", "seed", r->cfg->seed);
}

/* A line that says what happens, rewritten each second; traffic-gen's own goes to standard output,
 * terminal or not. */
#include "master.h"

#include <kr/buf.h>
#include <kr/clock.h>

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static uint64_t total(const struct master *m, enum kr_gen_counter which)
{
    return kr_gen_total(m->run.shared, m->run.workers, which);
}

static uint64_t failed(const struct master *m)
{
    return total(m, KR_GEN_refused) + total(m, KR_GEN_deferred) + total(m, KR_GEN_unanswered);
}

static bool is_compat(const struct master *m)
{
    return m->run.cfg->compat == KR_GEN_COMPAT_TRAFFIC_GEN;
}

void live_begin(struct master *m)
{
    const struct kr_gen_config *cfg = m->run.cfg;
    m->live = is_compat(m) || cfg->live == KR_GEN_LIVE_ALWAYS ||
              (cfg->live == KR_GEN_LIVE_AUTO && !cfg->quiet && isatty(STDERR_FILENO) == 1);
    m->live_at = (int64_t)kr_now_us();
}

static void compat_line(const struct master *m, uint64_t messages, double seconds)
{
    KR_AUTO_BUF struct kr_buf b = {0};
    kr_buf_printf(&b, "\r\033[Kcurrent rate: ");
    kr_gen_rates(&b, messages, seconds);
    kr_buf_printf(&b, " (sent=");
    kr_gen_grouped(&b, total(m, KR_GEN_accepted));
    kr_buf_printf(&b, ", clients=");
    kr_gen_grouped(&b, total(m, KR_GEN_clients));
    printf("%s)", b.s);
    fflush(stdout);
}

static void own_line(const struct master *m, uint64_t messages, double seconds)
{
    static struct kr_gen_sums sums;
    KR_AUTO_BUF struct kr_buf b = {0};
    kr_gen_sum(m->run.shared, m->run.workers, &sums);
    kr_gen_grouped(&b, (uint64_t)((double)messages / seconds));
    kr_buf_printf(&b, " messages/s  sent ");
    kr_gen_grouped(&b, sums.counter[KR_GEN_accepted]);
    kr_buf_printf(&b, "  failed ");
    kr_gen_grouped(&b, failed(m));
    kr_buf_printf(&b, "  clients ");
    kr_gen_grouped(&b, sums.counter[KR_GEN_clients]);
    kr_buf_printf(&b, "  p50 %.1f ms  p99 %.1f ms",
                  (double)kr_hist_quantile(&sums.latency, 0.5) / 1e3,
                  (double)kr_hist_quantile(&sums.latency, 0.99) / 1e3);
    fprintf(stderr, "\r\033[K%s", b.s);
    fflush(stderr);
}

void live_line(struct master *m)
{
    if (!m->live)
        return;
    int64_t now = (int64_t)kr_now_us();
    uint64_t sent = total(m, KR_GEN_accepted);
    double seconds = (double)(now - m->live_at) / 1e6;
    (is_compat(m) ? compat_line : own_line)(m, sent - m->live_sent, seconds);
    m->live_at = now;
    m->live_sent = sent;
}

void live_end(struct master *m)
{
    if (!m->live)
        return;
    if (!is_compat(m)) {
        fputs("\r\033[K", stderr);
        return;
    }
    bool time_is_over = (int64_t)kr_now_us() >= (int64_t)atomic_load(&m->run.shared->stop_at);
    puts(time_is_over ? "\nDeadline reached, stopping" : "\nAll clients finished");
}

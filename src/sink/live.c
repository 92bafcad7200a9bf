/* One line on the terminal that says what happens, rewritten each second. */
#include "master_internal.h"

#include <kr/sink_stats.h>

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define EACH_MS 1000

static uint64_t sum(const struct master *m, enum kr_sink_counter which)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < master_workers(m); i++)
        n += kr_sink_count(kr_sink_stats_of(m->shared.stats, i), which);
    return n;
}

bool live_wanted(const struct kr_sink_config *cfg)
{
    return cfg->live == KR_LIVE_ALWAYS ||
           (cfg->live == KR_LIVE_AUTO && !cfg->quiet && isatty(STDERR_FILENO) == 1);
}

int live_line(struct master *m)
{
    int64_t now = master_clock(), left = m->live_at + EACH_MS - now;
    if (!m->live)
        return -1;
    if (left > 0)
        return (int)left;
    uint64_t messages = sum(m, KR_SINK_messages);
    double seconds = m->live_at ? (double)(now - m->live_at) / 1000 : 1;
    fprintf(stderr,
            "\r\033[K%.0f messages/s  %" PRIu64 " connections open  accepted %" PRIu64
            "  refused %" PRIu64 "  deferred %" PRIu64 "  not redirected %" PRIu64,
            (double)(messages - m->live_messages) / seconds, sum(m, KR_SINK_open), messages,
            sum(m, KR_SINK_messages_refused), sum(m, KR_SINK_messages_deferred),
            sum(m, KR_SINK_not_redirected));
    fflush(stderr);
    m->live_at = now;
    m->live_messages = messages;
    return EACH_MS;
}

void live_end(const struct master *m)
{
    if (m->live)
        fputs("\r\033[K", stderr);
}

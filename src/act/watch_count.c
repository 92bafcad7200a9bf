#include "tables.h"
#include "watch_internal.h"

#include <kr/clock.h>
#include <kr/err.h>
#include <kr/mem.h>

#include <inttypes.h>
#include <string.h>

#define EVERY 1000000u /* µs */

static uint64_t before(const struct kr_watch *w, size_t i, const char *name)
{
    return i < w->n_counts && strcmp(w->counts[i].name, name) == 0 ? w->counts[i].packets
                                                                   : UINT64_MAX;
}

static bool is_guard(const char *name)
{
    return strncmp(name, "blocked", 7) == 0 || strncmp(name, "sink_", 5) == 0;
}

static void say(const struct kr_watch *w, const struct kr_nft_count *now, size_t n,
                struct kr_buf *out)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t was = before(w, i, now[i].name);
        if (is_guard(now[i].name) && was < now[i].packets)
            kr_buf_printf(out, "%s: %" PRIu64 " packets more, %" PRIu64 " in all\n", now[i].name,
                          now[i].packets - was, now[i].packets);
    }
}

static void append(struct kr_nft_count **all, size_t *n, const struct kr_nft_count *more, size_t k)
{
    struct kr_nft_count *both = kr_calloc(*n + k, sizeof *both);
    if (*n)
        memcpy(both, *all, *n * sizeof *both);
    if (k)
        memcpy(both + *n, more, k * sizeof *both);
    free(*all);
    *all = both;
    *n += k;
}

void kr_watch_count(struct kr_watch *w)
{
    const struct kr_nft_name *const tables[] = {&kr_table_inet, &kr_table_netdev};
    struct kr_nft_count *all = NULL;
    size_t n = 0;
    KR_AUTO_BUF struct kr_buf text = {0};
    w->count_due = kr_now_us() + EVERY;
    for (size_t i = 0; i < 2; i++) {
        KR_AUTO_FREE struct kr_nft_count *some = NULL;
        size_t k = 0;
        if (kr_nft_counters(tables[i], &some, &k, NULL) == 0)
            append(&all, &n, some, k);
    }
    say(w, all, n, &text);
    if (text.len)
        kr_watch_tell(w, KR_EVENT_COUNTED, false, "counters", 0, "%s", kr_buf_str(&text));
    free(w->counts);
    w->counts = all;
    w->n_counts = n;
}

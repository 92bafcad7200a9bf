#include <kr/sink_hist.h>

#include "stats_internal.h"

void kr_sink_time(struct kr_sink_stats *s, enum kr_hist which, int64_t us)
{
    kr_hist_record(&s->hist[which], us);
}

void kr_hist_sum(const struct kr_sink_stats *all, unsigned n, enum kr_hist which,
                 struct kr_hist_sum *out)
{
    *out = (struct kr_hist_sum){0};
    for (unsigned i = 0; i < n; i++)
        kr_hist_add(out, &all[i].hist[which]);
}

#define NAME_OF(name) #name,
const char *kr_hist_name(enum kr_hist which)
{
    static const char *const name[] = {KR_HISTS(NAME_OF)};
    return name[which];
}

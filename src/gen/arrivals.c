#include <kr/gen_arrivals.h>

#include <kr/mix.h>

#include <math.h>

/* The rate grows by a line from `from` to `rate` and stays there: its integral is solved for t. */
static double ramp(const struct kr_arrivals *a, double messages)
{
    double d = a->during, growth = (a->rate - a->how.from) / d, from = a->how.from;
    double whole = (from + a->rate) / 2 * d;
    if (messages >= whole)
        return d + (messages - whole) / a->rate;
    if (fabs(growth) * d < a->rate * 1e-9)
        return messages / a->rate;
    return (sqrt(from * from + 2 * growth * messages) - from) / growth;
}

/* At the end of each period the rate is `factor` times as high. */
static double spike(const struct kr_arrivals *a, double messages)
{
    double calm = a->how.every - a->how.lasting, in_calm = calm * a->rate;
    double period = in_calm + a->how.lasting * a->rate * a->how.factor;
    double periods = floor(messages / period), rest = messages - periods * period;
    double t =
        rest <= in_calm ? rest / a->rate : calm + (rest - in_calm) / (a->rate * a->how.factor);
    return periods * a->how.every + t;
}

double kr_arrivals_when(const struct kr_arrivals *a, double messages)
{
    return a->how.shape == KR_GEN_RAMP    ? ramp(a, messages)
           : a->how.shape == KR_GEN_SPIKE ? spike(a, messages)
                                          : messages / a->rate;
}

/* Each worker draws for itself: Poisson processes add up to one. */
static double interval(struct kr_arrivals *a)
{
    double u = kr_mix_unit(kr_mix_next(&a->seed));
    return -log(1 - u) * (double)a->workers / a->rate;
}

static void schedule(struct kr_arrivals *a)
{
    if (a->how.shape == KR_GEN_POISSON)
        a->next = a->poisson += interval(a);
    else
        a->next = kr_arrivals_when(a, (double)(a->n * a->workers + a->worker));
}

void kr_arrivals_begin(struct kr_arrivals *a, const struct kr_gen_config *cfg, unsigned worker,
                       unsigned workers)
{
    *a = (struct kr_arrivals){.how = cfg->arrivals,
                              .rate = cfg->rate,
                              .during = (double)(cfg->warm_up + cfg->duration),
                              .worker = worker,
                              .workers = workers,
                              .seed = kr_mix(cfg->seed + worker)};
    schedule(a);
}

void kr_arrivals_take(struct kr_arrivals *a)
{
    a->n++;
    schedule(a);
}

uint64_t kr_arrivals_skip(struct kr_arrivals *a, double from)
{
    uint64_t before = a->n;
    while (a->next < from)
        kr_arrivals_take(a);
    return a->n - before;
}

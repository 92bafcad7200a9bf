#include <kr/gen_weights.h>

#include <kr/mem.h>
#include <kr/mix.h>

#include <string.h>

/* Takes from what is above the mean to fill one that is below it, until none is left. */
static void pair_up(struct kr_weights *w, uint32_t *low, size_t lows, const uint32_t *high,
                    size_t highs)
{
    while (lows && highs) {
        uint32_t l = low[--lows], h = high[highs - 1];
        w->slot[l].other = h;
        w->slot[h].keep -= 1 - w->slot[l].keep;
        if (w->slot[h].keep < 1) {
            highs--;
            low[lows++] = h;
        }
    }
    /* Only rounding leaves any. */
    while (lows)
        w->slot[low[--lows]].keep = 1;
    while (highs)
        w->slot[high[--highs]].keep = 1;
}

void kr_weights_make(struct kr_weights *w, const double *weight, size_t n)
{
    double sum = 0;
    KR_AUTO_FREE uint32_t *low = kr_calloc(n, sizeof *low);
    KR_AUTO_FREE uint32_t *high = kr_calloc(n, sizeof *high);
    size_t lows = 0, highs = 0;
    *w = (struct kr_weights){kr_calloc(n, sizeof *w->slot), n};
    for (size_t i = 0; i < n; i++)
        sum += weight[i];
    for (size_t i = 0; i < n; i++) {
        w->slot[i] = (struct kr_weights_slot){weight[i] * (double)n / sum, (uint32_t)i};
        if (w->slot[i].keep < 1)
            low[lows++] = (uint32_t)i;
        else
            high[highs++] = (uint32_t)i;
    }
    pair_up(w, low, lows, high, highs);
}

/* The upper bits choose the slot, a mix of all of them between its two. */
size_t kr_weights_draw(const struct kr_weights *w, uint64_t bits)
{
    size_t i = (size_t)((__uint128_t)bits * w->n >> 64);
    return kr_mix_unit(kr_mix(bits)) < w->slot[i].keep ? i : w->slot[i].other;
}

void kr_weights_free(struct kr_weights *w)
{
    free(w->slot);
    memset(w, 0, sizeof *w);
}

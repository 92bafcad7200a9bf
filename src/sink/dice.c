#include "dice.h"

#include <kr/ascii.h>
#include <kr/fnv.h>
#include <kr/mix.h>

#include <math.h>

#define DAY_MS 86400000.0

/* dice_mix() spreads what it leaves in the low bits. */
uint64_t dice_text(uint64_t h, const char *text, size_t n)
{
    h ^= KR_FNV1A_BASIS;
    for (size_t i = 0; i < n; i++)
        h = kr_fnv1a_byte(h, (unsigned char)kr_ascii_lower(text[i]));
    return h;
}

uint64_t dice_mix(uint64_t h)
{
    return kr_mix(h);
}

double dice_unit(uint64_t h, unsigned salt)
{
    return kr_mix_unit(kr_mix(h + salt * KR_MIX_STEP));
}

/* Box and Muller: two uniform numbers make a normal one. */
static double normal(uint64_t h, unsigned salt)
{
    double u = 1 - dice_unit(h, salt), v = dice_unit(dice_mix(h) + 1, salt);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

uint32_t dice_delay(const struct delay *d, uint64_t h, unsigned salt)
{
    double ms = d->kind == DELAY_FIXED       ? d->a
                : d->kind == DELAY_UNIFORM   ? d->a + (d->b - d->a) * dice_unit(h, salt)
                : d->kind == DELAY_LOGNORMAL ? d->a * exp(d->b * normal(h, salt))
                                             : 0;
    return (uint32_t)(ms > DAY_MS ? DAY_MS : ms);
}

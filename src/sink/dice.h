/* Decisions that look random and are not: each follows from what it is about. */
#ifndef KR_DICE_H
#define KR_DICE_H

#include <stddef.h>
#include <stdint.h>

enum delay_kind { DELAY_NONE, DELAY_FIXED, DELAY_UNIFORM, DELAY_LOGNORMAL };
struct delay {
    enum delay_kind kind;
    double a, b; /* FIXED: a ms; UNIFORM: from a to b ms; LOGNORMAL: median a ms, sigma b */
};

/* What one kind of decision is told from another by. */
enum salt { SALT_SITE = 1, SALT_ANSWER, SALT_DELAY, SALT_RULE = 16, SALT_STEP = 4 };

/* 64 bits of text in any case (ASCII), going on from h. */
uint64_t dice_text(uint64_t h, const char *text, size_t n);
/* Every bit of the result depends on every bit of h. */
uint64_t dice_mix(uint64_t h);
/* At least 0 and less than 1. */
double dice_unit(uint64_t h, unsigned salt);
/* ms, at most a day. */
uint32_t dice_delay(const struct delay *d, uint64_t h, unsigned salt);

#endif

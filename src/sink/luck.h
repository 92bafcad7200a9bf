/* Whether to read on at once, before waiting for what comes next. */
#ifndef KR_SINK_LUCK_H
#define KR_SINK_LUCK_H

#include <stdbool.h>
#include <stdint.h>

/* What happened just before: nothing was said, or a reply was sent, as quickly as ever or not. */
enum luck_after { LUCK_SILENCE, LUCK_REPLY, LUCK_LATE_REPLY, LUCK_AFTER_N };

struct luck {
    int8_t was[LUCK_AFTER_N]; /* whether it paid, see luck.c */
    uint8_t after, tried;     /* enum luck_after: now, and when luck_try() said yes */
    double usual;             /* us a reply takes, without what comes between; 0: unknown */
};

/* A reply took so long, us. */
void luck_said(struct luck *l, int64_t us);
void luck_silence(struct luck *l);
bool luck_try(struct luck *l);
/* What came of it: something was there to read, or nothing. */
void luck_note(struct luck *l, bool good);

#endif

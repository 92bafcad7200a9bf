/* Time that only goes forward, and the time of day. */
#ifndef KR_CLOCK_H
#define KR_CLOCK_H

#include <stdint.h>

uint64_t kr_now_us(void); /* microseconds, CLOCK_MONOTONIC */
/* Now, as RFC 3339 has it: UTC, with milliseconds. */
void kr_stamp(char out[static 40]);

#endif

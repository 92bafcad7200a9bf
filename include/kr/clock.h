/* Time that only goes forward. */
#ifndef KR_CLOCK_H
#define KR_CLOCK_H

#include <stdint.h>

uint64_t kr_now_us(void); /* microseconds, CLOCK_MONOTONIC */

#endif

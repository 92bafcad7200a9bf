#include <kr/clock.h>

#include <stdio.h>
#include <time.h>

uint64_t kr_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

void kr_stamp(char out[static 40])
{
    struct timespec t;
    struct tm tm;
    char date[24];
    clock_gettime(CLOCK_REALTIME, &t);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", gmtime_r(&t.tv_sec, &tm));
    snprintf(out, 40, "%s.%03ldZ", date, t.tv_nsec / 1000000);
}

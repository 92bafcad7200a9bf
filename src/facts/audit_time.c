#include "audit_internal.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#define DAY_US (86400 * 1000000ll)

static bool digits(const char **at, int n, int *out)
{
    *out = 0;
    for (int i = 0; i < n; i++) {
        if (!isdigit((unsigned char)(*at)[i]))
            return false;
        *out = *out * 10 + ((*at)[i] - '0');
    }
    *at += n;
    return true;
}

static bool one_of(const char **at, const char *set)
{
    if (!**at || !strchr(set, **at))
        return false;
    ++*at;
    return true;
}

static bool clock_time(const char **at, struct tm *tm)
{
    return digits(at, 2, &tm->tm_hour) && one_of(at, ":") && digits(at, 2, &tm->tm_min) &&
           one_of(at, ":") && digits(at, 2, &tm->tm_sec) && tm->tm_hour < 24 && tm->tm_min < 60 &&
           tm->tm_sec < 61;
}

/* "123456" behind a point, to us. */
static int64_t fraction(const char **at)
{
    int64_t us = 0, unit = 100000;
    if (**at != '.')
        return 0;
    for (++*at; isdigit((unsigned char)**at); ++*at, unit /= 10)
        us += (**at - '0') * unit;
    return us;
}

/* "Z", "+01:00", "+0100", with a space before as Exim writes it. False: none is said. */
static bool offset(const char **at, int *seconds)
{
    const char *p = *at + (**at == ' ');
    int sign = *p == '-' ? -1 : 1, hours, minutes;
    *seconds = 0;
    if (*p == 'Z') {
        *at = p + 1;
        return true;
    }
    if (!one_of(&p, "+-") || !digits(&p, 2, &hours))
        return false;
    p += *p == ':';
    if (!digits(&p, 2, &minutes) || hours > 18 || minutes > 59)
        return false;
    *seconds = sign * (hours * 3600 + minutes * 60);
    *at = p;
    return true;
}

static int64_t to_us(struct tm *tm, bool zoned, int seconds)
{
    tm->tm_isdst = -1;
    time_t t = zoned ? timegm(tm) - seconds : mktime(tm);
    return t < 0 ? -1 : (int64_t)t * 1000000;
}

int64_t audit_iso_time(const char **at)
{
    struct tm tm = {0};
    const char *p = *at;
    int year, month, seconds;
    if (!digits(&p, 4, &year) || !one_of(&p, "-") || !digits(&p, 2, &month) || !one_of(&p, "-") ||
        !digits(&p, 2, &tm.tm_mday) || !one_of(&p, "T ") || !clock_time(&p, &tm) || month < 1 ||
        month > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || year < 1970)
        return -1;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    int64_t us = fraction(&p);
    bool zoned = offset(&p, &seconds);
    int64_t whole = to_us(&tm, zoned, seconds);
    *at = p;
    return whole < 0 ? -1 : whole + us;
}

/* RFC 3164 4.1.2: "Nov 27 18:15:30", the day padded with a space. */
int64_t audit_syslog_time(const char **at, int64_t near_us)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm = {0}, now;
    time_t near = (time_t)(near_us / 1000000);
    const char *p = *at;
    char name[4] = "";
    strncpy(name, p, 3);
    const char *month = strlen(name) == 3 ? strstr(months, name) : NULL;
    if (!month || (month - months) % 3 || p[3] != ' ' || !localtime_r(&near, &now))
        return -1;
    p += 4 + (p[4] == ' ');
    if (!digits(&p, p[-1] == ' ' && p[-2] == ' ' ? 1 : 2, &tm.tm_mday) || !one_of(&p, " ") ||
        !clock_time(&p, &tm) || tm.tm_mday < 1 || tm.tm_mday > 31)
        return -1;
    tm.tm_mon = (int)(month - months) / 3;
    tm.tm_year = now.tm_year + 1;
    for (int tries = 0; tries < 3; tries++, tm.tm_year--) {
        struct tm x = tm;
        int64_t us = to_us(&x, false, 0);
        if (us >= 0 && x.tm_mday == tm.tm_mday && us <= near_us + DAY_US) {
            *at = p;
            return us;
        }
    }
    return -1;
}

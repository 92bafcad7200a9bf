#include "toml_parse.h"

#include <ctype.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Does the text begin like the pattern, in which 0 stands for any digit? */
static bool like(const char *from, const char *to, const char *pattern)
{
    for (; *pattern; pattern++, from++)
        if (from >= to || (*pattern == '0' ? !is_digit(*from) : *from != *pattern))
            return false;
    return true;
}

bool kr_toml_is_datetime(const char *from, const char *to)
{
    return like(from, to, "0000-") || like(from, to, "00:");
}

static unsigned number(const char *s, size_t digits)
{
    unsigned v = 0;
    for (size_t i = 0; i < digits; i++)
        v = v * 10 + (unsigned)(s[i] - '0');
    return v;
}

static unsigned days_in(unsigned year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

static const char *date(const char **at, const char *to)
{
    const char *s = *at;
    if (!like(s, to, "0000-00-00"))
        return "a date is YYYY-MM-DD";
    unsigned month = number(s + 5, 2), day = number(s + 8, 2);
    if (month < 1 || month > 12)
        return "the month is not 01 to 12";
    if (day < 1 || day > days_in(number(s, 4), month))
        return "the month has no such day";
    *at += 10;
    return NULL;
}

/* Second 60 is a leap second (RFC 3339 section 5.6 and appendix D). */
static const char *time_of_day(const char **at, const char *to)
{
    const char *s = *at;
    if (!like(s, to, "00:00:00"))
        return "a time is HH:MM:SS";
    if (number(s, 2) > 23)
        return "the hour is not 00 to 23";
    if (number(s + 3, 2) > 59)
        return "the minute is not 00 to 59";
    if (number(s + 6, 2) > 60)
        return "the second is not 00 to 60";
    s += 8;
    if (s < to && *s == '.') {
        if (++s >= to || !is_digit(*s))
            return "digits must follow the decimal point";
        while (s < to && is_digit(*s))
            s++;
    }
    *at = s;
    return NULL;
}

static const char *offset(const char **at, const char *to)
{
    const char *s = *at;
    if (*s == 'Z' || *s == 'z') {
        *at += 1;
        return NULL;
    }
    if (!like(s, to, "+00:00") && !like(s, to, "-00:00"))
        return "an offset is Z, +HH:MM or -HH:MM";
    if (number(s + 1, 2) > 23 || number(s + 4, 2) > 59)
        return "the offset is not within 23:59";
    *at += 6;
    return NULL;
}

const char *kr_toml_parse_datetime(const char *from, const char *to)
{
    const char *at = from, *why = NULL;
    bool dated = like(from, to, "0000-");
    if (dated) {
        if ((why = date(&at, to)) || at == to)
            return why;
        if (!strchr("Tt ", *at))
            return "a time must follow the date after a T or a space";
        at++;
    }
    why = time_of_day(&at, to);
    if (!why && dated && at < to)
        why = offset(&at, to);
    if (!why && at < to)
        why = dated ? "something follows the date-time" : "something follows the time";
    return why;
}

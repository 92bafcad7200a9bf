#include <kr/sink_idle.h>

#include <kr/err.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 86400

#define NAME_OF(id, name, seconds) name,
#define SECONDS_OF(id, name, seconds) seconds,
static const char *const names[] = {KR_IDLES(NAME_OF)};
static const uint32_t defaults[] = {KR_IDLES(SECONDS_OF)};
_Static_assert(sizeof names / sizeof *names == KR_IDLE_N, "a name for each");

void kr_idles_default(struct kr_idles *out)
{
    memcpy(out->after, defaults, sizeof out->after);
}

static int bad_value(const char *text, struct kr_err *e)
{
    char list[160] = "";
    size_t n = 0;
    for (size_t i = 0; i < KR_IDLE_N; i++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", names[i]);
    return kr_fail(
        e, KR_USAGE, 0,
        "--idle '%s' is neither a number of seconds, 1 to %d, nor STAGE=SECONDS with one "
        "of: %s",
        text, MOST, list);
}

int kr_idles_set(struct kr_idles *out, const char *text, struct kr_err *e)
{
    const char *sign = strchr(text, '='), *digits = sign ? sign + 1 : text;
    size_t head = sign ? (size_t)(sign - text) : 0, n = strlen(digits);
    bool found = false;
    unsigned long seconds =
        n && n <= 5 && strspn(digits, "0123456789") == n ? strtoul(digits, NULL, 10) : 0;
    if (seconds < 1 || seconds > MOST)
        return bad_value(text, e);
    for (size_t i = 0; i < KR_IDLE_N; i++) {
        if (sign && (strlen(names[i]) != head || memcmp(names[i], text, head) != 0))
            continue;
        out->after[i] = (uint32_t)seconds;
        found = true;
    }
    return found ? 0 : bad_value(text, e);
}

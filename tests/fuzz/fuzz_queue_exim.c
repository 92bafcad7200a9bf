/* What `exim -bpc` says, of whatever octets: a number by itself in one line, or nothing that
 * counts; and names of files in a spool. */
#include "facts/queue_exim.c"

#include <kr/buf.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same number is that text again, but for zeros before it. */
static bool is_number(const char *text, int64_t n)
{
    char again[32];
    text += strspn(text, "0");
    snprintf(again, sizeof again, "%lld", (long long)n);
    return strcmp(text, n ? again : "") == 0;
}

static void check_name(const char *name)
{
    size_t n = strlen(name);
    if (is_head(name, NULL) && is_data(name, NULL))
        abort();
    if ((is_head(name, NULL) || is_data(name, NULL)) && (n < 18 || name[n - 2] != '-'))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    KR_AUTO_FREE char *text = kr_calloc(size + 1, 1);
    struct words w = {.lines = 0};
    bool more = true;
    memcpy(text, data, size);
    for (char *p = text, *end = text + size; p < end && more;) {
        char *stop = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((stop ? stop : end) - p);
        p[len] = '\0';
        check_name(p);
        more = on_line(p, len, len ? p[len - 1] : '\0', &w);
        p += len + 1;
    }
    int64_t n = count_of(&w);
    if (n >= 0 && (w.lines != 1 || !is_number(w.first, n)))
        abort();
    return 0;
}

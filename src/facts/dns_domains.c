#include <kr/dns_domains.h>

#include <kr/ascii.h>
#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <idn2.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MOST_TEXT 237u /* 253 less what we put before it */
#define MOST_LINE 2048u
#define SHOWN 8u

static bool digits_only(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] < '0' || s[i] > '9')
            return false;
    return n > 0;
}

/* What an ASCII name must look like: letters, digits, hyphens; underscores are found in the wild.
 */
static const char *fault_of(const char *s)
{
    size_t len = strlen(s);
    const char *label = s;
    if (!len)
        return "it is empty";
    if (len > MOST_TEXT)
        return "longer than 237 characters";
    for (const char *p = s;; p++) {
        if (*p != '.' && *p) {
            bool fits =
                (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '-' || *p == '_';
            if (!fits)
                return *p == '@'   ? "an address, not a domain"
                       : *p == '[' ? "an address literal, for which no DNS is asked"
                                   : "a character that no domain has";
            continue;
        }
        if (p == label)
            return "an empty label";
        if (p - label > 63)
            return "a label longer than 63 characters";
        if (*label == '-' || p[-1] == '-')
            return "a label that begins or ends with a hyphen";
        if (!*p)
            return digits_only(label, (size_t)(p - label)) ? "an address, for which no DNS is asked"
                                                           : NULL;
        label = p + 1;
    }
}

/* Names of plain ASCII need no table of Unicode. */
static bool plain(const char *s)
{
    for (const char *p = s; *p; p++)
        if ((unsigned char)*p >= 128)
            return false;
    return !strcasestr(s, "xn--");
}

static const char *to_ascii(const char *text, char out[static MOST_LINE])
{
    char *ascii = NULL;
    if (strlen(text) >= MOST_LINE)
        return "longer than 237 characters";
    if (plain(text)) {
        for (size_t i = 0; !i || text[i - 1]; i++)
            out[i] = kr_ascii_lower(text[i]);
        return NULL;
    }
    int bad = idn2_to_ascii_8z(text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    const char *fault = bad ? idn2_strerror(bad) : strlen(ascii) < MOST_LINE ? NULL : "too long";
    if (!fault)
        strcpy(out, ascii);
    idn2_free(ascii);
    return fault;
}

const char *kr_domain_read(const char *text, uint8_t out[static KR_NAME_MAX])
{
    char ascii[MOST_LINE];
    const char *fault = to_ascii(text, ascii);
    if (fault)
        return fault;
    size_t n = strlen(ascii);
    if (n > 1 && ascii[n - 1] == '.')
        ascii[n - 1] = '\0';
    fault = fault_of(ascii);
    if (!fault && kr_name_from_text(ascii, out))
        fault = "no domain name";
    return fault;
}

/* ".2", "67.4", "3"; true: text[0..] is one and nothing else. */
static bool parse_weight(const char *text, float *out)
{
    char *end;
    if (!*text || strspn(text, "0123456789.") != strlen(text))
        return false;
    *out = strtof(text, &end);
    return !*end && *out >= 0 && *out < 1e9f;
}

static void complain(struct kr_domains *d, const char *text, const char *why, const char *where,
                     size_t line)
{
    if (d->n_bad++ >= SHOWN)
        return;
    if (line)
        kr_buf_printf(&d->bad, "%s%s:%zu: '%.80s': %s", d->bad.len ? "\n" : "", where, line, text,
                      why);
    else
        kr_buf_printf(&d->bad, "%s%s: '%.80s': %s", d->bad.len ? "\n" : "", where, text, why);
}

/* An array of weights is made when the first one is not 1. */
static void set_weight(struct kr_domains *d, uint32_t i, bool fresh, float w)
{
    size_t n = d->names.n;
    if (!d->weights && fresh && w == 1.0f)
        return;
    if (!d->weights) {
        d->weights = kr_grow(NULL, &d->cap_weights, n, sizeof *d->weights);
        for (size_t k = 0; k < n; k++)
            d->weights[k] = 1;
    }
    d->weights = kr_grow(d->weights, &d->cap_weights, n, sizeof *d->weights);
    d->weights[i] = fresh ? w : d->weights[i] + w;
}

void kr_domains_add(struct kr_domains *d, const char *text, const char *where, size_t line)
{
    char copy[MOST_LINE];
    uint8_t name[KR_NAME_MAX];
    float weight = 1;
    size_t n = strlen(text);
    if (n >= sizeof copy) {
        complain(d, text, "longer than 237 characters", where, line);
        return;
    }
    memcpy(copy, text, n + 1);
    char *colon = strrchr(copy, ':');
    if (colon) {
        *colon = '\0';
        if (!parse_weight(colon + 1, &weight)) {
            complain(d, text, "the weight behind the colon is no number", where, line);
            return;
        }
    }
    const char *fault = kr_domain_read(copy, name);
    if (fault) {
        complain(d, text, fault, where, line);
        return;
    }
    bool fresh;
    uint32_t i = kr_name_table_add(&d->names, name, &fresh);
    if (colon || d->weights || !fresh)
        set_weight(d, i, fresh, weight);
}

static void take_line(struct kr_domains *d, char *s, const char *label, size_t line)
{
    static const char blanks[] = " \t\r\n\f\v";
    s += strspn(s, blanks);
    for (size_t n = strlen(s); n && strchr(blanks, s[n - 1]);)
        s[--n] = '\0';
    if (*s && *s != '#')
        kr_domains_add(d, s, label, line);
}

/* What is left in the buffer behind the last whole line moves to its front. */
static size_t take_lines(struct kr_domains *d, char *text, size_t n, const char *label,
                         size_t *line)
{
    char *at = text, *end = text + n, *nl;
    for (; (nl = memchr(at, '\n', (size_t)(end - at))); at = nl + 1) {
        *nl = '\0';
        ++*line;
        if (memchr(at, '\0', (size_t)(nl - at)))
            complain(d, at, "a NUL byte", label, *line);
        else
            take_line(d, at, label, *line);
    }
    memmove(text, at, (size_t)(end - at));
    return (size_t)(end - at);
}

int kr_domains_read(struct kr_domains *d, int fd, const char *label, struct kr_err *e)
{
    char text[65536 + 2];
    size_t n = 0, line = 0;
    for (;;) {
        ssize_t got = read(fd, text + n, 65536 - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return kr_fail(e, KR_CANNOT, errno, "%s", label);
        n += (size_t)got;
        if (got == 0) {
            text[n++] = '\n';
            if (n > 1)
                take_lines(d, text, n, label, &line);
            return 0;
        }
        n = take_lines(d, text, n, label, &line);
        if (n > MOST_LINE)
            return kr_fail(e, KR_USAGE, 0, "%s:%zu: a line longer than %u bytes", label, line + 1,
                           MOST_LINE);
    }
}

double kr_domains_weight(const struct kr_domains *d, uint32_t i)
{
    return d->weights ? (double)d->weights[i] : 1.0;
}

int kr_domains_check(const struct kr_domains *d, struct kr_err *e)
{
    if (d->n_bad > SHOWN)
        return kr_fail(e, KR_USAGE, 0, "%s\nand %zu more that are no domains", d->bad.s,
                       d->n_bad - SHOWN);
    if (d->n_bad)
        return kr_fail(e, KR_USAGE, 0, "%s", d->bad.s);
    if (!d->names.n)
        return kr_fail(e, KR_USAGE, 0, "no domain was given");
    if (d->names.n >= UINT32_MAX / 64)
        return kr_fail(e, KR_USAGE, 0, "too many domains");
    return 0;
}

void kr_domains_free(struct kr_domains *d)
{
    kr_name_table_free(&d->names);
    free(d->weights);
    kr_buf_free(&d->bad);
    *d = (struct kr_domains){0};
}

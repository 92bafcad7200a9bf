#include <kr/gen_parse.h>

#include <kr/err.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define MOST_OCTETS 1099511627776.0

struct unit {
    const char *name;
    double factor;
};

static const struct unit *unit_of(const struct unit *u, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(u[i].name, name) == 0)
            return &u[i];
    return NULL;
}

int kr_gen_decimal(const char *text, size_t n, double *out, struct kr_err *e)
{
    char copy[32] = "";
    if (n && n < sizeof copy)
        memcpy(copy, text, n);
    size_t whole = strspn(copy, DIGITS), at = whole + (copy[whole] == '.');
    size_t part = strspn(copy + at, DIGITS);
    double v = whole + part ? strtod(copy, NULL) : 0;
    if (!n || at + part != n || v <= 0 || v >= 1e15)
        return kr_fail(e, KR_USAGE, 0, "'%.*s' is no number above 0", (int)n, text);
    *out = v;
    return 0;
}

int kr_gen_size(const char *text, uint64_t *out, struct kr_err *e)
{
    static const struct unit units[] = {
        {"", 1},        {"b", 1},        {"k", 1e3},     {"kb", 1e3},    {"ki", 0x1p10},
        {"m", 1e6},     {"mb", 1e6},     {"g", 1e9},     {"gb", 1e9},    {"kib", 0x1p10},
        {"mi", 0x1p20}, {"mib", 0x1p20}, {"gi", 0x1p30}, {"gib", 0x1p30}};
    size_t n = strspn(text, DIGITS ".");
    double v;
    const char *name = text + n + strspn(text + n, " ");
    const struct unit *u = unit_of(units, sizeof units / sizeof *units, name);
    if (!u || kr_gen_decimal(text, n, &v, NULL) || v * u->factor > MOST_OCTETS || v * u->factor < 1)
        return kr_fail(e, KR_USAGE, 0, "'%s' is no size: say 1024, 60kb or 64KiB", text);
    *out = (uint64_t)(v * u->factor);
    return 0;
}

int kr_gen_rate(const char *text, double *out, struct kr_err *e)
{
    static const struct unit units[] = {{"s", 1},       {"sec", 1},     {"second", 1}, {"m", 60},
                                        {"min", 60},    {"minute", 60}, {"h", 3600},   {"hr", 3600},
                                        {"hour", 3600}, {"d", 86400},   {"day", 86400}};
    const char *p = strncmp(text, "local:", 6) == 0 ? text + 6 : text;
    const char *slash = strchr(p, '/');
    const struct unit *u = slash ? unit_of(units, sizeof units / sizeof *units, slash + 1) : NULL;
    char digits[24] = "";
    size_t n = 0;
    double v;
    for (; u && p < slash && n + 1 < sizeof digits; p++)
        if (*p != '_' && *p != ',')
            digits[n++] = *p;
    if (!u || n + 1 == sizeof digits || strspn(digits, DIGITS) < n ||
        kr_gen_decimal(digits, n, &v, NULL))
        return kr_fail(e, KR_USAGE, 0, "'%s' is no rate: say 500/s, 30000/min or 1000000/hour",
                       text);
    *out = v / u->factor;
    return 0;
}

/* Letters, digits, hyphens and underscores, in labels of 1 to 63 (RFC 1035 2.3.4). */
static bool is_domain(const char *s, size_t n)
{
    size_t label = 0;
    if (!n || n > 253)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '.' && !label)
            return false;
        label = s[i] == '.' ? 0 : label + 1;
        if (label > 63 || !strchr(LETTERS DIGITS ".-_", s[i]) || !s[i])
            return false;
    }
    return label > 0;
}

int kr_gen_domain(const char *text, struct kr_gen_domain *out, struct kr_err *e)
{
    const char *colon = strchr(text, ':');
    struct kr_gen_domain d = {text, colon ? (size_t)(colon - text) : strlen(text), 1};
    if (!is_domain(text, d.len))
        return kr_fail(e, KR_USAGE, 0, "--domain '%s' begins with no domain name", text);
    if (colon && kr_gen_decimal(colon + 1, strlen(colon + 1), &d.weight, e))
        return kr_wrap(e, "--domain '%s'", text);
    *out = d;
    return 0;
}

int kr_gen_suffix(const char *text, struct kr_err *e)
{
    if (!*text || is_domain(text, strlen(text)))
        return 0;
    return kr_fail(e, KR_USAGE, 0, "--domain-suffix '%s' is no domain name", text);
}

int kr_gen_header(const char *text, struct kr_err *e)
{
    size_t name = 0, n = strlen(text);
    while (text[name] > ' ' && text[name] < 127 && text[name] != ':')
        name++;
    if (!name || text[name] != ':')
        return kr_fail(e, KR_USAGE, 0, "--header '%s' is no header: say 'Name: value'", text);
    if (n > 998)
        return kr_fail(e, KR_USAGE, 0, "--header '%.40s…' has %zu octets, at most 998", text, n);
    for (size_t i = name; i < n; i++)
        if (((unsigned char)text[i] < ' ' && text[i] != '\t') || text[i] == 127)
            return kr_fail(e, KR_USAGE, 0, "--header '%.*s' holds a control character", (int)name,
                           text);
    return 0;
}

/* "FACTOR[,EVERY,LASTING]" */
static int parse_spike(const char *text, struct kr_gen_arrivals *a, struct kr_err *e)
{
    double *const to[] = {&a->factor, &a->every, &a->lasting};
    size_t i = 0;
    for (; i < 3 && text; i++) {
        size_t n = strcspn(text, ",");
        if (kr_gen_decimal(text, n, to[i], e))
            return -1;
        text = text[n] ? text + n + 1 : NULL;
    }
    if (text || i == 2)
        return kr_fail(e, KR_USAGE, 0, "a spike is FACTOR or FACTOR,EVERY,LASTING");
    if (a->lasting >= a->every)
        return kr_fail(e, KR_USAGE, 0, "a spike lasts less long than the time between two");
    return 0;
}

int kr_gen_arrivals_parse(const char *text, struct kr_gen_arrivals *out, struct kr_err *e)
{
    static const char *const names[] = {"steady", "poisson", "ramp", "spike"};
    _Static_assert(sizeof names / sizeof *names == KR_GEN_SPIKE + 1, "a name for each shape");
    size_t n = strcspn(text, ":"), shape = 0;
    const char *more = text[n] ? text + n + 1 : NULL;
    struct kr_gen_arrivals a = {.factor = 5, .every = 10, .lasting = 1};
    while (shape <= KR_GEN_SPIKE &&
           (strlen(names[shape]) != n || strncmp(names[shape], text, n) != 0))
        shape++;
    if (shape > KR_GEN_SPIKE || (more && shape < KR_GEN_RAMP))
        return kr_fail(e, KR_USAGE, 0,
                       "--arrivals '%s' is none of: steady, poisson, ramp[:RATE], "
                       "spike[:FACTOR[,EVERY,LASTING]]",
                       text);
    a.shape = (enum kr_gen_shape)shape;
    if (more && (shape == KR_GEN_RAMP ? kr_gen_rate(more, &a.from, e) : parse_spike(more, &a, e)))
        return kr_wrap(e, "--arrivals '%s'", text);
    *out = a;
    return 0;
}

/* A quoted local part may hold anything printable; a bare one is a dot-atom, taken loosely. */
static bool is_local(const char *s, size_t n)
{
    bool quoted = n > 1 && s[0] == '"' && s[n - 1] == '"';
    if (!n || n > 64)
        return false;
    for (size_t i = quoted; i < n - quoted; i++) {
        if (s[i] < ' ' || s[i] > '~' || (!quoted && strchr(" \"(),:;<>@[\\]", s[i])))
            return false;
        if (quoted && s[i] == '"')
            return false;
        if (quoted && s[i] == '\\' && ++i >= n - 1)
            return false;
    }
    return true;
}

int kr_gen_mailbox(const char *text, size_t n, struct kr_err *e)
{
    const char *at = n ? memrchr(text, '@', n) : NULL;
    size_t local = at ? (size_t)(at - text) : 0;
    if (at && is_local(text, local) && is_domain(at + 1, n - local - 1))
        return 0;
    for (size_t i = 0; i < n; i++)
        if (text[i] & 0x80)
            return kr_fail(e, KR_USAGE, 0, "'%.*s' goes beyond ASCII, which kumo-gen does not send",
                           (int)(n < 200 ? n : 200), text);
    return kr_fail(e, KR_USAGE, 0, "'%.*s' is no mail address", (int)(n < 200 ? n : 200), text);
}

#include <kr/mtasts.h>

#include <assert.h>
#include <string.h>
#include <strings.h>

/* What another try may find otherwise is unknown, never none. */
static const struct {
    const char *name, *title;
    enum kr_sts_policy policy;
} fetches[] = {
    [KR_FETCH_NOT] = {"unfetched", "not fetched", KR_POLICY_UNFETCHED},
    [KR_FETCH_CAME] = {"fetched", "fetched", KR_POLICY_UNFETCHED},
    [KR_FETCH_ADDRESS] = {"no-address", "its host has no address", KR_POLICY_UNUSABLE},
    [KR_FETCH_LOOKUP] = {"lookup", "the lookup of its host fails", KR_POLICY_UNKNOWN},
    [KR_FETCH_CONNECT] = {"connect", "no connection to its host", KR_POLICY_UNKNOWN},
    [KR_FETCH_TIMEOUT] = {"timeout", "its host takes too long", KR_POLICY_UNKNOWN},
    [KR_FETCH_TLS] = {"tls", "its host has no TLS 1.2 or later", KR_POLICY_UNUSABLE},
    [KR_FETCH_UNTRUSTED] = {"untrusted", "its host's certificate is not trusted",
                            KR_POLICY_UNUSABLE},
    [KR_FETCH_EXPIRED] = {"expired", "its host's certificate is not valid now", KR_POLICY_UNUSABLE},
    [KR_FETCH_NAME] = {"wrong-name", "its host's certificate names another", KR_POLICY_UNUSABLE},
    [KR_FETCH_REDIRECT] = {"redirect", "a redirect, which must not be followed",
                           KR_POLICY_UNUSABLE},
    [KR_FETCH_STATUS] = {"status", "another HTTP status than 200", KR_POLICY_UNUSABLE},
    [KR_FETCH_BUSY] = {"busy", "the HTTP server fails", KR_POLICY_UNKNOWN},
    [KR_FETCH_MEDIA] = {"media-type", "another media type than text/plain", KR_POLICY_UNUSABLE},
    [KR_FETCH_OVERSIZE] = {"oversize", "more than 64 KiB", KR_POLICY_UNUSABLE},
    [KR_FETCH_HTTP] = {"http", "what its host says is no whole HTTP answer", KR_POLICY_UNKNOWN},
    [KR_FETCH_GRAMMAR] = {"malformed", "what came is no policy", KR_POLICY_UNUSABLE},
    [KR_FETCH_NOBODY] = {"nobody", "the program that fetches came to an end", KR_POLICY_UNKNOWN},
};
static_assert(sizeof fetches / sizeof *fetches == KR_FETCHES, "a row for each end");

const char *kr_fetched_name(enum kr_fetched f)
{
    return fetches[f].name;
}

const char *kr_fetched_title(enum kr_fetched f)
{
    return fetches[f].title;
}

enum kr_sts_policy kr_fetched_policy(enum kr_fetched f)
{
    return fetches[f].policy;
}

/* ---- its text ---- */

struct value {
    const char *s;
    size_t len;
};

static bool is(const struct value *v, const char *word)
{
    return v->len == strlen(word) && memcmp(v->s, word, v->len) == 0;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* sts-policy-ext-name, which the keys that are known fit too. */
static bool is_key(const struct value *v)
{
    if (v->len < 1 || v->len > 32 || !letter_or_digit(*v->s))
        return false;
    for (size_t i = 1; i < v->len; i++)
        if (!letter_or_digit(v->s[i]) && (!v->s[i] || !strchr("_-.", v->s[i])))
            return false;
    return true;
}

/* No control characters; UTF-8 is not looked into. */
static bool is_printable(const struct value *v)
{
    for (size_t i = 0; i < v->len; i++)
        if ((unsigned char)v->s[i] < ' ' || v->s[i] == 127)
            return false;
    return v->len > 0;
}

/* A domain of letters, digits, hyphens and underscores (as hosts have them in the wild). */
static bool is_domain(const char *s, size_t len)
{
    size_t label = 0;
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '.' ? !label : !letter_or_digit(s[i]) && s[i] != '-' && s[i] != '_')
            return false;
        label = s[i] == '.' ? 0 : label + 1;
        if (label > 63)
            return false;
    }
    return label && len <= 253;
}

enum field { VERSION, MODE, MAX_AGE, MX, FIELDS };
struct reading {
    struct kr_sts_text *out;
    bool seen[FIELDS];
};

static const char *take_version(struct reading *r, const struct value *v)
{
    (void)r;
    return is(v, "STSv1") ? NULL : "another version than STSv1";
}

static const char *take_mode(struct reading *r, const struct value *v)
{
    static const char *const modes[] = {
        [KR_STS_ENFORCE] = "enforce", [KR_STS_TESTING] = "testing", [KR_STS_NONE] = "none"};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (is(v, modes[i])) {
            r->out->mode = (enum kr_sts_mode)i;
            return NULL;
        }
    return "a mode nobody knows";
}

static const char *take_max_age(struct reading *r, const struct value *v)
{
    uint64_t n = 0;
    if (v->len > 10)
        return "max_age is no number of up to ten digits";
    for (size_t i = 0; i < v->len; i++) {
        if (v->s[i] < '0' || v->s[i] > '9')
            return "max_age is no number of up to ten digits";
        n = 10 * n + (uint64_t)(v->s[i] - '0');
    }
    r->out->max_age = n < KR_STS_MAX_AGE ? (uint32_t)n : KR_STS_MAX_AGE;
    return NULL;
}

static const char *take_mx(struct reading *r, const struct value *v)
{
    size_t star = v->len > 2 && memcmp(v->s, "*.", 2) == 0 ? 2 : 0;
    if (!is_domain(v->s + star, v->len - star))
        return "mx is no name of a host, nor one behind \"*.\"";
    if (r->out->n_mx == KR_STS_PATTERNS_MOST)
        return "too many names of hosts";
    r->out->mx[r->out->n_mx].s = v->s;
    r->out->mx[r->out->n_mx++].len = v->len;
    return NULL;
}

static const struct {
    const char *key;
    const char *(*take)(struct reading *r, const struct value *v);
    bool again;
} fields[] = {
    [VERSION] = {"version", take_version, false},
    [MODE] = {"mode", take_mode, false},
    [MAX_AGE] = {"max_age", take_max_age, false},
    [MX] = {"mx", take_mx, true},
};
static_assert(sizeof fields / sizeof *fields == FIELDS, "a row for each field");

static const char *take_field(struct reading *r, const struct value *key, const struct value *v)
{
    for (size_t i = 0; i < FIELDS; i++) {
        if (!is(key, fields[i].key))
            continue;
        bool first = !r->seen[i];
        r->seen[i] = true;
        return first || fields[i].again ? fields[i].take(r, v) : NULL;
    }
    return NULL;
}

/* key ":" *WSP value *WSP; an empty line is passed over, as MTAs do. */
static const char *take_policy_line(struct reading *r, const char *s, size_t len)
{
    while (len && blank(s[len - 1]))
        len--;
    if (!len)
        return NULL;
    const char *colon = memchr(s, ':', len);
    if (!colon)
        return "a line without a colon";
    struct value key = {s, (size_t)(colon - s)}, v = {colon + 1, len - key.len - 1};
    for (; v.len && blank(*v.s); v.s++)
        v.len--;
    if (!is_key(&key))
        return "a key that is none";
    return is_printable(&v) ? take_field(r, &key, &v) : "a value that is empty or not text";
}

static const char *missing(const struct reading *r)
{
    if (!r->seen[VERSION])
        return "no version";
    if (!r->seen[MODE])
        return "no mode";
    if (!r->seen[MAX_AGE])
        return "no max_age";
    return r->out->mode != KR_STS_NONE && !r->seen[MX] ? "no mx" : NULL;
}

const char *kr_sts_text_read(const char *text, size_t len, struct kr_sts_text *out)
{
    struct reading r = {.out = out};
    out->mode = KR_STS_NONE;
    out->max_age = 0;
    out->n_mx = 0;
    if (len > KR_STS_BYTES)
        return "more than 64 KiB";
    for (size_t at = 0; at < len;) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t n = end ? (size_t)(end - text) - at : len - at;
        bool cr = end && n && text[at + n - 1] == '\r';
        const char *fault = take_policy_line(&r, text + at, n - cr);
        if (fault)
            return fault;
        at += n + 1;
    }
    return missing(&r);
}

static bool matches(const char *pattern, size_t len, const char *host)
{
    if (len > 2 && memcmp(pattern, "*.", 2) == 0) {
        host = strchr(host, '.');
        if (!host)
            return false;
        host++;
        pattern += 2;
        len -= 2;
    }
    return strlen(host) == len && strncasecmp(pattern, host, len) == 0;
}

bool kr_sts_text_names(const struct kr_sts_text *t, const char *host)
{
    for (size_t i = 0; *host != '.' && i < t->n_mx; i++)
        if (matches(t->mx[i].s, t->mx[i].len, host))
            return true;
    return false;
}

#include <kr/dns_txt.h>

#include <assert.h>
#include <stdbool.h>
#include <string.h>

static const char *const names[] = {
    [KR_ANNOUNCED_NOT] = "none",
    [KR_ANNOUNCED_VALID] = "valid",
    [KR_ANNOUNCED_MALFORMED] = "malformed",
    [KR_ANNOUNCED_DOUBLED] = "doubled",
    [KR_ANNOUNCED_UNKNOWN] = "unknown",
    [KR_ANNOUNCED_UNASKED] = "unasked",
};
static_assert(sizeof names / sizeof *names == KR_ANNOUNCED_UNASKED + 1, "a name for each state");

const char *kr_announced_name(enum kr_announced a)
{
    return names[a];
}

static const char *const policies[] = {
    [KR_POLICY_UNFETCHED] = "unfetched", [KR_POLICY_ENFORCE] = "enforce",
    [KR_POLICY_NO_MATCH] = "no-match",   [KR_POLICY_TESTING] = "testing",
    [KR_POLICY_NONE] = "none",           [KR_POLICY_UNUSABLE] = "unusable",
    [KR_POLICY_UNKNOWN] = "unknown",
};
static_assert(sizeof policies / sizeof *policies == KR_POLICIES, "a name for each policy");

const char *kr_sts_policy_name(enum kr_sts_policy p)
{
    return policies[p];
}

static bool alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* 1*32(ALPHA / DIGIT) */
static bool is_id(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!alnum(s[i]))
            return false;
    return n >= 1 && n <= 32;
}

/* (ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" / ".") "=" 1*(%x21-3A / %x3C / %x3E-7E) */
static bool is_extension(const char *s, size_t n)
{
    const char *equals = memchr(s, '=', n);
    size_t name = equals ? (size_t)(equals - s) : 0;
    if (name < 1 || name > 32 || name + 1 == n || !alnum(*s))
        return false;
    for (size_t i = 1; i < name; i++)
        if (!alnum(s[i]) && (!s[i] || !strchr("_-.", s[i])))
            return false;
    for (size_t i = name + 1; i < n; i++)
        if (s[i] < 0x21 || s[i] > 0x7e || s[i] == ';' || s[i] == '=')
            return false;
    return true;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

struct fields {
    const char *at;
    size_t left;
};

/* The next field, without the white space around it; false: there is none. */
static bool next_field(struct fields *f, const char **s, size_t *n)
{
    if (!f->at)
        return false;
    const char *end = memchr(f->at, ';', f->left);
    *s = f->at;
    *n = end ? (size_t)(end - f->at) : f->left;
    f->left -= end ? *n + 1 : *n;
    f->at = end ? end + 1 : NULL;
    for (; *n && blank(**s); (*s)++)
        --*n;
    for (; *n && blank((*s)[*n - 1]);)
        --*n;
    return true;
}

/* Behind the version: is it well formed, with exactly one `key`, whose value `fits`? The value is
 * left in *value. Only the last field may be empty: a final ";". */
static bool well_formed(struct fields f, const char *key, bool (*fits)(const char *, size_t),
                        struct fields *value)
{
    const char *s;
    size_t n, k = strlen(key), found = 0;
    while (next_field(&f, &s, &n)) {
        if (n == 0 && !f.at)
            break;
        if (n >= k && memcmp(s, key, k) == 0) {
            *value = (struct fields){s + k, n - k};
            if (++found > 1 || !fits(s + k, n - k))
                return false;
        } else if (!is_extension(s, n)) {
            return false;
        }
    }
    return found == 1;
}

static bool begins(const char *txt, size_t len, const char *with)
{
    size_t n = strlen(with);
    return len >= n && memcmp(txt, with, n) == 0;
}

/* One that begins with the version but not with its ";" is discarded by RFC 8461; KumoMTA, which
 * joins all records, may not. */
void kr_sts_take(struct kr_txt_set *s, const char *txt, size_t len)
{
    struct fields id = {NULL, 0};
    if (!begins(txt, len, "v=STSv1"))
        return;
    if (!begins(txt, len, "v=STSv1;") ||
        !well_formed((struct fields){txt + 8, len - 8}, "id=", is_id, &id)) {
        s->malformed++;
        return;
    }
    s->valid++;
    memcpy(s->id, id.at, id.left);
    s->id[id.left] = '\0';
}

/* One or more URIs by commas; each has a scheme that can be used. */
static bool is_rua(const char *s, size_t n)
{
    struct fields uris = {s, n};
    while (uris.at) {
        const char *end = memchr(uris.at, ',', uris.left);
        size_t len = end ? (size_t)(end - uris.at) : uris.left;
        const char *uri = uris.at;
        for (; len && blank(*uri); uri++)
            len--;
        if (!begins(uri, len, "mailto:") && !begins(uri, len, "https:"))
            return false;
        uris.left -= end ? (size_t)(end - uris.at) + 1 : uris.left;
        uris.at = end ? end + 1 : NULL;
    }
    return true;
}

void kr_tlsrpt_take(struct kr_txt_set *s, const char *txt, size_t len)
{
    struct fields rua;
    if (!begins(txt, len, "v=TLSRPTv1"))
        return;
    if (begins(txt, len, "v=TLSRPTv1;") &&
        well_formed((struct fields){txt + 11, len - 11}, "rua=", is_rua, &rua))
        s->valid++;
    else
        s->malformed++;
}

enum kr_announced kr_txt_set_state(const struct kr_txt_set *s)
{
    if (s->valid + s->malformed > 1)
        return KR_ANNOUNCED_DOUBLED;
    if (s->malformed)
        return KR_ANNOUNCED_MALFORMED;
    return s->valid ? KR_ANNOUNCED_VALID : KR_ANNOUNCED_NOT;
}

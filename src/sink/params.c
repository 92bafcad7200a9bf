/* ESMTP parameters: SIZE (RFC 1870), BODY (RFC 6152, 3030), SMTPUTF8 (RFC 6531), DSN (RFC 3461, and
 * RFC 6533 for addresses beyond ASCII). Each may be given once. */
#include "session_internal.h"

#include <kr/ascii.h>
#include <kr/sink_path.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ENVID_MAX 100 /* RFC 3461 4.4 */
#define ORCPT_MAX 500 /* RFC 3461 4.2 */

/* check() returns the reply a parameter leads to, 0 when it is fine. value.p is NULL when there was
 * no '='. */
struct param {
    const char *name;
    int (*check)(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg value);
};
struct param_table {
    const struct param *row;
    size_t n;
};

void arg_skip(struct arg *a, size_t n)
{
    a->p += n;
    a->n -= n;
}

void arg_skip_spaces(struct arg *a)
{
    while (a->n && (*a->p == ' ' || *a->p == '\t'))
        arg_skip(a, 1);
}

struct arg arg_next_word(struct arg *a)
{
    arg_skip_spaces(a);
    struct arg word = {a->p, 0};
    while (word.n < a->n && a->p[word.n] != ' ' && a->p[word.n] != '\t')
        word.n++;
    arg_skip(a, word.n);
    return word;
}

/* As far as both go. */
static size_t alike(struct arg a, const char *word)
{
    size_t n = 0;
    while (n < a.n && word[n] && kr_ascii_lower(a.p[n]) == kr_ascii_lower(word[n]))
        n++;
    return n;
}

bool arg_begins(struct arg a, const char *word)
{
    return !word[alike(a, word)];
}

bool arg_is(struct arg a, const char *word)
{
    size_t n = alike(a, word);
    return n && n == a.n && !word[n];
}

/* Cuts a at the first c: what stands before it; what follows stays in a (p is NULL: no c). */
static struct arg cut(struct arg *a, char c)
{
    const char *at = a->n ? memchr(a->p, c, a->n) : NULL;
    struct arg head = {a->p, at ? (size_t)(at - a->p) : a->n};
    *a = at ? (struct arg){at + 1, a->n - head.n - 1} : (struct arg){NULL, 0};
    return head;
}

bool arg_number(struct arg a, uint64_t *out)
{
    char digits[21] = "";
    if (!a.n || a.n >= sizeof digits)
        return false;
    memcpy(digits, a.p, a.n);
    *out = strtoull(digits, NULL, 10);
    return strspn(digits, "0123456789") == a.n;
}

static int param_size(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg value)
{
    uint64_t size;
    (void)s;
    return !arg_number(value, &size) ? 501 : size > x->max_size ? 552 : 0;
}

static int param_body(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg value)
{
    s->binary = x->offers & KR_OFFER_CHUNKING && arg_is(value, "BINARYMIME");
    if (s->binary)
        return 0;
    return arg_is(value, "7BIT") || arg_is(value, "8BITMIME") ? 0 : 501;
}

static int param_utf8(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg value)
{
    (void)x;
    s->utf8 = true;
    return value.p ? 501 : 0;
}

static int param_ret(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg value)
{
    (void)x;
    (void)s;
    return arg_is(value, "FULL") || arg_is(value, "HDRS") ? 0 : 501;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

/* xtext (RFC 3461 4): printable ASCII but for '+' and '=', and "+XX" in upper case; with `high`
 * also UTF-8 (RFC 6533 3). */
bool kr_sink_is_xtext(struct arg a, bool high)
{
    while (a.n) {
        bool escape = *a.p == '+';
        if (escape ? a.n < 3 || !is_hex(a.p[1]) || !is_hex(a.p[2]) : *a.p == '=')
            return false;
        size_t n = escape                     ? 3
                   : *a.p > ' ' && *a.p < 127 ? 1
                   : high && (*a.p & 0x80)    ? kr_utf8_len(a.p, a.n)
                                              : 0;
        if (!n)
            return false;
        arg_skip(&a, n);
    }
    return true;
}

static int param_envid(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg value)
{
    (void)x;
    (void)s;
    return value.n && value.n <= ENVID_MAX && kr_sink_is_xtext(value, false) ? 0 : 501;
}

/* NEVER alone, or each of the others at most once. */
static int param_notify(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg value)
{
    static const char *const word[] = {"SUCCESS", "FAILURE", "DELAY"};
    unsigned seen = 0;
    (void)x;
    (void)s;
    if (!value.n)
        return 501;
    while (!arg_is(value, "NEVER") && value.p) {
        struct arg one = cut(&value, ',');
        unsigned bit = 0;
        for (unsigned i = 0; i < sizeof word / sizeof *word; i++)
            bit |= arg_is(one, word[i]) ? 1u << i : 0;
        if (!bit || seen & bit || arg_is(value, "NEVER"))
            return 501;
        seen |= bit;
    }
    return 0;
}

/* Who submitted it, "<>" when that is not known (RFC 4954 5). */
static int param_auth(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg value)
{
    (void)s;
    if (!(x->offers & KR_OFFER_AUTH))
        return 555;
    return arg_is(value, "<>") || (value.n && kr_sink_is_xtext(value, false)) ? 0 : 501;
}

static bool is_type_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

static int param_orcpt(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg value)
{
    struct arg type = cut(&value, ';');
    (void)x;
    if (!type.n || !value.n || type.n + value.n + 1 > ORCPT_MAX)
        return 501;
    for (size_t i = 0; i < type.n; i++)
        if (!is_type_char(type.p[i]))
            return 501;
    return kr_sink_is_xtext(value, s->utf8 && arg_is(type, "utf-8")) ? 0 : 501;
}

static const struct param mail_params[] = {{"SIZE", param_size},     {"BODY", param_body},
                                           {"SMTPUTF8", param_utf8}, {"RET", param_ret},
                                           {"ENVID", param_envid},   {"AUTH", param_auth}};
static const struct param rcpt_params[] = {{"NOTIFY", param_notify}, {"ORCPT", param_orcpt}};

#define TABLE(rows) (&(const struct param_table){rows, sizeof(rows) / sizeof *(rows)})

static int one_param(struct kr_sink_ctx *x, struct kr_sink_session *s, const struct param_table *t,
                     struct arg word, unsigned *seen)
{
    struct arg value = word, name = cut(&value, '=');
    for (size_t i = 0; i < t->n; i++) {
        if (!arg_is(name, t->row[i].name))
            continue;
        bool again = *seen & 1u << i;
        *seen |= 1u << i;
        return again ? 501 : t->row[i].check(x, s, value);
    }
    return 555;
}

static void refuse(struct kr_sink_ctx *x, int code, struct arg word)
{
    int n = word.n > 60 ? 60 : (int)word.n;
    if (code == 552)
        kr_sink_reply(x, 552, "5.3.4 %.*s is over the limit of %" PRIu64 " octets", n, word.p,
                      x->max_size);
    else if (code == 501)
        kr_sink_reply(x, 501, "5.5.4 Bad parameter %.*s", n, word.p);
    else
        kr_sink_reply(x, 555, "5.5.4 Unknown parameter %.*s", n, word.p);
}

/* Parameters belong to extensions: a client that said HELO has none (RFC 5321 4.1.1.2). */
static bool params(struct kr_sink_ctx *x, struct kr_sink_session *s, const struct param_table *t,
                   struct arg a)
{
    unsigned seen = 0;
    for (struct arg word = arg_next_word(&a); word.n; word = arg_next_word(&a)) {
        int code = s->extended ? one_param(x, s, t, word, &seen) : 555;
        if (code) {
            refuse(x, code, word);
            return false;
        }
    }
    return true;
}

bool kr_sink_mail_params(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a)
{
    return params(x, s, TABLE(mail_params), a);
}

bool kr_sink_rcpt_params(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a)
{
    return params(x, s, TABLE(rcpt_params), a);
}

/* KumoMTA's configuration is a Lua program and helper files in TOML and JSON. Nothing is run: one
 * scan looks for the words that lead mail elsewhere, outside of comments. What a program makes of
 * its values can't be told that way; what it is given as a literal can. */
#include "mta_hop.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum token { END, NAME, STRING, NUMBER, SIGN };
enum dialect { LUA, TOML, JSON };

struct lexer {
    const char *at, *end;
    unsigned line;
    enum dialect dialect;
    /* The token: of a string, what is inside. */
    enum token token;
    const char *text;
    size_t len;
    unsigned token_line;
};
struct scan {
    struct kr_mta_reading *r;
    const char *file;
    struct lexer lex;
    bool local;   /* the word before was "local" */
    bool outside; /* the file lies outside of the folder, and was named in it */
};

/* ---- tokens ---------------------------------------------------------------------------------- */

/* Lua's long brackets, "[[" or "[==[": how many '=' there are, or -1. */
static int long_bracket(const char *s, const char *end)
{
    int n = 0;
    if (s >= end || *s != '[')
        return -1;
    for (s++; s < end && *s == '='; s++)
        n++;
    return s < end && *s == '[' ? n : -1;
}

/* From behind the opening bracket to behind the closing one. */
static const char *long_end(const char *s, const char *end, int level, const char **stop)
{
    for (; s < end; s++) {
        int n = 0;
        const char *p = s + 1;
        if (*s != ']')
            continue;
        for (; p < end && *p == '='; p++)
            n++;
        if (n == level && p < end && *p == ']') {
            *stop = s;
            return p + 1;
        }
    }
    *stop = end;
    return end;
}

static void move_to(struct lexer *x, const char *to)
{
    for (; x->at < to; x->at++)
        x->line += *x->at == '\n';
}

static bool comment_begins(const struct lexer *x)
{
    if (x->dialect == TOML)
        return *x->at == '#';
    return x->dialect == LUA && *x->at == '-' && x->at + 1 < x->end && x->at[1] == '-';
}

static void skip_comment(struct lexer *x)
{
    const char *stop, *p = x->at + 2;
    int level = x->dialect == LUA ? long_bracket(p, x->end) : -1;
    if (level >= 0) {
        move_to(x, long_end(p + 2 + level, x->end, level, &stop));
        return;
    }
    const char *eol = memchr(x->at, '\n', (size_t)(x->end - x->at));
    x->at = eol ? eol : x->end;
}

static void skip_space(struct lexer *x)
{
    while (x->at < x->end && (isspace((unsigned char)*x->at) || !*x->at || comment_begins(x)))
        if (comment_begins(x))
            skip_comment(x);
        else
            move_to(x, x->at + 1);
}

static bool thrice(const struct lexer *x, char q)
{
    return x->dialect == TOML && x->end - x->at >= 3 && x->at[1] == q && x->at[2] == q;
}

static void quoted(struct lexer *x)
{
    char q = *x->at;
    size_t marks = thrice(x, q) ? 3 : 1;
    bool escapes = x->dialect != TOML || q == '"';
    const char *p = x->at + marks;
    x->text = p;
    while (p < x->end) {
        if (*p == q && (marks == 1 || (x->end - p >= 3 && p[1] == q && p[2] == q)))
            break;
        if (*p == '\n' && marks == 1 && x->dialect != LUA)
            break; /* not closed: no string goes on in the next line */
        p += *p == '\\' && escapes && p + 1 < x->end ? 2 : 1;
    }
    x->token = STRING;
    x->len = (size_t)(p - x->text);
    move_to(x, p < x->end && *p == q ? p + marks : p);
}

static void word(struct lexer *x)
{
    const char *p = x->at;
    while (p < x->end &&
           (isalnum((unsigned char)*p) || *p == '_' || (x->dialect == TOML && *p == '-')))
        p++;
    x->token = isdigit((unsigned char)*x->at) ? NUMBER : NAME;
    x->len = (size_t)(p - x->at);
    x->at = p;
}

static void sign(struct lexer *x)
{
    static const char *const two[] = {"==", "~=", "<=", ">=", ".."};
    x->token = SIGN;
    x->len = 1;
    for (size_t i = 0; x->dialect == LUA && i < sizeof two / sizeof *two; i++)
        if (x->end - x->at > 1 && memcmp(x->at, two[i], 2) == 0)
            x->len = 2;
    x->at += x->len;
}

static void next(struct lexer *x)
{
    const char *stop;
    skip_space(x);
    x->text = x->at;
    x->len = 0;
    x->token_line = x->line;
    x->token = END;
    if (x->at >= x->end)
        return;
    int level = x->dialect == LUA ? long_bracket(x->at, x->end) : -1;
    if (level >= 0) {
        x->text = x->at + 2 + level;
        move_to(x, long_end(x->text, x->end, level, &stop));
        x->token = STRING;
        x->len = (size_t)(stop - x->text);
    } else if (*x->at == '"' || (*x->at == '\'' && x->dialect != JSON)) {
        quoted(x);
    } else if (isalnum((unsigned char)*x->at) || *x->at == '_') {
        word(x);
    } else {
        sign(x);
    }
}

static bool is(const struct lexer *x, const char *text)
{
    return strlen(text) == x->len && memcmp(x->text, text, x->len) == 0;
}

static bool is_sign(const struct lexer *x, const char *text)
{
    return x->token == SIGN && is(x, text);
}

/* ---- what the words mean ----------------------------------------------------------------------
 * Each is called with the lexer on the first token of the value. */

static bool is_nothing(const struct lexer *x)
{
    return (x->token == NAME && (is(x, "nil") || is(x, "null") || is(x, "false"))) ||
           (x->token == STRING && x->len == 0);
}

/* A literal, and nothing is added to it. */
static bool whole(const struct lexer *x)
{
    struct lexer after = *x;
    if (x->token != STRING && x->token != NUMBER)
        return false;
    next(&after);
    return !is_sign(&after, "..") && !is_sign(&after, ":") && !is_sign(&after, "+") &&
           !is_sign(&after, "*");
}

static void said(struct scan *s, enum kr_mta_topic topic, enum kr_verdict v, unsigned line,
                 const char *name, const char *what)
{
    kr_mta_say(s->r, topic, v, s->file, line, "%s: %s", name, what);
}

static void on_port(struct scan *s, const char *name)
{
    const struct lexer *x = &s->lex;
    if (is_nothing(x))
        return;
    kr_mta_judge_port(s->r, s->file, x->token_line, name,
                      whole(x) ? kr_mta_port(x->text, x->len) : -1);
}

static void on_proxy(struct scan *s, const char *name)
{
    const struct lexer *x = &s->lex;
    if (is_nothing(x))
        return;
    struct kr_mta_hop hop = whole(x) ? kr_mta_hop_parse(x->text, x->len) : (struct kr_mta_hop){0};
    if (hop.host[0])
        kr_mta_say(s->r, KR_MTA_PROXIES, KR_BROKEN, s->file, x->token_line,
                   "%s: connections are made by %s port %d, where no guard of this host is", name,
                   hop.host, hop.port);
    else
        said(s, KR_MTA_PROXIES, KR_BROKEN, x->token_line, name,
             "connections are made by a proxy, where no guard of this host is");
}

static void one_host(struct scan *s, const char *name)
{
    const struct lexer *x = &s->lex;
    struct kr_mta_hop hop = kr_mta_hop_parse(x->text, x->len);
    if (!whole(x))
        said(s, KR_MTA_SMARTHOSTS, KR_IN_DOUBT, x->token_line, name, "its value can't be told");
    else if (x->len)
        kr_mta_judge(s->r, KR_MTA_RELAY, s->file, x->token_line, name, &hop, 25);
}

/* A string, or every string inside brackets. */
static void on_hosts(struct scan *s, const char *name)
{
    struct lexer *x = &s->lex;
    unsigned depth = 0;
    if (is_nothing(x))
        return;
    if (x->token == STRING) {
        one_host(s, name);
        return;
    }
    if (!is_sign(x, "{") && !is_sign(x, "[")) {
        said(s, KR_MTA_SMARTHOSTS, KR_IN_DOUBT, x->token_line, name, "its value can't be told");
        return;
    }
    for (; x->token != END; next(x)) {
        struct lexer after = *x;
        depth += is_sign(x, "{") || is_sign(x, "[");
        depth -= is_sign(x, "}") || is_sign(x, "]");
        next(&after);
        if (x->token == STRING && !is_sign(&after, s->lex.dialect == JSON ? ":" : "="))
            one_host(s, name);
        if (depth == 0)
            return;
    }
}

static void on_other(struct scan *s, const char *name)
{
    if (!is_nothing(&s->lex))
        said(s, KR_MTA_OTHER, KR_BROKEN, s->lex.token_line, name,
             "mail leaves by something else than SMTP, which no guard of a port stops");
}

static void on_lmtp(struct scan *s, const char *name)
{
    if (!is_nothing(&s->lex))
        said(s, KR_MTA_OTHER, KR_HOLDS, s->lex.token_line, name, "LMTP, to the ports named here");
}

static void on_auth(struct scan *s, const char *name)
{
    if (!is_nothing(&s->lex))
        said(s, KR_MTA_SMARTHOSTS, KR_HOLDS, s->lex.token_line, name,
             "its passwords may be offered to the sink");
}

/* Preflight tells of it. */
static void on_tls(struct scan *s, const char *name)
{
    const struct lexer *x = &s->lex;
    bool shown = whole(x) || x->token == NAME;
    if (!is_nothing(x) || strcmp(name, "enable_mta_sts") == 0)
        kr_mta_say(s->r, KR_MTA_TLS, KR_HOLDS, s->file, x->token_line, "%s = %.*s", name,
                   shown && x->len < 60 ? (int)x->len : 3, shown && x->len < 60 ? x->text : "...");
}

static const struct {
    const char *word;
    void (*on)(struct scan *s, const char *name);
} words[] = {
    {"remote_port", on_port},
    {"smtp_port", on_port},
    {"socks5_proxy_server", on_proxy},
    {"ha_proxy_server", on_proxy},
    {"mx_list", on_hosts},
    {"routing_domain", on_hosts},
    {"custom_lua", on_other},
    {"xfer", on_other},
    {"use_lmtp", on_lmtp},
    {"lmtp", on_lmtp},
    {"smtp_auth_plain_username", on_auth},
    {"enable_tls", on_tls},
    {"enable_mta_sts", on_tls},
    {"enable_dane", on_tls},
    {"remember_broken_tls", on_tls},
};

/* ---- where they stand ------------------------------------------------------------------------ */

/* Behind a word: '=' or, in JSON, ':', perhaps after "]" of Lua's ["word"]; after a string in Lua
 * also ',' (msg:set_meta('routing_domain', VALUE)). Leaves the lexer on the value. */
static bool value_follows(struct lexer *x)
{
    bool string = x->token == STRING;
    struct lexer y = *x;
    next(&y);
    if (x->dialect == LUA && string && is_sign(&y, "]"))
        next(&y);
    if (!is_sign(&y, x->dialect == JSON ? ":" : "=") &&
        !(x->dialect == LUA && string && is_sign(&y, ",")))
        return false;
    next(&y);
    *x = y;
    return true;
}

/* kumo.xfer.xfer(msg, ...). */
static bool called(const struct lexer *x)
{
    struct lexer y = *x;
    next(&y);
    return x->dialect == LUA && x->token == NAME && is(x, "xfer") &&
           (is_sign(&y, ".") || is_sign(&y, "("));
}

/* kumo.dns.set_mta_sts_enabled(false). */
static void on_call(struct scan *s)
{
    struct lexer *x = &s->lex, y = *x;
    next(&y);
    if (x->dialect != LUA || x->token != NAME || !is(x, "set_mta_sts_enabled") || !is_sign(&y, "("))
        return;
    next(&y);
    kr_mta_say(s->r, KR_MTA_TLS, KR_HOLDS, s->file, x->token_line, "set_mta_sts_enabled = %.*s",
               y.len < 60 ? (int)y.len : 0, y.text);
}

/* "[queue.protocol.smtp]" and "protocol.custom_lua.constructor = ..." of TOML. */
static bool heads(const struct lexer *x)
{
    struct lexer y = *x;
    next(&y);
    return x->dialect == TOML && (is(x, "xfer") || is(x, "custom_lua")) &&
           (is_sign(&y, ".") || is_sign(&y, "]"));
}

/* A local variable that is given what can't be told counts where it is used. */
static void act(struct scan *s, size_t i)
{
    bool literal = whole(&s->lex) || is_sign(&s->lex, "{");
    if (!s->local || literal)
        words[i].on(s, words[i].word);
}

static bool ends_in(const char *path, const char *suffix)
{
    size_t n = strlen(path), k = strlen(suffix);
    return n > k && strcmp(path + n - k, suffix) == 0;
}

static bool is_readable_kind(const char *path)
{
    return ends_in(path, ".lua") || ends_in(path, ".toml") || ends_in(path, ".json");
}

static void scan_text(struct kr_mta_reading *r, const char *path, bool outside);

/* A helper file that lies elsewhere. */
static void scan_named(struct kr_mta_reading *r, const struct lexer *x)
{
    char path[256];
    if (x->len >= sizeof path || x->len == 0 || *x->text != '/' || memchr(x->text, '\0', x->len))
        return;
    memcpy(path, x->text, x->len);
    path[x->len] = '\0';
    if (is_readable_kind(path))
        scan_text(r, path, true);
}

static void look(struct scan *s)
{
    struct lexer *x = &s->lex;
    on_call(s);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!is(x, words[i].word))
            continue;
        if (called(x) || heads(x) || value_follows(x))
            act(s, i);
        return;
    }
    if (x->dialect == LUA && x->token == STRING && !s->outside)
        scan_named(s->r, x);
}

static void scan_text(struct kr_mta_reading *r, const char *path, bool outside)
{
    KR_AUTO_BUF struct kr_buf text = {0};
    struct scan s = {.r = r, .file = path, .outside = outside};
    if (ends_in(path, ".toml"))
        s.lex.dialect = TOML;
    else if (ends_in(path, ".json"))
        s.lex.dialect = JSON;
    if (kr_mta_file(r, path, &text) != 1)
        return;
    s.lex.at = text.s;
    s.lex.end = text.s + text.len;
    s.lex.line = 1;
    for (next(&s.lex); s.lex.token != END; next(&s.lex)) {
        bool local = s.lex.token == NAME && is(&s.lex, "local");
        if (s.lex.token == NAME || s.lex.token == STRING)
            look(&s);
        s.local = local;
    }
}

static void scan_file(struct kr_mta_reading *r, const char *path)
{
    if (is_readable_kind(path))
        scan_text(r, path, false);
}

/* The policy and all that lies beside and below it. */
void kr_mta_read_kumomta(struct kr_mta_reading *r, const char *config)
{
    char folder[256];
    snprintf(folder, sizeof folder, "%s", config);
    char *slash = strrchr(folder, '/');
    scan_text(r, config, false);
    if (!slash || slash == folder)
        return;
    *slash = '\0';
    /* Helper files are kept in /opt/kumomta/etc/policy and its neighbours. */
    if (ends_in(folder, "/etc/policy"))
        folder[strlen(folder) - strlen("/policy")] = '\0';
    kr_mta_folder(r, folder, 6, scan_file);
    kr_mta_say(r, KR_MTA_PORTS, KR_HOLDS, config, 0,
               "a program: only its text and that of the files below %s was read", folder);
}

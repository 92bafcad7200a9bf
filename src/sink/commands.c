#include "decide.h"

#include <kr/sink_gather.h>
#include <kr/sink_tally.h>

#include <string.h>

enum takes { NO_ARG, ANY_ARG, NEEDS_ARG };

struct command {
    char verb[9];
    uint8_t takes;                /* enum takes */
    uint8_t least;                /* the earliest phase it may come in */
    const char *syntax, *because; /* said with 501, with 503 */
    void (*run)(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a);
};

/* Chunks may have come already. */
static void abandon(struct kr_sink_ctx *x, struct kr_sink_session *s)
{
    kr_sink_cut(x, s);
    kr_sink_reset(x, s);
}

static void greet_extended(struct kr_sink_ctx *x, struct kr_sink_session *s)
{
    char size[KR_SINK_DIGITS];
    abandon(x, s);
    s->phase = KR_SMTP_READY;
    s->extended = true;
    kr_buf_text(&x->out, "250-kumo-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
                         "250-ENHANCEDSTATUSCODES\r\n250-DSN\r\n");
    if (x->offers & KR_OFFER_STARTTLS && !s->tls)
        kr_buf_text(&x->out, "250-STARTTLS\r\n");
    if (x->offers & KR_OFFER_AUTH)
        kr_buf_text(&x->out, "250-AUTH PLAIN LOGIN\r\n");
    if (x->offers & KR_OFFER_CHUNKING)
        kr_buf_text(&x->out, "250-CHUNKING\r\n250-BINARYMIME\r\n");
    kr_sink_say(x, 250, (const char *[]){"SIZE ", kr_sink_digits(x->max_size, 10, size), NULL});
}

/* LMTP has neither EHLO nor HELO (RFC 2033 4.1), SMTP no LHLO. */
static bool right_protocol(struct kr_sink_ctx *x, bool lmtp)
{
    if (lmtp == !!(x->offers & KR_OFFER_LMTP))
        return true;
    kr_sink_reply(x, 500, "5.5.1 This is %s", lmtp ? "SMTP: say EHLO" : "LMTP: say LHLO");
    return false;
}

static void on_ehlo(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a)
{
    kr_account_hello(x, a.p, a.n);
    if (right_protocol(x, false) && !decide_ehlo(x, s))
        greet_extended(x, s);
}

static void on_lhlo(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a)
{
    kr_account_hello(x, a.p, a.n);
    if (right_protocol(x, true) && !decide_ehlo(x, s))
        greet_extended(x, s);
}

static void on_helo(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a)
{
    kr_account_hello(x, a.p, a.n);
    if (!right_protocol(x, false) || decide_ehlo(x, s))
        return;
    abandon(x, s);
    s->phase = KR_SMTP_READY;
    s->extended = false;
    kr_sink_reply(x, 250, "kumo-sink");
}

/* "FROM:" and the path; false: the reply was given. */
static bool take_path(struct kr_sink_ctx *x, struct arg *a, const char *word, struct kr_path *path)
{
    if (!arg_begins(*a, word)) {
        kr_sink_reply(x, 501, "5.5.4 Syntax: %s %s<address>", *word == 'F' ? "MAIL" : "RCPT", word);
        return false;
    }
    arg_skip(a, strlen(word));
    arg_skip_spaces(a);
    size_t n = kr_path_parse(a->p, a->n, path);
    if (!n) {
        kr_sink_reply(x, 501, "%s Bad address syntax", *word == 'F' ? "5.1.7" : "5.1.3");
        return false;
    }
    arg_skip(a, n);
    return true;
}

static bool utf8_fine(struct kr_sink_ctx *x, const struct kr_sink_session *s,
                      const struct kr_path *path)
{
    if (!path->utf8 || s->utf8)
        return true;
    kr_sink_reply(x, 553, "5.6.7 Address needs SMTPUTF8"); /* RFC 6531 3.5 */
    return false;
}

static void on_mail(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a)
{
    struct kr_path path;
    if (s->phase != KR_SMTP_READY) {
        kr_sink_reply(x, 503, "5.5.1 Nested MAIL");
        return;
    }
    if (x->max_messages && s->messages >= x->max_messages) {
        kr_sink_dismiss(x, s, "4.7.0 Too many messages in this connection");
        return;
    }
    kr_sink_reset(x, s);
    if (kr_sink_paused(x, s))
        return;
    if (!take_path(x, &a, "FROM:", &path) || !kr_sink_mail_params(x, s, a) ||
        !utf8_fine(x, s, &path) || decide_mail(x, s, &path))
        return;
    s->phase = KR_SMTP_MAIL;
    s->report = path.kind == KR_PATH_NULL;
    s->messages++;
    s->mail_at = x->now;
    kr_gather_begin(x, s, &path);
    kr_sink_reply(x, 250, "2.1.0 Ok");
}

static void on_rcpt(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a)
{
    struct kr_path path;
    if (!take_path(x, &a, "TO:", &path) || !utf8_fine(x, s, &path))
        return;
    if (path.kind == KR_PATH_NULL) {
        kr_sink_reply(x, 501, "5.1.3 A recipient needs an address");
        return;
    }
    if (!kr_sink_rcpt_params(x, s, a))
        return;
    if (s->rcpts >= x->max_recipients) {
        kr_tally_recipients(x, s, KR_DEFERRED, 1);
        kr_sink_reply(x, 452, "4.5.3 Too many recipients");
    } else if (decide_rcpt(x, s, &path)) {
        s->rejected = true;
    } else {
        s->rcpts++;
        s->phase = KR_SMTP_RCPT;
        kr_gather_rcpt(x, s, &path);
        kr_tally(x, KR_SINK_rcpt_accepted, 1);
        kr_sink_reply(x, 250, "2.1.5 Ok");
    }
}

static void on_rset(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a)
{
    (void)a;
    abandon(x, s);
    kr_sink_reply(x, 250, "2.0.0 Ok");
}

static void on_noop(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a)
{
    (void)s;
    (void)a;
    kr_sink_reply(x, 250, "2.0.0 Ok");
}

static void on_vrfy(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a)
{
    (void)s;
    (void)a;
    kr_sink_reply(x, 252, "2.5.0 Not verified, but mail is taken");
}

static void on_help(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a)
{
    (void)s;
    (void)a;
    kr_sink_reply(x, 214, "2.0.0 %s MAIL RCPT DATA RSET NOOP VRFY HELP QUIT%s%s%s",
                  x->offers & KR_OFFER_LMTP ? "LHLO" : "EHLO HELO",
                  x->offers & KR_OFFER_CHUNKING ? " BDAT" : "",
                  x->offers & KR_OFFER_AUTH ? " AUTH" : "",
                  x->offers & KR_OFFER_STARTTLS ? " STARTTLS" : "");
}

static void on_starttls(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a)
{
    if (!(x->offers & KR_OFFER_STARTTLS)) {
        kr_sink_reply(x, 502, "5.5.1 Command not implemented");
    } else if (a.n) {
        kr_sink_reply(x, 501, "5.5.4 Syntax: STARTTLS");
    } else if (s->tls || s->phase != KR_SMTP_READY || !s->extended) {
        kr_sink_reply(x, 503, "5.5.1 %s", s->tls ? "TLS is on" : "Not now");
    } else {
        s->starttls = true;
        kr_sink_reply(x, 220, "2.0.0 Ready to start TLS");
    }
}

static void on_quit(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a)
{
    (void)a;
    s->over = true;
    kr_sink_reply(x, 221, "2.0.0 Bye");
}

static void on_known(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a)
{
    (void)s;
    (void)a;
    kr_sink_reply(x, 502, "5.5.1 Command not implemented");
}

static const struct command commands[] = {
    {"MAIL", NEEDS_ARG, KR_SMTP_READY, "MAIL FROM:<address>", "EHLO first", on_mail},
    {"RCPT", NEEDS_ARG, KR_SMTP_MAIL, "RCPT TO:<address>", "MAIL first", on_rcpt},
    {"DATA", NO_ARG, KR_SMTP_RCPT, "DATA", "No recipient yet", kr_sink_data},
    {"RSET", NO_ARG, KR_SMTP_NEW, "RSET", "", on_rset},
    {"QUIT", NO_ARG, KR_SMTP_NEW, "QUIT", "", on_quit},
    {"EHLO", NEEDS_ARG, KR_SMTP_NEW, "EHLO hostname", "", on_ehlo},
    {"HELO", NEEDS_ARG, KR_SMTP_NEW, "HELO hostname", "", on_helo},
    {"NOOP", ANY_ARG, KR_SMTP_NEW, "NOOP", "", on_noop},
    {"VRFY", NEEDS_ARG, KR_SMTP_NEW, "VRFY address", "", on_vrfy},
    {"HELP", ANY_ARG, KR_SMTP_NEW, "HELP", "", on_help},
    {"EXPN", ANY_ARG, KR_SMTP_NEW, "", "", on_known},
    {"SEND", ANY_ARG, KR_SMTP_NEW, "", "", on_known},
    {"SOML", ANY_ARG, KR_SMTP_NEW, "", "", on_known},
    {"SAML", ANY_ARG, KR_SMTP_NEW, "", "", on_known},
    {"TURN", ANY_ARG, KR_SMTP_NEW, "", "", on_known},
    {"ETRN", ANY_ARG, KR_SMTP_NEW, "", "", on_known},
    {"LHLO", NEEDS_ARG, KR_SMTP_NEW, "LHLO hostname", "", on_lhlo},
    {"BDAT", ANY_ARG, KR_SMTP_NEW, "", "", kr_sink_bdat},
    {"AUTH", ANY_ARG, KR_SMTP_NEW, "", "", kr_sink_auth},
    {"STARTTLS", ANY_ARG, KR_SMTP_NEW, "", "", on_starttls},
};

static const struct command *find(struct arg verb)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (arg_is(verb, commands[i].verb))
            return &commands[i];
    return NULL;
}

/* A line with a NUL or a CR inside is no command; a CR there is what smuggling is made of. */
static bool clean(struct kr_sink_ctx *x, const char *line, size_t n)
{
    bool cr = memchr(line, '\r', n) != NULL;
    if (!cr && !memchr(line, '\0', n))
        return true;
    if (cr)
        kr_tally(x, KR_SINK_bare_cr, 1);
    kr_sink_reply(x, 500, "5.5.2 Control characters in the command");
    return false;
}

void kr_sink_command(struct kr_sink_ctx *x, struct kr_sink_session *s, const char *line, size_t n)
{
    struct arg a = {line, n};
    s->started = true;
    s->answered = false;
    if (!clean(x, line, n))
        return;
    while (a.n && (a.p[a.n - 1] == ' ' || a.p[a.n - 1] == '\t'))
        a.n--;
    const struct command *c = find(arg_next_word(&a));
    arg_skip_spaces(&a);
    if (!c)
        kr_sink_reply(x, 500, "5.5.2 Command not recognized");
    else if ((c->takes == NO_ARG && a.n) || (c->takes == NEEDS_ARG && !a.n))
        kr_sink_reply(x, 501, "5.5.4 Syntax: %s", c->syntax);
    else if (s->phase < c->least && s->rejected && c->least == KR_SMTP_RCPT)
        kr_sink_reply(x, 554, "5.5.1 No valid recipients");
    else if (s->phase < c->least)
        kr_sink_reply(x, 503, "5.5.1 %s", c->because);
    else if (s->phase == KR_SMTP_DATA && c->least > KR_SMTP_NEW)
        kr_sink_reply(x, 503, "5.5.1 Go on with BDAT");
    else
        c->run(x, s, a);
}

/* States: NEW -EHLO-> READY -MAIL-> MAIL -RCPT-> RCPT -DATA-> DATA -CRLF.CRLF-> READY, or by BDAT
 * to DATA and after the last chunk to READY; RSET, EHLO and HELO lead from any of them back to
 * READY (RFC 5321 4.1.4), STARTTLS to NEW. An error never drops input: the next command is always
 * the next line, so pipelined replies stay in step (RFC 2920). */
#include <kr/sink_session.h>

#include <kr/sink_gather.h>
#include <kr/sink_knobs.h>
#include <kr/sink_tally.h>

#include "decide.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* "250 " */
static int put_code(char *to, int code)
{
    to[0] = (char)('0' + code / 100 % 10);
    to[1] = (char)('0' + code / 10 % 10);
    to[2] = (char)('0' + code % 10);
    to[3] = ' ';
    return 4;
}

void kr_sink_say(struct kr_sink_ctx *x, int code, const char *const *part)
{
    char digits[4];
    kr_buf_add(&x->out, digits, (size_t)put_code(digits, code));
    while (*part)
        kr_buf_text(&x->out, *part++);
    kr_buf_text(&x->out, "\r\n");
    kr_tally_reply(x, (unsigned)code);
    if (code >= 400)
        kr_tally(x, KR_SINK_refused_commands, 1);
}

void kr_sink_reply(struct kr_sink_ctx *x, int code, const char *fmt, ...)
{
    char text[512 - sizeof "250 \r\n"];
    bool plain = !strchr(fmt, '%');
    va_list ap;
    va_start(ap, fmt);
    if (!plain)
        vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    kr_sink_say(x, code, (const char *[]){plain ? fmt : text, NULL});
}

const char *kr_sink_digits(uint64_t v, unsigned base, char room[static KR_SINK_DIGITS])
{
    char *p = room + KR_SINK_DIGITS - 1;
    *p = '\0';
    do
        *--p = "0123456789abcdef"[v % base];
    while (v /= base);
    return p;
}

static void forget(struct kr_sink_session *s)
{
    if (s->phase > KR_SMTP_READY)
        s->phase = KR_SMTP_READY;
    s->rcpts = 0;
    s->utf8 = s->binary = s->chunked = s->rejected = false;
}

void kr_sink_reset(struct kr_sink_ctx *x, struct kr_sink_session *s)
{
    kr_gather_drop(x, s);
    forget(s);
}

void kr_sink_dismiss(struct kr_sink_ctx *x, struct kr_sink_session *s, const char *text)
{
    s->over = s->shut = true;
    kr_sink_reply(x, 421, "%s", text);
}

bool kr_sink_paused(struct kr_sink_ctx *x, struct kr_sink_session *s)
{
    if (!x->knobs || !atomic_load_explicit(&x->knobs->paused, memory_order_relaxed))
        return false;
    kr_tally(x, KR_SINK_paused, 1);
    kr_sink_dismiss(x, s, "4.3.2 The sink is paused, come back later");
    return true;
}

bool kr_sink_goodbye(struct kr_sink_ctx *x, struct kr_sink_session *s)
{
    if (s->phase > KR_SMTP_READY || s->dialogue || s->over || s->chunk)
        return false;
    kr_sink_dismiss(x, s, "4.3.2 The sink is stopping");
    return true;
}

void kr_sink_secured(struct kr_sink_session *s, const char *name)
{
    if (name)
        decide_name(s, name);
    forget(s);
    s->phase = KR_SMTP_NEW;
    s->extended = s->starttls = s->authed = false;
    s->tls = true;
}

void kr_sink_greet(struct kr_sink_ctx *x, struct kr_sink_session *s, const struct kr_sink_peer *p)
{
    char text[KR_ADDRSTRLEN];
    if (kr_sink_paused(x, s) || decide_connect(x, s, &p->source, &p->meant))
        return;
    const char *family = kr_addr_is_v4(&p->meant) ? "[" : "[IPv6:";
    const char *const part[] = {
        family,   kr_addr_str(&p->meant, text),           "] ESMTP kumo-sink ",
        x->nonce, p->redirected ? "" : " not-redirected", NULL};
    kr_sink_say(x, 220, part);
}

void kr_sink_hang_up(struct kr_sink_ctx *x, struct kr_sink_session *s)
{
    kr_sink_cut(x, s);
    kr_gather_drop(x, s);
    decide_end(x, s);
}

/* The rest of a line that was refused goes up to CRLF: an LF alone, at which a shorter line would
 * end, must not turn what follows it into a command. A CR at the end waits for what comes next. */
static size_t swallow(struct kr_sink_session *s, const char *p, size_t n)
{
    const char *end = memmem(p, n, "\r\n", 2);
    s->swallow = !end;
    return end ? (size_t)(end - p) + 2 : n - (p[n - 1] == '\r');
}

/* A command may end in LF alone, as typed through netcat; it is counted. */
static size_t take_line(struct kr_sink_ctx *x, struct kr_sink_session *s, const char *p, size_t n)
{
    const char *lf = memchr(p, '\n', n < KR_SINK_LINE_MAX ? n : KR_SINK_LINE_MAX);
    if (s->swallow)
        return swallow(s, p, n);
    if (!lf && n < KR_SINK_LINE_MAX)
        return 0;
    if (!lf) {
        kr_sink_reply(x, 500, "5.5.2 Command line over %u octets", KR_SINK_LINE_MAX);
        return swallow(s, p, n);
    }
    size_t len = (size_t)(lf - p);
    bool crlf = len && p[len - 1] == '\r';
    if (!crlf)
        kr_tally(x, KR_SINK_bare_lf, 1);
    if (s->dialogue)
        kr_sink_auth_line(x, s, (struct arg){p, len - crlf});
    else
        kr_sink_command(x, s, p, len - crlf);
    return len + 1;
}

static size_t take(struct kr_sink_ctx *x, struct kr_sink_session *s, const char *p, size_t n)
{
    if (s->chunk)
        return kr_sink_chunk(x, s, p, n);
    if (s->phase == KR_SMTP_DATA && !s->chunked)
        return kr_sink_content(x, s, p, n);
    return take_line(x, s, p, n);
}

/* What came in clear after STARTTLS was not protected: nothing of it may count (RFC 3207 4.2). */
static size_t discard(struct kr_sink_ctx *x, const struct kr_sink_session *s, size_t done, size_t n)
{
    if (s->starttls && done < n)
        kr_tally(x, KR_SINK_starttls_injected, 1);
    return n;
}

size_t kr_sink_feed(struct kr_sink_ctx *x, struct kr_sink_session *s, const char *data, size_t n)
{
    size_t done = 0;
    while (done < n && !s->over && !s->starttls && !x->delay && x->out.len < KR_SINK_REPLIES) {
        size_t used = take(x, s, data + done, n - done);
        if (!used)
            break;
        done += used;
    }
    return s->over || s->starttls ? discard(x, s, done, n) : done;
}

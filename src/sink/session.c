/* States: NEW -EHLO-> READY -MAIL-> MAIL -RCPT-> RCPT -DATA-> DATA -CRLF.CRLF-> READY; RSET, EHLO
 * and HELO lead from any of them back to READY (RFC 5321 4.1.4). An error never drops input: the
 * next command is always the next line, so pipelined replies stay in step (RFC 2920). */
#include <kr/sink_session.h>

#include <kr/sink_stats.h>

#include "session_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void kr_sink_reply(struct kr_sink_ctx *x, int code, const char *fmt, ...)
{
    char text[512];
    int head = snprintf(text, sizeof text, "%d ", code);
    va_list ap;
    va_start(ap, fmt);
    int n = head + vsnprintf(text + head, sizeof text - (size_t)head, fmt, ap);
    va_end(ap);
    if (n > (int)sizeof text - 3)
        n = (int)sizeof text - 3;
    memcpy(text + n, "\r\n", 2);
    kr_buf_add(&x->out, text, (size_t)n + 2);
    if (code >= 400)
        kr_sink_add(x->stats, KR_SINK_refused_commands, 1);
}

void kr_sink_reset(struct kr_sink_session *s)
{
    if (s->phase > KR_SMTP_READY)
        s->phase = KR_SMTP_READY;
    s->rcpts = 0;
    s->utf8 = false;
}

void kr_sink_greet(struct kr_sink_ctx *x, const struct kr_addr *meant, bool redirected)
{
    char text[KR_ADDRSTRLEN];
    kr_sink_reply(x, 220, "[%s%s] ESMTP kumo-sink %s%s",
                  kr_addr_is_v4(meant) ? "" : "IPv6:", kr_addr_str(meant, text), x->nonce,
                  redirected ? "" : " not-redirected");
}

static void count_content(struct kr_sink_stats *t, const struct kr_scan *c)
{
    kr_sink_add(t, KR_SINK_bytes, (int64_t)c->bytes);
    kr_sink_add(t, KR_SINK_bare_lf, c->bare_lf);
    kr_sink_add(t, KR_SINK_bare_cr, c->bare_cr);
    kr_sink_add(t, KR_SINK_long_lines, c->long_lines);
    kr_sink_add(t, KR_SINK_would_smuggle, c->smuggle);
}

static void end_content(struct kr_sink_ctx *x, struct kr_sink_session *s)
{
    count_content(x->stats, &s->scan);
    if (s->scan.bytes > x->max_size) {
        kr_sink_add(x->stats, KR_SINK_messages_refused, 1);
        kr_sink_reply(x, 552, "5.3.4 Message of %" PRIu64 " octets is over the limit of %" PRIu64,
                      s->scan.bytes, x->max_size);
    } else {
        kr_sink_reply(x, 250, "2.0.0 Ok: kumo-sink %s %u-%" PRIx64, x->nonce, x->worker,
                      ++x->next_id);
        kr_sink_add(x->stats, KR_SINK_messages, 1);
        kr_sink_add(x->stats, KR_SINK_recipients, s->rcpts);
        kr_sink_dest_message(x->stats, s->dest);
    }
    kr_sink_reset(s);
}

void kr_sink_hang_up(struct kr_sink_ctx *x, const struct kr_sink_session *s)
{
    if (s->phase != KR_SMTP_DATA)
        return;
    count_content(x->stats, &s->scan);
    kr_sink_add(x->stats, KR_SINK_messages_cut, 1);
}

static size_t take_content(struct kr_sink_ctx *x, struct kr_sink_session *s, const char *p,
                           size_t n)
{
    bool ended = false;
    size_t used = kr_scan_feed(&s->scan, p, n, &ended);
    if (ended)
        end_content(x, s);
    return used;
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
        kr_sink_add(x->stats, KR_SINK_bare_lf, 1);
    kr_sink_command(x, s, p, len - crlf);
    return len + 1;
}

size_t kr_sink_feed(struct kr_sink_ctx *x, struct kr_sink_session *s, const char *data, size_t n)
{
    size_t done = 0;
    while (done < n && !s->over && x->out.len < KR_SINK_REPLIES) {
        bool content = s->phase == KR_SMTP_DATA;
        size_t used = (content ? take_content : take_line)(x, s, data + done, n - done);
        if (!used)
            break;
        done += used;
    }
    return s->over ? n : done;
}

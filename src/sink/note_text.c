/* Messages as files of mail: what RFC 5321 4.4 has final delivery add (Return-Path, Received), and
 * whom it was for. In an mbox every line that begins with "From " after any number of ">" gets one
 * more (mboxrd), so that taking one away gives back what came. */
#include "writer_internal.h"

#include <string.h>
#include <time.h>

struct note_mail note_mail(const struct kr_note_message *m)
{
    const char *p = (const char *)(m + 1);
    struct note_mail out = {m, p, NULL, NULL, NULL};
    out.sender = out.hello + m->hello_len;
    out.rcpts = out.sender + m->sender_len;
    out.content = out.rcpts + m->rcpts_len;
    return out;
}

struct note_rcpt note_next(const char **at)
{
    struct kr_note_rcpt head;
    memcpy(&head, *at, sizeof head);
    struct note_rcpt r = {*at + sizeof head, head.len, head.code};
    *at = r.p + r.n;
    return r;
}

/* Spaces may stand in a quoted local part; the From_ line has the sender as one word. */
static void add_word(struct kr_buf *out, const char *p, size_t n)
{
    size_t from = out->len;
    kr_buf_add(out, n ? p : "MAILER-DAEMON", n ? n : 13);
    for (size_t i = from; i < out->len; i++)
        if (out->s[i] == ' ' || out->s[i] == '\t')
            out->s[i] = '_';
}

static void from_line(const struct note_mail *m, struct kr_buf *out)
{
    time_t at = (time_t)(m->m->at / 1000000);
    struct tm t;
    char date[32];
    gmtime_r(&at, &t);
    strftime(date, sizeof date, "%a %b %e %H:%M:%S %Y", &t);
    kr_buf_printf(out, "From ");
    add_word(out, m->sender, m->m->sender_len);
    kr_buf_printf(out, " %s\n", date);
}

static void received(const struct kr_writer *w, const struct note_mail *m, struct kr_buf *out)
{
    time_t at = (time_t)(m->m->at / 1000000);
    struct tm t;
    char date[48], source[KR_ADDRSTRLEN], meant[KR_ADDRSTRLEN];
    gmtime_r(&at, &t);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &t);
    bool v6 = !kr_addr_is_v4(&m->m->source);
    kr_buf_printf(out, "Received: from %.*s ([%s%s]) by kumo-sink-%s (for %s)\n",
                  m->m->hello_len ? (int)m->m->hello_len : 7,
                  m->m->hello_len ? m->hello : "unknown", v6 ? "IPv6:" : "",
                  kr_addr_str(&m->m->source, source), w->nonce, kr_addr_str(&m->m->meant, meant));
    kr_buf_printf(out, "\twith %s%s id %u-%llx; %s\n", m->m->each ? "LMTP" : "ESMTP",
                  m->m->tls ? "S" : "", m->m->worker, (unsigned long long)m->m->serial, date);
}

static void header(const struct kr_writer *w, const struct note_mail *m, struct kr_buf *out)
{
    const char *at = m->rcpts;
    kr_buf_printf(out, "Return-Path: <%.*s>\n", (int)m->m->sender_len, m->sender);
    for (uint32_t i = 0; i < m->m->rcpts; i++) {
        struct note_rcpt r = note_next(&at);
        if (r.code < 300)
            kr_buf_printf(out, "Delivered-To: %.*s\n", (int)r.n, r.p);
    }
    received(w, m, out);
}

static bool wants_quote(const char *p, size_t n)
{
    size_t i = 0;
    while (i < n && p[i] == '>')
        i++;
    return n - i >= 5 && memcmp(p + i, "From ", 5) == 0;
}

/* A line as it is read by those for whom LF ends one. */
static void add_line(const char *p, size_t n, bool ended, bool mbox, struct kr_buf *out)
{
    if (mbox && wants_quote(p, n))
        kr_buf_add(out, ">", 1);
    kr_buf_add(out, p, n && ended && p[n - 1] == '\r' ? n - 1 : n);
    if (ended)
        kr_buf_add(out, "\n", 1);
}

void note_mail_text(const struct kr_writer *w, const struct note_mail *m, bool mbox,
                    struct kr_buf *out)
{
    const char *p = m->content, *end = p + m->m->content_len, *lf;
    if (mbox)
        from_line(m, out);
    header(w, m, out);
    for (; p < end; p = lf + 1) {
        lf = memchr(p, '\n', (size_t)(end - p));
        bool ended = lf != NULL;
        lf = lf ? lf : end;
        add_line(p, (size_t)(lf - p), ended, mbox, out);
    }
    if (mbox)
        kr_buf_add(out, "\n\n", out->s[out->len - 1] == '\n' ? 1 : 2);
}

/* The content of a message: after DATA up to CRLF.CRLF, or in chunks of a size said before (BDAT,
 * RFC 3030). A chunk that is refused is consumed all the same, to its last octet, or the next
 * command would be looked for inside it. */
#include "decide.h"

#include <kr/sink_answer.h>
#include <kr/sink_gather.h>
#include <kr/sink_hist.h>
#include <kr/sink_sums.h>
#include <kr/sink_tally.h>

#include <inttypes.h>

static void count_content(struct kr_sink_ctx *x, const struct kr_scan *c)
{
    kr_tally(x, KR_SINK_bytes, (int64_t)c->bytes);
    if (!(c->bare_lf | c->bare_cr | c->long_lines | c->smuggle))
        return;
    kr_tally(x, KR_SINK_bare_lf, c->bare_lf);
    kr_tally(x, KR_SINK_bare_cr, c->bare_cr);
    kr_tally(x, KR_SINK_long_lines, c->long_lines);
    kr_tally(x, KR_SINK_would_smuggle, c->smuggle);
}

/* How many recipients came to what. */
struct fates {
    uint32_t n[KR_OUTCOMES];
};

static struct fates all_alike(const struct kr_sink_session *s, int code)
{
    struct fates f = {0};
    f.n[kr_outcome_of(code)] = s->rcpts;
    return f;
}

static void count_recipients(struct kr_sink_ctx *x, const struct kr_sink_session *s,
                             const struct fates *f)
{
    for (int what = 0; what < KR_OUTCOMES; what++)
        kr_tally_recipients(x, s, (enum kr_outcome)what, f->n[what]);
}

static int answer_to(const struct kr_sink_session *s, uint32_t recipient)
{
    const struct kr_answer *a = decide_each(s, recipient);
    return a ? a->code : 250;
}

/* A message one recipient accepts is accepted; one that will come again for somebody is deferred.
 */
static void conclude(struct kr_sink_ctx *x, struct kr_sink_session *s, int code,
                     const struct fates *f)
{
    static const enum kr_sink_counter counter[] = {KR_SINK_messages, KR_SINK_messages_refused,
                                                   KR_SINK_messages_deferred};
    enum kr_outcome all = f->n[KR_ACCEPTED]   ? KR_ACCEPTED
                          : f->n[KR_DEFERRED] ? KR_DEFERRED
                                              : KR_REFUSED;
    kr_tally(x, counter[all], 1);
    count_recipients(x, s, f);
    kr_sink_dest_message(x->stats, s->dest, all);
    decide_message(x, s, all);
    decide_recipients(x, s, code);
    kr_gather_finish(x, s, code, answer_to);
}

/* LMTP answers for each recipient (RFC 2033 4.2). */
static uint32_t replies_due(const struct kr_sink_ctx *x, const struct kr_sink_session *s)
{
    return x->offers & KR_OFFER_LMTP ? s->rcpts : 1;
}

static void say_accepted(struct kr_sink_ctx *x)
{
    char worker[KR_SINK_DIGITS], id[KR_SINK_DIGITS];
    const char *const part[] = {"2.0.0 Ok: kumo-sink ",
                                x->nonce,
                                " ",
                                kr_sink_digits(x->worker, 10, worker),
                                "-",
                                kr_sink_digits(x->next_id, 16, id),
                                NULL};
    kr_sink_say(x, 250, part);
}

/* The answers to the recipients of a message that is not refused as a whole. */
static struct fates answer_each(struct kr_sink_ctx *x, struct kr_sink_session *s)
{
    struct fates f = all_alike(s, 0);
    x->next_id++;
    for (uint32_t i = 0; i < replies_due(x, s); i++) {
        const struct kr_answer *a = decide_each(s, i);
        if (!a) {
            say_accepted(x);
            continue;
        }
        decide_say(x, s, a);
        f.n[KR_ACCEPTED]--;
        f.n[kr_outcome_of(a->code)]++;
    }
    return f;
}

static void answer_message(struct kr_sink_ctx *x, struct kr_sink_session *s)
{
    int code = decide_dot(x, s);
    if (code < 0) {
        kr_tally(x, KR_SINK_messages_cut, 1);
        return;
    }
    struct fates f = code ? all_alike(s, code) : answer_each(x, s);
    conclude(x, s, code, &f);
}

static void refuse_size(struct kr_sink_ctx *x, struct kr_sink_session *s, uint32_t replies)
{
    struct fates f = all_alike(s, 552);
    conclude(x, s, 552, &f);
    for (uint32_t i = 0; i < replies; i++)
        kr_sink_reply(x, 552, "5.3.4 Message of %" PRIu64 " octets is over the limit of %" PRIu64,
                      s->scan.bytes, x->max_size);
}

static void end_content(struct kr_sink_ctx *x, struct kr_sink_session *s)
{
    count_content(x, &s->scan);
    kr_sink_time(x->stats, KR_HIST_content, x->now - s->data_at);
    if (s->scan.bytes > x->max_size)
        refuse_size(x, s, replies_due(x, s));
    else
        answer_message(x, s);
    s->answered = true;
    kr_sink_time(x->stats, KR_HIST_transaction, x->now + x->delay * 1000LL - s->mail_at);
    kr_sink_reset(x, s);
}

void kr_sink_cut(struct kr_sink_ctx *x, const struct kr_sink_session *s)
{
    if (s->phase != KR_SMTP_DATA)
        return;
    count_content(x, &s->scan);
    kr_tally(x, KR_SINK_messages_cut, 1);
}

/* Refused before there was content; -1: the connection ends instead. */
static void refuse_data(struct kr_sink_ctx *x, const struct kr_sink_session *s, int code)
{
    struct fates f = all_alike(s, code);
    if (code < 0)
        return;
    count_recipients(x, s, &f);
    decide_recipients(x, s, code);
}

void kr_sink_data(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a)
{
    (void)a;
    if (s->binary) { /* RFC 3030 3 */
        kr_sink_reply(x, 503, "5.5.1 BINARYMIME needs BDAT");
        return;
    }
    int code = decide_data(x, s);
    if (code) {
        refuse_data(x, s, code);
        kr_sink_reset(x, s);
        return;
    }
    s->phase = KR_SMTP_DATA;
    s->data_at = x->now;
    kr_scan_begin(&s->scan);
    kr_sink_reply(x, 354, "End data with <CR><LF>.<CR><LF>");
}

size_t kr_sink_content(struct kr_sink_ctx *x, struct kr_sink_session *s, const char *p, size_t n)
{
    bool ended = false;
    size_t used = kr_scan_feed(&s->scan, p, n, &ended);
    kr_gather_data(x, s, p, used);
    if (ended)
        end_content(x, s);
    return used;
}

/* ---- BDAT ---------------------------------------------------------------------------------------
 */

/* A chunk outside of a transaction, or after one that failed. */
static const char *out_of_order(const struct kr_sink_session *s)
{
    return s->phase >= KR_SMTP_RCPT   ? NULL
           : s->phase == KR_SMTP_MAIL ? "No recipient yet"
                                      : "MAIL first";
}

static void end_chunk(struct kr_sink_ctx *x, struct kr_sink_session *s)
{
    if (s->refused) {
        kr_sink_reply(x, 503, "5.5.1 %s", out_of_order(s));
        s->refused = false;
    } else if (s->last) {
        end_content(x, s);
    } else if (s->scan.bytes > x->max_size) {
        count_content(x, &s->scan);
        refuse_size(x, s, 1);
        kr_sink_reset(x, s);
    } else {
        kr_sink_reply(x, 250, "2.0.0 %" PRIu64 " octets so far", s->scan.bytes);
    }
}

void kr_sink_bdat(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a)
{
    struct arg size = arg_next_word(&a), last = arg_next_word(&a);
    arg_skip_spaces(&a);
    uint64_t octets = 0;
    if (!(x->offers & KR_OFFER_CHUNKING)) {
        kr_sink_reply(x, 502, "5.5.1 Command not implemented");
        return;
    }
    if (!arg_number(size, &octets) || a.n || (last.n && !arg_is(last, "LAST"))) {
        kr_sink_reply(x, 501, "5.5.4 Syntax: BDAT octets [LAST]");
        return;
    }
    s->refused = out_of_order(s) != NULL;
    s->last = last.n > 0;
    s->chunk = octets;
    if (!s->refused && !s->chunked) {
        s->chunked = true;
        s->phase = KR_SMTP_DATA;
        s->data_at = x->now;
        kr_scan_begin(&s->scan);
    }
    if (!octets)
        end_chunk(x, s);
}

size_t kr_sink_chunk(struct kr_sink_ctx *x, struct kr_sink_session *s, const char *p, size_t n)
{
    size_t used = n < s->chunk ? n : (size_t)s->chunk;
    s->chunk -= used;
    if (!s->refused) {
        kr_gather_chunk(x, s, p, used);
        s->scan.bytes += used;
    }
    if (!s->chunk)
        end_chunk(x, s);
    return used;
}

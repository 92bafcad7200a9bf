/* The dialogue of RFC 5321, and of RFC 2920 where the server offers it. The order in which replies
 * come is the same with PIPELINING and without: what differs is when the commands are sent.
 *
 * With it, an envelope goes out in one piece; and when the content of a message is sent, the
 * envelope of the next one, or QUIT, follows its dot in the same write. Then two messages are held:
 * letter[0] waits for the answer to its dot, letter[1] for those to its envelope.
 *
 * What became of a message is known when its dot was answered, or when none of its recipients was
 * taken. A 421 at any time, and a connection that ends before the whole of the content was handed
 * to the kernel, leave it untaken: it is kept and tried again in the next connection. */
#include "actions.h"

#include <kr/gen_target.h>

#include <string.h>

#define NO_CODE 0

static bool good(const struct client *c)
{
    return c->reply.code >= 200 && c->reply.code < 300;
}

static bool pipelines(const struct worker *w, const struct client *c)
{
    return c->offers & KR_REPLY_PIPELINING && !w->run->cfg->no_pipelining;
}

static void send_it(struct worker *w, struct client *c, const struct kr_body *body)
{
    if (client_send(w, c, body))
        client_lost(w, c, KR_GEN_disconnected, "the target closed it");
}

static void say(struct worker *w, struct client *c, const char *line, enum step await)
{
    w->head.len = w->tail.len = 0;
    kr_buf_text(&w->head, line);
    c->step = (uint8_t)await;
    send_it(w, c, NULL);
}

static void command(struct worker *w, const struct client *c, unsigned which, struct kr_buf *out)
{
    const struct letter *l = &c->letter[c->sent - 1];
    kr_mail_command(w->run->mail, l->n, which, c->offers & KR_REPLY_8BITMIME, out);
}

static void say_command(struct worker *w, struct client *c, unsigned which, enum step await)
{
    w->head.len = w->tail.len = 0;
    command(w, c, which, &w->head);
    c->step = (uint8_t)await;
    send_it(w, c, NULL);
}

/* ---- before mail ------------------------------------------------------------------------------*/

static void on_greeting(struct worker *w, struct client *c)
{
    w->head.len = w->tail.len = 0;
    kr_mail_hello(w->run->mail, (uint64_t)w->now * (c->index + 1), &w->head);
    c->step = EHLO;
    c->secure = !w->run->tls;
    send_it(w, c, NULL);
}

static void on_ehlo(struct worker *w, struct client *c)
{
    c->offers = c->reply.offers;
    if (!c->secure && c->offers & KR_REPLY_STARTTLS) {
        say(w, c, "STARTTLS\r\n", STARTTLS);
        return;
    }
    if (!c->secure) {
        if (kr_gen_total(w->run->shared, w->run->workers, KR_GEN_tls_not_offered) == 0)
            complain(w, "%s does not offer STARTTLS: mail goes in clear", w->run->cfg->target);
        kr_gen_add(w->stats, KR_GEN_tls_not_offered, 1);
        c->secure = true;
    }
    kr_gen_add(w->stats, KR_GEN_pipelined, pipelines(w, c));
    client_proceed(w, c);
}

static void on_starttls(struct worker *w, struct client *c)
{
    (void)w;
    c->step = HANDSHAKE;
}

/* ---- between messages -------------------------------------------------------------------------*/

static void client_quit(struct worker *w, struct client *c)
{
    list_put(w, c, BUSY);
    c->active = w->now;
    say(w, c, "QUIT\r\n", QUIT);
}

static bool is_full(const struct worker *w, const struct client *c)
{
    uint64_t most = w->run->cfg->per_connection;
    return most && c->on_connection >= most;
}

/* The next letter: one that is held already, or a new one. */
static enum claim next_letter(struct worker *w, struct client *c)
{
    if (c->held > c->sent)
        return CLAIMED;
    enum claim got = worker_claim(w, &c->letter[c->held]);
    c->held += got == CLAIMED;
    return got;
}

/* letter[c->sent] is the next to be sent: its commands up to DATA, or MAIL alone. */
static void add_envelope(struct worker *w, struct client *c, struct kr_buf *out)
{
    struct letter *l = &c->letter[c->sent++];
    unsigned last = pipelines(w, c) ? kr_mail_recipients(w->run->mail) + 1 : 0;
    *l = (struct letter){.n = l->n, .from = w->run->cfg->open_loop ? l->from : w->now};
    c->on_connection++;
    for (unsigned i = 0; i <= last; i++)
        command(w, c, i, out);
}

static void begin_letter(struct worker *w, struct client *c)
{
    if (c->list != BUSY)
        list_put(w, c, BUSY);
    if (c->unclean) {
        say(w, c, "RSET\r\n", RSET);
        return;
    }
    w->head.len = w->tail.len = 0;
    add_envelope(w, c, &w->head);
    c->step = MAIL;
    send_it(w, c, NULL);
}

void client_proceed(struct worker *w, struct client *c)
{
    if (c->sent) { /* its envelope went out behind the last dot */
        c->step = MAIL;
        return;
    }
    if (c->leaving) {
        c->step = QUIT;
        return;
    }
    if (c->ending || is_full(w, c) || worker_over(w)) {
        client_quit(w, c);
        return;
    }
    enum claim got = next_letter(w, c);
    if (got == CLAIMED) {
        begin_letter(w, c);
    } else if (got == NONE_LEFT) {
        client_quit(w, c);
    } else {
        c->step = READY;
        list_put(w, c, IDLE);
    }
}

static void on_rset(struct worker *w, struct client *c)
{
    c->unclean = false;
    client_proceed(w, c);
}

/* ---- a message --------------------------------------------------------------------------------*/

static void refuse(struct client *c, enum kr_gen_stage at)
{
    struct letter *l = &c->letter[0];
    if (l->code != NO_CODE)
        return;
    l->code = c->reply.code;
    l->at = (uint8_t)at;
    l->crowded = c->reply.crowded;
}

/* Nothing was taken of it, and nobody says that it never will be: again, in a new connection. */
static void put_back(struct worker *w, struct client *c)
{
    kr_gen_add(w->stats, KR_GEN_put_back_421, 1);
    client_close(w, c);
    list_put(w, c, BACKOFF + (enum list_name)c->tries);
    c->tries += c->tries + 1 < LISTS - BACKOFF;
    if (c->ending || worker_over(w))
        client_end(w, c);
}

static void tell_refusal(struct worker *w, const struct client *c)
{
    complain(w, "%s: a message was refused at %s: %.*s", w->run->cfg->target,
             kr_gen_stage_name((enum kr_gen_stage)c->letter[0].at), (int)c->reply.text_len,
             c->reply.text);
}

/* letter[0] was refused, by the code it carries. */
static void refused(struct worker *w, struct client *c)
{
    const struct letter *l = &c->letter[0];
    kr_gen_code(w->stats, (enum kr_gen_stage)l->at, l->code);
    if (l->code == 421 || (l->code == 451 && l->crowded)) {
        put_back(w, c);
        return;
    }
    tell_refusal(w, c);
    client_outcome(w, c, l->code < 500 ? KR_GEN_deferred : KR_GEN_refused);
    c->ending |= !w->run->cfg->keep_going;
    client_proceed(w, c);
}

static void accepted(struct worker *w, struct client *c)
{
    const struct letter *l = &c->letter[0];
    kr_gen_code(w->stats, KR_GEN_AT_dot, c->reply.code);
    kr_gen_add(w->stats, KR_GEN_recipients_accepted, l->taken);
    kr_gen_add(w->stats, KR_GEN_octets, (int64_t)kr_mail_body(w->run->mail, l->n)->len);
    if (w->now >= w->run->measured_from)
        kr_gen_add(w->stats, KR_GEN_measured, 1);
    if (l->from >= w->run->measured_from)
        kr_hist_record(&w->stats->latency, w->now - l->from);
    client_outcome(w, c, KR_GEN_accepted);
    client_proceed(w, c);
}

static void on_mail(struct worker *w, struct client *c)
{
    c->rcpt = 0;
    if (!good(c))
        refuse(c, KR_GEN_AT_mail);
    if (pipelines(w, c))
        c->step = RCPT;
    else if (good(c))
        say_command(w, c, 1, RCPT);
    else
        refused(w, c);
}

static void on_rcpt(struct worker *w, struct client *c)
{
    struct letter *l = &c->letter[0];
    unsigned last = kr_mail_recipients(w->run->mail);
    l->taken += good(c);
    if (!good(c)) {
        kr_gen_add(w->stats, KR_GEN_recipients_refused, 1);
        refuse(c, KR_GEN_AT_rcpt);
    }
    if (++c->rcpt < last) {
        if (!pipelines(w, c))
            say_command(w, c, c->rcpt + 1, RCPT);
        return;
    }
    if (pipelines(w, c)) {
        c->step = DATA;
    } else if (l->taken) {
        say_command(w, c, last + 1, DATA);
    } else {
        c->unclean = true;
        refused(w, c);
    }
}

/* What follows the dot in the same write. */
static void add_behind(struct worker *w, struct client *c)
{
    if (!pipelines(w, c) || c->ending)
        return;
    enum claim got = is_full(w, c) || worker_over(w) ? NONE_LEFT : next_letter(w, c);
    if (got == CLAIMED)
        add_envelope(w, c, &w->tail);
    else if (got == NONE_LEFT)
        kr_buf_add(&w->tail, "QUIT\r\n", 6);
    c->leaving = got == NONE_LEFT;
}

static void send_content(struct worker *w, struct client *c)
{
    uint64_t n = c->letter[0].n;
    w->head.len = w->tail.len = 0;
    kr_mail_header(w->run->mail, n, &w->date, &w->head);
    kr_buf_add(&w->tail, ".\r\n", 3);
    add_behind(w, c);
    c->behind_dot = w->tail.len - 3;
    c->content = true;
    c->step = DOT;
    send_it(w, c, kr_mail_body(w->run->mail, n));
}

/* Some refused recipients do not refuse the message. A server that says 354 all the same, though no
 * recipient was taken, gets an empty one, which it must refuse (RFC 2920 3.1). */
static void on_data(struct worker *w, struct client *c)
{
    struct letter *l = &c->letter[0];
    bool go = c->reply.code == 354;
    if (go && l->taken) {
        l->code = NO_CODE;
        send_content(w, c);
    } else if (go) {
        say(w, c, ".\r\n", DOT);
    } else {
        if (l->taken) {
            l->code = NO_CODE;
            refuse(c, KR_GEN_AT_data);
        }
        c->unclean = true;
        refused(w, c);
    }
}

/* An answer that comes before the dot went out is one to the message; what else was to be sent
 * would be taken for commands, so the connection ends. */
static void answered_early(struct worker *w, struct client *c)
{
    if (c->reply.code < 400) {
        client_lost(w, c, KR_GEN_garbage, "content was accepted before its end");
        return;
    }
    kr_gen_code(w->stats, KR_GEN_AT_dot, c->reply.code);
    tell_refusal(w, c);
    client_outcome(w, c, c->reply.code < 500 ? KR_GEN_deferred : KR_GEN_refused);
    c->ending |= !w->run->cfg->keep_going;
    c->sent = 0;
    client_lost(w, c, KR_GEN_disconnected, "it answered before the end of the content");
}

static void on_dot(struct worker *w, struct client *c)
{
    struct letter *l = &c->letter[0];
    if (l->code != NO_CODE) { /* an empty one */
        refused(w, c);
    } else if (client_left(c) > c->behind_dot && c->reply.code != 421) {
        answered_early(w, c);
    } else if (good(c)) {
        accepted(w, c);
    } else {
        refuse(c, KR_GEN_AT_dot);
        refused(w, c);
    }
}

static void on_quit(struct worker *w, struct client *c)
{
    bool more = !c->ending && !worker_over(w) && (c->held || !w->exhausted);
    client_close(w, c);
    if (more)
        list_put(w, c, TO_OPEN);
    else
        client_end(w, c);
}

/* ---- dispatch ---------------------------------------------------------------------------------*/

struct answer {
    void (*on)(struct worker *w, struct client *c);
    uint16_t wanted; /* anything else is the end of the session; 0: anything will do */
};

static const struct answer answers[STEPS] = {
    [GREETING] = {on_greeting, 220}, [EHLO] = {on_ehlo, 250}, [STARTTLS] = {on_starttls, 220},
    [RSET] = {on_rset, 250},         [MAIL] = {on_mail, 0},   [RCPT] = {on_rcpt, 0},
    [DATA] = {on_data, 0},           [DOT] = {on_dot, 0},     [QUIT] = {on_quit, 0},
};

static enum kr_gen_stage stage_of(const struct client *c)
{
    return c->step == MAIL || c->step == RSET ? KR_GEN_AT_mail
           : c->step == RCPT                  ? KR_GEN_AT_rcpt
           : c->step == DATA                  ? KR_GEN_AT_data
                                              : KR_GEN_AT_dot;
}

void client_reply(struct worker *w, struct client *c)
{
    const struct answer *a = &answers[c->step];
    const struct kr_reply *r = &c->reply;
    if (c->step == READY) { /* nothing was asked: 421, because nothing was said for long */
        client_lost(w, c, KR_GEN_disconnected, "it was closed while idle");
    } else if (!a->on) {
        client_lost(w, c, KR_GEN_garbage, "a reply that nothing asked for");
    } else if (r->code == 421 && c->step >= RSET && c->step < QUIT) {
        c->letter[0].code = NO_CODE;
        refuse(c, stage_of(c));
        refused(w, c);
    } else if (a->wanted && r->code != a->wanted) {
        complain(w, "%s: no session: %.*s", w->run->cfg->target, (int)r->text_len, r->text);
        kr_gen_add(w->stats, KR_GEN_greeting_refused, 1);
        client_trouble(w, c);
    } else {
        a->on(w, c);
    }
}

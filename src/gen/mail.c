#include "mail_internal.h"

#include <kr/err.h>
#include <kr/gen_config.h>
#include <kr/mem.h>
#include <kr/mix.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Which random number of a message is which; recipient i has two more from RECIPIENTS on. */
enum slot { SENDER_SLOT, ID_HIGH, ID_LOW, RECIPIENTS };

static const char *const own_names[] = {"From", "To", "Subject", "Date", "Message-Id", "X-Mailer"};
_Static_assert(sizeof own_names / sizeof *own_names == OWN_HEADERS, "a name for each header");

static uint64_t chance(const struct kr_mail *m, uint64_t n, unsigned slot)
{
    return kr_mix(kr_mix(m->seed + n * KR_MIX_STEP) + slot * KR_MIX_STEP);
}

struct text kr_mail_keep(struct kr_mail *m, const char *s, size_t n)
{
    struct text t = {(uint32_t)m->texts.len, (uint32_t)n};
    kr_buf_add(&m->texts, s, n);
    return t;
}

static void add_text(const struct kr_mail *m, struct text t, struct kr_buf *out)
{
    kr_buf_add(out, m->texts.s + t.at, t.len);
}

#define ADD(out, literal) kr_buf_add(out, literal, sizeof(literal) - 1)

static void add_number(struct kr_buf *out, uint64_t v)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + v % 10);
    while (v /= 10);
    kr_buf_add(out, digits + at, sizeof digits - at);
}

static void add_hex(struct kr_buf *out, uint64_t v)
{
    char digits[16];
    for (size_t i = sizeof digits; i--; v >>= 4)
        digits[i] = "0123456789abcdef"[v & 15];
    kr_buf_add(out, digits, sizeof digits);
}

/* ---- before the run ---------------------------------------------------------------------------*/

static void take_domains(struct kr_mail *m, const struct kr_gen_config *cfg)
{
    static const struct kr_gen_domain usual[] = {
        {"aol.com", 7, 1}, {"gmail.com", 9, 1}, {"hotmail.com", 11, 1}, {"yahoo.com", 9, 1}};
    const struct kr_gen_domain *d = cfg->domains ? cfg->domain : usual;
    size_t n = cfg->domains ? cfg->domains : sizeof usual / sizeof *usual;
    KR_AUTO_FREE double *weight = kr_calloc(n, sizeof *weight);
    m->domain = kr_calloc(n, sizeof *m->domain);
    for (size_t i = 0; i < n; i++) {
        char name[640];
        int len = snprintf(name, sizeof name, "%.*s%s%s", (int)d[i].len, d[i].name,
                           *cfg->suffix ? "." : "", cfg->suffix);
        m->domain[i] = kr_mail_keep(m, name, (size_t)len);
        weight[i] = d[i].weight;
    }
    kr_weights_make(&m->domains, weight, n);
}

static void take_headers(struct kr_mail *m, const struct kr_gen_config *cfg)
{
    for (size_t i = 0; i < cfg->headers.n; i++) {
        const char *h = cfg->headers.v[i];
        size_t name = strcspn(h, ":");
        kr_buf_printf(&m->headers, "%s\r\n", h);
        for (size_t k = 0; k < OWN_HEADERS; k++)
            m->given[k] |= strlen(own_names[k]) == name && strncasecmp(h, own_names[k], name) == 0;
    }
}

static int take_bodies(struct kr_mail *m, const struct kr_gen_config *cfg, struct kr_err *e)
{
    m->body = kr_grow(NULL, &m->body_cap, 1, sizeof *m->body);
    if (!cfg->body_file)
        kr_body_words(&m->body[0], cfg->body_size);
    else if (kr_body_read(&m->body[0], cfg->body_file, e))
        return kr_wrap(e, "--body-file");
    m->bodies = 1;
    if (cfg->mail_file && kr_mail_file_read(m, cfg->mail_file, cfg->suffix, e))
        return kr_wrap(e, "--mail-file");
    return 0;
}

struct kr_mail *kr_mail_make(const struct kr_gen_config *cfg, struct kr_err *e)
{
    struct kr_mail *m = kr_calloc(1, sizeof *m);
    m->seed = kr_mix(cfg->seed);
    m->recipients = (unsigned)cfg->recipients;
    m->compat = cfg->compat == KR_GEN_COMPAT_TRAFFIC_GEN;
    m->given[OWN_DATE] = m->compat; /* which has none */
    take_domains(m, cfg);
    take_headers(m, cfg);
    if (take_bodies(m, cfg, e) == 0)
        return m;
    kr_mail_free(m);
    return NULL;
}

void kr_mail_free(struct kr_mail *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->bodies; i++)
        free(m->body[i].text);
    free(m->body);
    free(m->row);
    free(m->domain);
    kr_weights_free(&m->domains);
    kr_weights_free(&m->by_row);
    kr_buf_free(&m->texts);
    kr_buf_free(&m->headers);
    free(m);
}

/* ---- a message --------------------------------------------------------------------------------*/

static const struct row *row_of(const struct kr_mail *m, uint64_t n, unsigned recipient)
{
    if (!m->row)
        return NULL;
    return &m->row[kr_weights_draw(&m->by_row, chance(m, n, RECIPIENTS + 2 * recipient))];
}

static struct text domain_for(const struct kr_mail *m, uint64_t bits)
{
    return m->domain[kr_weights_draw(&m->domains, bits)];
}

static void add_recipient(const struct kr_mail *m, uint64_t n, unsigned i, struct kr_buf *out)
{
    const struct row *r = row_of(m, n, i);
    if (r) {
        add_text(m, r->recipient, out);
        return;
    }
    ADD(out, "user-");
    add_number(out, chance(m, n, RECIPIENTS + 1 + 2 * i));
    ADD(out, "@");
    add_text(m, domain_for(m, chance(m, n, RECIPIENTS + 2 * i)), out);
}

static void add_sender(const struct kr_mail *m, uint64_t n, struct kr_buf *out)
{
    const struct row *r = row_of(m, n, 0);
    if (r && r->sender.len) {
        add_text(m, r->sender, out);
        return;
    }
    ADD(out, "noreply@");
    add_text(m, domain_for(m, chance(m, n, SENDER_SLOT)), out);
}

unsigned kr_mail_recipients(const struct kr_mail *m)
{
    return m->recipients;
}

void kr_mail_command(const struct kr_mail *m, uint64_t n, unsigned which, bool eight,
                     struct kr_buf *out)
{
    if (which > m->recipients) {
        ADD(out, "DATA\r\n");
    } else if (which) {
        ADD(out, "RCPT TO:<");
        add_recipient(m, n, which - 1, out);
        ADD(out, ">\r\n");
    } else {
        ADD(out, "MAIL FROM:<");
        add_sender(m, n, out);
        ADD(out, ">");
        if (eight && kr_mail_body(m, n)->high)
            ADD(out, " BODY=8BITMIME");
        ADD(out, "\r\n");
    }
}

/* RFC 5322 3.3, in UTC. */
static void look_at_clock(struct kr_mail_now *now)
{
    struct timespec t;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME_COARSE, &t);
    if (t.tv_sec == now->second)
        return;
    now->second = t.tv_sec;
    now->len = strftime(now->date, sizeof now->date, "%a, %d %b %Y %H:%M:%S +0000",
                        gmtime_r(&t.tv_sec, &tm));
}

static void add_id(const struct kr_mail *m, uint64_t n, struct kr_buf *out)
{
    ADD(out, "Message-Id: ");
    if (!m->compat)
        ADD(out, "<");
    add_hex(out, chance(m, n, ID_HIGH));
    add_hex(out, chance(m, n, ID_LOW));
    if (!m->compat) {
        ADD(out, "@");
        add_text(m, domain_for(m, chance(m, n, SENDER_SLOT)), out);
        ADD(out, ">");
    }
    ADD(out, "\r\n");
}

/* As traffic-gen writes them, in its order. */
static void add_own(const struct kr_mail *m, uint64_t n, struct kr_mail_now *now,
                    struct kr_buf *out)
{
    if (!m->given[OWN_FROM]) {
        ADD(out, "From: <");
        add_sender(m, n, out);
        ADD(out, ">\r\n");
    }
    for (unsigned i = 0; i < m->recipients && !m->given[OWN_TO]; i++) {
        kr_buf_add(out, i ? " <" : "To: <", i ? 2 : 5);
        add_recipient(m, n, i, out);
        kr_buf_add(out, i + 1 < m->recipients ? ">,\r\n" : ">\r\n", i + 1 < m->recipients ? 4 : 3);
    }
    if (!m->given[OWN_SUBJECT]) {
        ADD(out, "Subject: test ");
        kr_buf_add(out, now->date, now->len);
        ADD(out, "\r\n");
    }
    if (!m->given[OWN_DATE]) {
        ADD(out, "Date: ");
        kr_buf_add(out, now->date, now->len);
        ADD(out, "\r\n");
    }
    if (!m->given[OWN_ID])
        add_id(m, n, out);
    if (m->given[OWN_MAILER])
        return;
    if (m->compat)
        ADD(out, "X-Mailer: KumoMta traffic-gen\r\n");
    else
        ADD(out, "X-Mailer: kumo-gen " KR_VERSION "\r\n");
}

void kr_mail_header(const struct kr_mail *m, uint64_t n, struct kr_mail_now *now,
                    struct kr_buf *out)
{
    bool whole = kr_mail_body(m, n)->whole;
    look_at_clock(now);
    if (!whole)
        add_own(m, n, now, out);
    if (m->headers.len)
        kr_buf_add(out, m->headers.s, m->headers.len);
    if (!whole)
        ADD(out, "\r\n");
}

const struct kr_body *kr_mail_body(const struct kr_mail *m, uint64_t n)
{
    const struct row *r = row_of(m, n, 0);
    return &m->body[r ? r->body : 0];
}

void kr_mail_hello(const struct kr_mail *m, uint64_t bits, struct kr_buf *out)
{
    ADD(out, "EHLO ");
    add_text(m, domain_for(m, bits), out);
    ADD(out, "\r\n");
}

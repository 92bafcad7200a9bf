/* Theory of operation
 *
 * Only CRLF.CRLF ends the content. Other software may also take LF or CR alone for a line break;
 * a dot alone between two breaks of any kind that are not both CRLF is a *false end*, and one that
 * a command follows is how mail is smuggled past such software. So the scanner follows lines in
 * the lenient sense (`at`, `brk`: where in the line, and what broke the line before it), while
 * line lengths and dot stuffing follow CRLF alone (RFC 5321 2.3.8).
 *
 * Nearly all content is lines without surprises: those are taken whole with two memchr calls.
 * Everything else goes through step(), an octet at a time, which knows nothing of buffers; so the
 * result can't depend on how the content was cut.
 */
#include <kr/sink_scanner.h>

#include <string.h>
#include <strings.h>

enum at { START, DOT, TEXT, CR_SEEN = 4 }; /* START|CR_SEEN: a CR that may become CRLF, and so on */
enum brk { BY_CRLF, BY_LF, BY_CR };

static const char verbs[][5] = {"EHLO", "HELO", "MAIL", "RCPT", "DATA", "BDAT",
                                "RSET", "NOOP", "VRFY", "QUIT", "HELP", "EXPN"};

void kr_scan_begin(struct kr_scan *s)
{
    *s = (struct kr_scan){.at = START, .brk = BY_CRLF};
}

static bool is_verb(const char v[static 4])
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strncasecmp(v, verbs[i], 4) == 0)
            return true;
    return false;
}

/* After a false end: hunt is 1 + the octets of a verb gathered so far; 0: not hunting. */
static void hunt(struct kr_scan *s, char c)
{
    if (s->hunt <= 4) {
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        s->verb[s->hunt - 1] = c;
        s->hunt = letter ? (uint8_t)(s->hunt + 1) : 0;
        return;
    }
    if ((c == ' ' || c == '\r' || c == '\n') && is_verb(s->verb))
        s->smuggle++;
    s->hunt = 0;
}

static void lengthen(struct kr_scan *s, size_t n)
{
    if (s->line_len > KR_SCAN_LONG)
        return;
    if (n > KR_SCAN_LONG - s->line_len) {
        s->long_lines++;
        n = KR_SCAN_LONG + 1 - s->line_len;
    }
    s->line_len += (uint32_t)n;
}

static void start_line(struct kr_scan *s, enum brk how)
{
    s->at = START;
    s->brk = (uint8_t)how;
    if (how == BY_CRLF)
        s->line_len = 0;
}

/* A dot that began a real line and turned out not to be the end was stuffed. */
static void unstuff(struct kr_scan *s)
{
    if (s->at == DOT && s->brk == BY_CRLF)
        s->bytes--;
    else if (s->at == DOT)
        lengthen(s, 1);
}

/* The octet after a CR. True: CRLF.CRLF is complete. */
static bool after_cr(struct kr_scan *s, char c)
{
    bool dot = s->at == (DOT | CR_SEEN);
    if (c == '\n' && dot && s->brk == BY_CRLF)
        return true;
    s->at &= (uint8_t)~CR_SEEN;
    unstuff(s);
    start_line(s, c == '\n' ? BY_CRLF : BY_CR);
    s->hunt = dot ? 1 : s->hunt;
    if (c != '\n') {
        s->bare_cr++;
        lengthen(s, 1);
    }
    return false;
}

static void plain(struct kr_scan *s, char c)
{
    if (c == '\r') {
        s->at |= CR_SEEN;
        return;
    }
    bool dot = s->at == DOT;
    if (c == '.' && s->at == START) {
        s->at = DOT;
        return;
    }
    unstuff(s);
    lengthen(s, 1);
    s->at = TEXT;
    if (c == '\n') {
        s->bare_lf++;
        start_line(s, BY_LF);
        s->hunt = dot ? 1 : 0;
    }
}

/* One octet, already counted in bytes. True: it was the last one. */
static bool step(struct kr_scan *s, char c)
{
    bool was_cr = s->at & CR_SEEN;
    if (!was_cr && s->hunt)
        hunt(s, c);
    if (was_cr) {
        if (s->hunt)
            hunt(s, c);
        if (after_cr(s, c))
            return true;
        if (c == '\n')
            return false;
        if (s->hunt == 1)
            hunt(s, c);
    }
    plain(s, c);
    return false;
}

/* The next LF at or after p, looked for once: *lf stays valid until p has passed it. */
static const char *next_lf(const char *p, const char *end, const char **lf)
{
    if (!*lf || *lf < p) {
        *lf = memchr(p, '\n', (size_t)(end - p));
        *lf = *lf ? *lf : end;
    }
    return *lf;
}

/* Takes a whole line, or a run of ordinary octets inside one; returns how many octets. */
static size_t leap(struct kr_scan *s, const char *p, const char *end, const char **lf)
{
    if (s->hunt || (s->at != TEXT && (s->at != START || s->brk != BY_CRLF || *p == '.')))
        return 0;
    const char *stop = next_lf(p, end, lf), *cr = memchr(p, '\r', (size_t)(stop - p));
    size_t n = (size_t)((cr ? cr : stop) - p);
    lengthen(s, n);
    if (n && cr && cr + 1 == stop && stop < end) {
        start_line(s, BY_CRLF);
        return n + 2;
    }
    if (n)
        s->at = TEXT;
    return n;
}

size_t kr_scan_feed(struct kr_scan *s, const char *data, size_t n, bool *ended)
{
    const char *p = data, *end = data + n, *lf = NULL;
    while (p < end) {
        size_t skip = leap(s, p, end, &lf);
        p += skip;
        s->bytes += skip;
        if (skip)
            continue;
        s->bytes++;
        if (step(s, *p++)) {
            s->bytes -= 3;
            *ended = true;
            break;
        }
    }
    return (size_t)(p - data);
}

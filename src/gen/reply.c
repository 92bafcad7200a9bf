#include <kr/gen_reply.h>

#include <string.h>
#include <strings.h>

struct offer {
    const char *keyword;
    enum kr_reply_offer bit;
};

void kr_reply_reset(struct kr_reply *r)
{
    memset(r, 0, sizeof *r);
}

static void look_for_offer(struct kr_reply *r, const char *text, size_t n)
{
    static const struct offer offers[] = {{"PIPELINING", KR_REPLY_PIPELINING},
                                          {"STARTTLS", KR_REPLY_STARTTLS},
                                          {"8BITMIME", KR_REPLY_8BITMIME}};
    size_t word = 0;
    while (word < n && text[word] != ' ')
        word++;
    for (size_t i = 0; i < sizeof offers / sizeof *offers; i++)
        if (strlen(offers[i].keyword) == word && strncasecmp(text, offers[i].keyword, word) == 0)
            r->offers |= (uint8_t)offers[i].bit;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* 1: the reply is whole; 0: more lines follow; -1: garbage. */
static int line(struct kr_reply *r, const char *s, size_t n)
{
    n -= n && s[n - 1] == '\r';
    bool code = n >= 3 && s[0] >= '2' && s[0] <= '5' && is_digit(s[1]) && is_digit(s[2]);
    bool more = n > 3 && s[3] == '-';
    if (!code || (n > 3 && !more && s[3] != ' '))
        return -1;
    unsigned value =
        (unsigned)(s[0] - '0') * 100 + (unsigned)(s[1] - '0') * 10 + (unsigned)(s[2] - '0');
    if (r->begun && r->begun != value)
        return -1;
    if (!r->begun) {
        r->offers = 0;
        r->lines = 0;
        r->crowded = false;
    }
    if (r->lines)
        look_for_offer(r, s + 4, n > 4 ? n - 4 : 0);
    r->lines++;
    r->crowded |= n >= 9 && memcmp(s + 4, "4.5.3", 5) == 0 && (n == 9 || !is_digit(s[9]));
    r->begun = more ? (uint16_t)value : 0;
    r->code = (uint16_t)value;
    r->text = s;
    r->text_len = n;
    return !more;
}

static void keep(struct kr_reply *r, const char *s, size_t n)
{
    size_t room = sizeof r->part - r->kept, take = n < room ? n : room;
    memcpy(r->part + r->kept, s, take);
    r->kept = (uint16_t)(r->kept + take);
    r->length += (uint32_t)n;
}

int kr_reply_read(struct kr_reply *r, const char **data, size_t *n)
{
    while (*n) {
        const char *s = *data, *lf = memchr(s, '\n', *n);
        size_t len = lf ? (size_t)(lf - s) : *n;
        if (len + r->length > KR_REPLY_LONGEST)
            return -1;
        *data += len + (lf != NULL);
        *n -= len + (lf != NULL);
        if (!lf || r->length)
            keep(r, s, len);
        if (!lf)
            return 0;
        int got = r->length ? line(r, r->part, r->kept) : line(r, s, len);
        r->length = 0;
        r->kept = 0;
        if (got)
            return got;
    }
    return 0;
}

/* AUTH PLAIN and AUTH LOGIN (RFC 4954, RFC 4616): any name and any password will do, but what is
 * sent must have the form the mechanism asks for. Nothing of it is kept. */
#include "session_internal.h"

#include <kr/base64.h>
#include <kr/sink_tally.h>

enum dialogue { NONE, PLAIN, LOGIN_NAME, LOGIN_PASSWORD };

/* Counts the NUL octets in the decoded text; -1: it is no base64 (RFC 4648 4). */
static int count_nuls(struct arg a)
{
    unsigned bits = 0, have = 0;
    size_t pad = 0;
    int nuls = 0;
    while (pad < 2 && pad < a.n && a.p[a.n - 1 - pad] == '=')
        pad++;
    if (a.n % 4)
        return -1;
    for (size_t i = 0; i < a.n - pad; i++) {
        int value = kr_base64_value(a.p[i]);
        if (value < 0)
            return -1;
        bits = bits << 6 | (unsigned)value;
        have += 6;
        if (have < 8)
            continue;
        have -= 8;
        nuls += (bits >> have & 0xff) == 0;
    }
    return nuls;
}

static void finish(struct kr_sink_ctx *x, struct kr_sink_session *s)
{
    s->dialogue = NONE;
    s->authed = true;
    kr_tally(x, KR_SINK_auth, 1);
    kr_sink_reply(x, 235, "2.7.0 Whoever you are");
}

static void give_up(struct kr_sink_ctx *x, struct kr_sink_session *s, const char *why)
{
    s->dialogue = NONE;
    kr_sink_reply(x, 501, "5.5.2 %s", why);
}

/* What the client said to the challenge before; "=" is an empty initial response. */
static void answered(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a)
{
    int nuls = arg_is(a, "=") ? 0 : count_nuls(a);
    if (nuls < 0) {
        give_up(x, s, "Not base64");
    } else if (s->dialogue == LOGIN_NAME) {
        s->dialogue = LOGIN_PASSWORD;
        kr_sink_reply(x, 334, "UGFzc3dvcmQ6");
    } else if (s->dialogue == PLAIN && nuls != 2) {
        give_up(x, s, "PLAIN wants authorization identity, name and password");
    } else {
        finish(x, s);
    }
}

void kr_sink_auth_line(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a)
{
    if (arg_is(a, "*"))
        give_up(x, s, "Given up");
    else
        answered(x, s, a);
}

void kr_sink_auth(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a)
{
    struct arg mechanism = arg_next_word(&a);
    arg_skip_spaces(&a);
    if (!(x->offers & KR_OFFER_AUTH)) {
        kr_sink_reply(x, 502, "5.5.1 Command not implemented");
    } else if (s->phase != KR_SMTP_READY || !s->extended || s->authed) {
        kr_sink_reply(x, 503, "5.5.1 %s", s->authed ? "Already authenticated" : "Not now");
    } else if (arg_is(mechanism, "PLAIN") || arg_is(mechanism, "LOGIN")) {
        bool plain = arg_is(mechanism, "PLAIN");
        s->dialogue = plain ? PLAIN : LOGIN_NAME;
        if (a.n)
            answered(x, s, a);
        else
            kr_sink_reply(x, 334, "%s", plain ? "" : "VXNlcm5hbWU6");
    } else if (mechanism.n) {
        kr_sink_reply(x, 504, "5.5.4 There are PLAIN and LOGIN");
    } else {
        kr_sink_reply(x, 501, "5.5.4 Syntax: AUTH mechanism");
    }
}

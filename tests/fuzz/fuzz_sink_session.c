/* The first two octets choose what is offered and how the rest is cut: however a client's octets
 * are cut, the replies must be the same. A policy is in force, with delays. */
#include "../../src/sink/session.c"

#include <kr/sink_limits.h>
#include <kr/sink_memory.h>
#include <kr/sink_policy.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char policy[] =
    "[default]\nbounce = 20\ndefer = 20\ndelay_mail = '1s'\n"
    "[provider.p]\ndomains = ['b', '*.b']\nstage = 'rcpt'\nbounce = 50\nrate = 1\ngreylist = '1s'\n"
    "[[rule]]\nlocal = 'f*'\nfault = 'drop'\n[[rule]]\nstage = 'data'\nsender = 'd*'\ncode = 421\n"
    "[[rule]]\nstage = 'ehlo'\npercent = 5\ncode = 450\n";

static struct kr_sink_stats *stats;
static struct kr_policy *compiled;

static void prepare(void)
{
    static const struct kr_policy_how how;
    stats = kr_sink_stats_make(1, NULL);
    compiled = kr_policy_read("p", policy, sizeof policy - 1, &how, NULL);
    if (!stats || !compiled)
        abort();
}

static void talk(const char *d, size_t n, size_t piece, unsigned offers, struct kr_buf *said)
{
    struct kr_sink_ctx x = {.nonce = "n",
                            .offers = offers,
                            .max_size = 50,
                            .max_recipients = 3,
                            .max_messages = 5,
                            .stats = stats,
                            .policy = compiled,
                            .now = 1};
    struct kr_sink_session s = {.dest = KR_SINK_NOWHERE};
    struct kr_sink_peer peer = {0};
    size_t have = 0;
    char *held = malloc(n + 1);
    x.memory = kr_memory_make(64, NULL);
    x.limits = kr_limits_make(1, NULL);
    kr_sink_greet(&x, &s, &peer);
    for (size_t at = 0; at < n || have;) {
        size_t more = piece < n - at ? piece : n - at;
        memcpy(held + have, d + at, more);
        have += more;
        at += more;
        for (size_t used = 1; used && have;) {
            x.delay = 0;
            used = kr_sink_feed(&x, &s, held, have);
            if (used > have || (x.delay && x.delay_at > x.out.len))
                abort();
            have -= used;
            memmove(held, held + used, have);
            kr_buf_add(said, kr_buf_str(&x.out), x.out.len);
            x.out.len = 0;
        }
        if (s.starttls)
            kr_sink_secured(&s, "mx.b");
        if (at == n)
            break;
    }
    kr_sink_hang_up(&x, &s);
    kr_buf_free(&x.out);
    kr_memory_free(x.memory);
    kr_limits_free(x.limits);
    free(held);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kr_buf a = {0}, b = {0};
    if (!stats)
        prepare();
    if (size < 2)
        return 0;
    const char *d = (const char *)data + 2;
    unsigned offers = data[0] & 15u & ~(unsigned)KR_OFFER_STARTTLS;
    size_t n = size - 2, piece = data[1] ? data[1] : 1;
    talk(d, n, n, offers, &a);
    talk(d, n, piece, offers, &b);
    if (a.len != b.len || (a.len && memcmp(a.s, b.s, a.len) != 0))
        abort();
    kr_buf_free(&a);
    kr_buf_free(&b);
    talk(d, n, piece, offers | KR_OFFER_STARTTLS, &a);
    kr_buf_free(&a);
    return 0;
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <kr/addr.h>
#include <kr/err.h>
#include <kr/sink_limits.h>
#include <kr/sink_memory.h>
#include <kr/sink_policy.h>
#include <kr/sink_session.h>
#include <kr/sink_stats.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct kr_policy_how plain;

static struct kr_policy *policy_of(const char *text, const struct kr_policy_how *how)
{
    struct kr_err e = {0};
    struct kr_policy *p = kr_policy_read("t", text, strlen(text), how, &e);
    if (!p)
        fprintf(stderr, "%s\n", e.msg);
    assert_non_null(p);
    return p;
}

struct rig {
    struct kr_sink_ctx x;
    struct kr_sink_session s;
    struct kr_sink_peer peer;
};

static struct kr_sink_stats *stats;
static struct kr_memory *memory;
static struct kr_limits *limits;

static int set_up(void **state)
{
    (void)state;
    stats = kr_sink_stats_make(1, NULL);
    return stats ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    kr_sink_stats_free(stats, 1);
    return 0;
}

static struct kr_addr addr(const char *text)
{
    struct kr_addr a;
    assert_int_equal(kr_addr_parse(text, &a, NULL), 0);
    return a;
}

/* A fresh memory, and nobody connected yet. */
static void rig_up(struct rig *r, const char *text, const struct kr_policy_how *how)
{
    memory = kr_memory_make(4096, NULL);
    limits = kr_limits_make(1, NULL);
    *r = (struct rig){.peer = {addr("192.0.2.1"), addr("203.0.113.5"), true}};
    r->x = (struct kr_sink_ctx){.nonce = "n",
                                .max_size = 1000,
                                .max_recipients = 100,
                                .now = 1000000000,
                                .stats = stats,
                                .policy = policy_of(text, how),
                                .memory = memory,
                                .limits = limits};
}

static void rig_down(struct rig *r)
{
    kr_sink_hang_up(&r->x, &r->s);
    kr_policy_drop(r->x.policy);
    kr_buf_free(&r->x.out);
    kr_memory_free(memory);
    kr_limits_free(limits);
}

/* Hangs up, connects again and says hello; returns the code of the greeting. */
static int meet(struct rig *r)
{
    kr_sink_hang_up(&r->x, &r->s);
    r->s = (struct kr_sink_session){.dest = KR_SINK_NOWHERE};
    r->x.out.len = r->x.delay = 0;
    kr_sink_greet(&r->x, &r->s, &r->peer);
    int code = atoi(kr_buf_str(&r->x.out));
    r->x.out.len = 0;
    return code;
}

/* The code of the last reply to a line. */
static int ask(struct rig *r, const char *line)
{
    r->x.out.len = r->x.delay = 0;
    kr_sink_feed(&r->x, &r->s, line, strlen(line));
    const char *last = kr_buf_str(&r->x.out);
    for (const char *p = strstr(last, "\r\n"); p && p[2]; p = strstr(p + 2, "\r\n"))
        last = p + 2;
    return r->x.out.len ? atoi(last) : 0;
}

/* Sends a message to one recipient in a connection of its own; returns the first code that refuses
 * it, else that of the dot. */
static int send_to(struct rig *r, const char *from, const char *rcpt)
{
    char line[300];
    int code = meet(r);
    if (code != 220)
        return code;
    if ((code = ask(r, "EHLO me\r\n")) != 250)
        return code;
    snprintf(line, sizeof line, "MAIL FROM:<%s>\r\n", from);
    if ((code = ask(r, line)) != 250)
        return code;
    snprintf(line, sizeof line, "RCPT TO:<%s>\r\n", rcpt);
    if ((code = ask(r, line)) != 250)
        return code;
    if ((code = ask(r, "DATA\r\n")) != 354)
        return code;
    return ask(r, "x\r\n.\r\n");
}

static int send_plain(struct rig *r, const char *rcpt)
{
    return send_to(r, "a@b.example", rcpt);
}

struct share {
    int refused, deferred, accepted;
};

static struct share shares(struct rig *r, const char *domain, int n)
{
    struct share got = {0};
    for (int i = 0; i < n; i++) {
        char rcpt[100];
        snprintf(rcpt, sizeof rcpt, "user-%d@%s", i, domain);
        int code = send_plain(r, rcpt);
        (*(code >= 500 ? &got.refused : code >= 400 ? &got.deferred : &got.accepted))++;
    }
    return got;
}

/* The file of KumoMTA's smart sink in small, with each of its quirks. */
static const char kumo[] =
    "[default]\nbounce=10\ndefer=5\n"
    "[domain.\"one.example\"]\nbounce = 1\ndefer = 20\n"
    "[domain.\"rates.example\"]\nbounce = 50\ndefer = 50\n"
    "[domain.\"all.example\"]\nbounce = 0\ndefer = 100\n"
    "[[defer.\"all.example\"]]\ncode=421\nmsg=\"421-4.7.0 a\\r\\n421,4.7.0 b\"\n"
    "[[defer.\"wrong.example\"]]\ncode=550\nmsg=\"5.5.0 gone \\n550 away\"\n"
    "[[bounce.\"texts.example\"]]\ncode=552\nmsg=\"5.2.2 full\"\n"
    "[[bounce.\"texts.example\"]]\ncode=553\nmsg=\"5.1.2 bad\"\n";

static void test_kumo(void **state)
{
    struct rig r;
    (void)state;
    rig_up(&r, kumo, &plain);
    struct share s = shares(&r, "elsewhere.example", 20000);
    assert_in_range(s.refused, 1850, 2150);
    assert_in_range(s.deferred, 880, 1120);
    s = shares(&r, "one.example", 20000);
    assert_in_range(s.refused, 140, 260);
    s = shares(&r, "rates.example", 1000);
    assert_int_equal(s.accepted, 0);
    s = shares(&r, "texts.example", 20000);
    assert_in_range(s.refused, 1850, 2150);
    s = shares(&r, "ALL.example", 1000);
    assert_in_range(s.accepted, 700, 950);
    assert_int_equal(send_plain(&r, "x@all.example"), 421);
    assert_true(r.s.over && r.s.shut);
    rig_down(&r);
}

static void test_special(void **state)
{
    static const struct {
        const char *rcpt;
        int code, compat;
    } rows[] = {
        {"a-tempfail@all.example", 421, 400},     {"tempfail@x.example", 451, 400},
        {"permfail@texts.example", 552, 500},     {"permfail@x.example", 550, 500},
        {"450-x@all.example", 450, 450},          {"250-x@all.example", 250, 250},
        {"tempfailpermfail@x.example", 451, 400}, {"tempfail@wrong.example", 550, 400},
    };
    static const struct kr_policy_how compat = {.compat = true};
    struct rig r;
    (void)state;
    for (int mode = 0; mode < 2; mode++) {
        rig_up(&r, kumo, mode ? &compat : &plain);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            int code = send_plain(&r, rows[i].rcpt), want = mode ? rows[i].compat : rows[i].code;
            if (want == 552 && code == 553)
                code = 552;
            assert_int_equal(code, want);
        }
        rig_down(&r);
    }
}

/* The original's dice: random(1..100) < percent. */
static void test_compat(void **state)
{
    static const struct kr_policy_how compat = {.compat = true};
    struct rig r;
    (void)state;
    rig_up(&r, kumo, &compat);
    struct share s = shares(&r, "one.example", 10000);
    assert_int_equal(s.refused, 0);
    assert_in_range(s.deferred, 1850, 2150);
    s = shares(&r, "elsewhere.example", 20000);
    assert_in_range(s.refused, 1660, 1940);
    assert_in_range(s.deferred, 880, 1120);
    rig_down(&r);
}

/* The same seed gives the same answers in any order; another seed gives others; each attempt of a
 * recipient is decided anew. */
static void test_repeatable(void **state)
{
    enum { N = 500 };
    static const char text[] = "[default]\nbounce = 30\ndefer = 30\n";
    static const struct kr_policy_how other = {.seed = "12345"};
    int code[N][3], same = 0;
    char rcpt[100];
    struct rig r;
    (void)state;
    rig_up(&r, text, &plain);
    for (int try = 0; try < 3; try++)
        for (int i = 0; i < N; i++) {
            snprintf(rcpt, sizeof rcpt, "u%d@d.example", i);
            code[i][try] = send_plain(&r, rcpt);
        }
    rig_down(&r);
    rig_up(&r, text, &plain);
    for (int i = N - 1; i >= 0; i--)
        for (int try = 0; try < 3; try++) {
            snprintf(rcpt, sizeof rcpt, "U%d@D.example", i);
            assert_int_equal(send_plain(&r, rcpt), code[i][try]);
            same += code[i][try] == code[i][0];
        }
    assert_in_range(same, N + 300, N + 900);
    rig_down(&r);
    rig_up(&r, text, &other);
    for (int i = same = 0; i < N; i++) {
        snprintf(rcpt, sizeof rcpt, "u%d@d.example", i);
        same += send_plain(&r, rcpt) == code[i][0];
    }
    assert_in_range(same, 100, 300);
    rig_down(&r);
}

/* ---- rules and providers ------------------------------------------------------------------------
 */

static const struct {
    const char *policy, *from, *rcpt;
    int codes[4]; /* of as many attempts, 0: no more */
} talks[] = {
    {"[[rule]]\nstage='connect'\ncode=554\n", "a@b", "c@d", {554}},
    {"[[rule]]\nstage='ehlo'\ncode=550\n", "a@b", "c@d", {550}},
    {"[[rule]]\nstage='mail'\nsender='*@B.example'\ncode=553\n", "a@b.example", "c@d", {553}},
    {"[[rule]]\nstage='mail'\nsender='*@b.example'\ncode=553\n", "a@x.example", "c@d", {250}},
    {"[[rule]]\nsender='*@b'\ncode=550\n", "a@b", "c@d", {550}},
    {"[[rule]]\nlocal='bo?-*'\ncode=550\n", "a@b", "bob-1@d", {550}},
    {"[[rule]]\nlocal='bo?-*'\ncode=550\n", "a@b", "bob@d", {250}},
    {"[[rule]]\ndomain=['x', '*.d']\ncode=550\n", "a@b", "c@e.d", {550}},
    {"[[rule]]\nmx='203.0.113.0/24'\ncode=550\n", "a@b", "c@d", {550}},
    {"[[rule]]\nmx='203.0.112.0/24'\ncode=550\n", "a@b", "c@d", {250}},
    {"[[rule]]\nsource='192.0.2.1'\ncode=550\nstage='data'\n", "a@b", "c@d", {550}},
    {"[[rule]]\nstage='dot'\ncode=452\nattempts=2\n", "a@b", "c@d", {452, 452, 250, 250}},
    {"[provider.p]\ndomains='d'\n[[rule]]\nprovider='p'\ncode=550\n", "a@b", "c@D", {550}},
    {"[provider.p]\ndomains='*.d'\n[[rule]]\nprovider='p'\ncode=550\n", "a@b", "c@x.y.d", {550}},
    {"[provider.p]\ndomains='*.d'\n[[rule]]\nprovider='p'\ncode=550\n", "a@b", "c@d", {250}},
    {"[provider.p]\nmx='203.0.113.5'\n[[rule]]\nprovider='p'\ncode=550\n", "a@b", "c@any", {550}},
    {"[provider.p]\ndomains='d'\nfail_first=2\n", "a@b", "c@d", {451, 451, 250, 250}},
    {"[provider.p]\ndomains='d'\nbounce=100\nstage='rcpt'\nbounces=[{code=552}]\n",
     "a@b",
     "c@d",
     {552}},
    {"[provider.p]\ndomains='d'\nrate=1\nburst=2\n", "a@b", "c@d", {250, 250, 421, 421}},
    {"[provider.p]\ndomains='d'\ndaily=1\n", "a@b", "c@d", {250, 450, 450}},
    {"[provider.p]\ndomains='d'\ngreylist='5m'\n", "a@b", "c@d", {451, 451, 451}},
    {"special = false\n", "a@b", "tempfail@d", {250}},
    {"[[rule]]\npercent=0\ncode=550\n", "a@b", "c@d", {250}},
};

static void test_talks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof talks / sizeof *talks; i++) {
        struct rig r;
        rig_up(&r, talks[i].policy, &plain);
        for (size_t k = 0; k < 4 && talks[i].codes[k]; k++) {
            int code = send_to(&r, talks[i].from, talks[i].rcpt);
            if (code != talks[i].codes[k])
                fprintf(stderr, "%s\nattempt %zu: %d\n", talks[i].policy, k, code);
            assert_int_equal(code, talks[i].codes[k]);
        }
        rig_down(&r);
    }
}

static void test_greylist_ends(void **state)
{
    struct rig r;
    (void)state;
    rig_up(&r, "[provider.p]\ndomains='d'\ngreylist='5m'\ngreylist_for='1h'\n", &plain);
    assert_int_equal(send_plain(&r, "c@d"), 451);
    r.x.now += 299 * 1000000ll;
    assert_int_equal(send_plain(&r, "c@d"), 451);
    assert_int_equal(send_to(&r, "other@b", "c@d"), 451);
    r.x.now += 2 * 1000000ll;
    assert_int_equal(send_plain(&r, "c@d"), 250);
    r.peer.source = addr("192.0.2.77");
    assert_int_equal(send_plain(&r, "c@d"), 250);
    r.peer.source = addr("192.0.3.1");
    assert_int_equal(send_plain(&r, "c@d"), 451);
    r.peer.source = addr("192.0.2.1");
    r.x.now += 3601 * 1000000ll;
    assert_int_equal(send_plain(&r, "c@d"), 451);
    rig_down(&r);
}

static void test_rate_refills(void **state)
{
    struct rig r;
    int sent = 0;
    (void)state;
    rig_up(&r, "[provider.p]\ndomains='d'\nrate=10\nburst=5\n", &plain);
    for (int i = 0; i < 1000; i++, r.x.now += 10000)
        sent += send_plain(&r, "c@d") == 250;
    assert_in_range(sent, 103, 106);
    r.peer.source = addr("192.0.2.2");
    assert_int_equal(send_plain(&r, "c@d"), 250);
    rig_down(&r);
}

static void test_connection_cap(void **state)
{
    struct rig r;
    struct kr_sink_session held[3] = {0};
    (void)state;
    rig_up(&r, "[provider.p]\nmx='203.0.113.0/24'\nconnections=3\n", &plain);
    for (int i = 0; i < 3; i++) {
        kr_sink_greet(&r.x, &held[i], &r.peer);
        assert_false(held[i].over);
    }
    assert_int_equal(meet(&r), 421);
    assert_true(r.s.shut);
    kr_sink_hang_up(&r.x, &held[0]);
    assert_int_equal(meet(&r), 220);
    for (int i = 1; i < 3; i++)
        kr_sink_hang_up(&r.x, &held[i]);
    rig_down(&r);
}

static void test_delays(void **state)
{
    struct rig r;
    (void)state;
    rig_up(&r,
           "[default]\ndelay_mail='250ms'\ndelay_dot={uniform=['10ms','20ms']}\n"
           "[[rule]]\nlocal='slow'\ndelay={lognormal='1s', sigma=0}\n"
           "[[rule]]\nlocal='stall'\nfault='stall'\n[[rule]]\nlocal='rst'\nfault='reset'\n",
           &plain);
    assert_int_equal(meet(&r), 220);
    ask(&r, "EHLO me\r\n");
    assert_int_equal(ask(&r, "MAIL FROM:<a@b>\r\nNOOP\r\n"), 250);
    assert_int_equal(r.x.delay, 250);
    assert_int_equal(r.x.delay_at, 0);
    assert_int_equal(ask(&r, "RCPT TO:<slow@d>\r\n"), 250);
    assert_in_range(r.x.delay, 999, 1001);
    assert_int_equal(ask(&r, "DATA\r\n"), 354);
    assert_int_equal(r.x.delay, 0);
    assert_int_equal(ask(&r, "x\r\n.\r\n"), 250);
    assert_in_range(r.x.delay, 10, 20);
    ask(&r, "MAIL FROM:<a@b>\r\n");
    assert_int_equal(ask(&r, "RCPT TO:<stall@d>\r\n"), 0);
    assert_true(r.x.delay == KR_SINK_FOREVER);
    meet(&r);
    ask(&r, "EHLO me\r\n");
    ask(&r, "MAIL FROM:<a@b>\r\n");
    assert_int_equal(ask(&r, "RCPT TO:<rst@d>\r\n"), 0);
    assert_int_equal(r.s.fault, KR_FAULT_RESET);
    rig_down(&r);
}

/* A policy that goes while sessions use it stays theirs until the next MAIL. */
static void test_swap(void **state)
{
    struct rig r;
    (void)state;
    rig_up(&r, "[[rule]]\nstage='dot'\ncode=550\n", &plain);
    meet(&r);
    ask(&r, "EHLO me\r\n");
    ask(&r, "MAIL FROM:<a@b>\r\n");
    ask(&r, "RCPT TO:<c@d>\r\n");
    kr_policy_drop(r.x.policy);
    r.x.policy = policy_of("[[rule]]\nstage='rcpt'\ncode=551\n", &plain);
    assert_int_equal(ask(&r, "DATA\r\n"), 354);
    assert_int_equal(ask(&r, ".\r\n"), 550);
    ask(&r, "MAIL FROM:<a@b>\r\n");
    assert_int_equal(ask(&r, "RCPT TO:<c@d>\r\n"), 551);
    assert_int_equal(ask(&r, "DATA\r\n"), 554);
    kr_policy_drop(r.x.policy);
    r.x.policy = NULL;
    ask(&r, "RSET\r\n");
    ask(&r, "MAIL FROM:<a@b>\r\n");
    assert_int_equal(ask(&r, "RCPT TO:<c@d>\r\n"), 250);
    rig_down(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kumo),         cmocka_unit_test(test_special),
        cmocka_unit_test(test_compat),       cmocka_unit_test(test_repeatable),
        cmocka_unit_test(test_talks),        cmocka_unit_test(test_greylist_ends),
        cmocka_unit_test(test_rate_refills), cmocka_unit_test(test_connection_cap),
        cmocka_unit_test(test_delays),       cmocka_unit_test(test_swap),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

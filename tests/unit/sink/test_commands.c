#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <kr/sink_path.h>
#include <kr/sink_session.h>
#include <kr/sink_stats.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kr_sink_stats *stats;

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

/* The codes of all replies to `text`, fed in pieces: "250 354 ". Continuation lines are skipped. */
static void codes_of(const char *text, size_t n, size_t piece, char *codes, size_t room)
{
    struct kr_sink_ctx x = {.nonce = "n", .max_size = 100, .max_recipients = 2, .stats = stats};
    struct kr_sink_session s = {.dest = KR_SINK_NOWHERE};
    size_t have = 0;
    char *held = malloc(n + 1);
    assert_non_null(held);
    for (size_t at = 0; at < n;) {
        size_t more = piece < n - at ? piece : n - at;
        memcpy(held + have, text + at, more);
        have += more;
        at += more;
        for (size_t used = 1; used && have;) {
            used = kr_sink_feed(&x, &s, held, have);
            have -= used;
            memmove(held, held + used, have);
        }
    }
    *codes = '\0';
    for (const char *p = kr_buf_str(&x.out); *p; p = strchr(p, '\n') + 1)
        if (p[3] == ' ' && strlen(codes) + 5 < room)
            strncat(strncat(codes, p, 3), " ", 2);
    free(held);
    kr_buf_free(&x.out);
}

#define HELLO "EHLO me\r\n"
#define MAIL "MAIL FROM:<a@b.example>\r\n"
#define RCPT "RCPT TO:<c@d.example>\r\n"

static const struct {
    const char *said, *codes;
} talks[] = {
    {HELLO MAIL RCPT "DATA\r\nhi\r\n.\r\nQUIT\r\n", "250 250 250 354 250 221 "},
    {"HELO me\r\n" MAIL RCPT "DATA\r\n.\r\nQUIT\r\n", "250 250 250 354 250 221 "},
    {"NOOP\r\nnoop x\r\nRSET\r\nHELP\r\nVRFY a\r\nQUIT\r\n", "250 250 250 214 252 221 "},
    {"EXPN a\r\nSTARTTLS\r\nBDAT 3 LAST\r\nAUTH PLAIN\r\n", "502 502 502 502 "},
    {MAIL RCPT "DATA\r\n", "503 503 503 "},
    {HELLO RCPT "DATA\r\n", "250 503 503 "},
    {HELLO MAIL "DATA\r\n", "250 250 503 "},
    {HELLO MAIL MAIL RCPT, "250 250 503 250 "},
    {HELLO MAIL RCPT "RSET\r\n" RCPT, "250 250 250 250 503 "},
    {HELLO MAIL HELLO RCPT, "250 250 250 503 "},
    {HELLO MAIL RCPT RCPT RCPT "DATA\r\n.\r\n" MAIL RCPT, "250 250 250 250 452 354 250 250 250 "},
    {HELLO "DATA\r\nMAIL\r\nRCPT\r\nEHLO\r\nHELO\r\nVRFY\r\n", "250 503 501 501 501 501 501 "},
    {"DATA x\r\nRSET x\r\nQUIT x\r\nNOPE\r\n\r\n MAIL\r\n", "501 501 501 500 500 501 "},
    {"ehlo me\r\nmail from:<>\r\nrcpt to:<postmaster>\r\ndata\r\n.\r\n", "250 250 250 354 250 "},
    {"NOOP\nNOOP\r\nNO\rOP\r\n", "250 250 500 "},
    {"QUIT\r\nNOOP\r\nNOOP\r\n", "221 "},
    {HELLO "MAIL FROM:<a@b> SIZE=100\r\n", "250 250 "},
    {HELLO "MAIL FROM:<a@b> SIZE=101\r\nMAIL FROM:<a@b>\r\n", "250 552 250 "},
    {HELLO "MAIL FROM:<a@b> SIZE=99999999999999999999\r\n", "250 552 "},
    {HELLO "MAIL FROM:<a@b> SIZE=\r\nMAIL FROM:<a@b> SIZE=1x\r\nMAIL FROM:<a@b> SIZE\r\n",
     "250 501 501 501 "},
    {HELLO "MAIL FROM:<a@b> BODY=8BITMIME SMTPUTF8 SIZE=3\r\n", "250 250 "},
    {HELLO "MAIL FROM:<a@b> body=7bit\r\n", "250 250 "},
    {HELLO "MAIL FROM:<a@b> BODY=BINARYMIME\r\n", "250 501 "},
    {HELLO "MAIL FROM:<a@b> SMTPUTF8=1\r\n", "250 501 "},
    {HELLO "MAIL FROM:<a@b> FOO=1\r\nMAIL FROM:<a@b> SIZEX=1\r\n", "250 555 555 "},
    {"HELO me\r\nMAIL FROM:<a@b> SIZE=1\r\n", "250 555 "},
    {HELLO MAIL "RCPT TO:<a@b> NOTIFY=NEVER\r\nRCPT TO:<>\r\n", "250 250 250 501 "},
    {HELLO
     "MAIL FROM:<\xc3\xa9@b>\r\nMAIL FROM:<\xc3\xa9@b> SMTPUTF8\r\nRCPT TO:<c@\xc3\xa9.x>\r\n",
     "250 553 250 250 "},
    {HELLO MAIL "RCPT TO:<\xc3\xa9@b>\r\n", "250 250 553 "},
    {HELLO "MAIL <a@b>\r\nMAIL FROM a@b\r\nMAIL FROM:\r\nMAIL FROM: <a@b>\r\n",
     "250 501 501 501 250 "},
    {HELLO "MAIL FROM:a@b\r\n" MAIL "RCPT TO:a@b\r\nRCPT TO:<a@b>\tNOTIFY=DELAY\r\n",
     "250 501 250 501 250 "},
    {HELLO "MAIL FROM:<a@b> SIZE=1 size=1\r\nMAIL FROM:<a@b> BODY=7BIT BODY=7BIT\r\n",
     "250 501 501 "},
    {"SEND FROM:<a@b>\r\nSOML FROM:<a@b>\r\nSAML FROM:<a@b>\r\nSENDX\r\n", "502 502 502 500 "},
    {"HELO me\r\n" MAIL "RCPT TO:<a@b> NOTIFY=NEVER\r\n", "250 250 555 "},
};

#define X10 "xxxxxxxxxx"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
static const struct {
    const char *verb, *text;
    int code;
} parameters[] = {
    {"MAIL", "RET=FULL", 250},
    {"MAIL", "ret=hdrs envid=a+2Bb", 250},
    {"MAIL", "RET=", 501},
    {"MAIL", "RET", 501},
    {"MAIL", "RET=FULLX", 501},
    {"MAIL", "RET=FULL RET=FULL", 501},
    {"MAIL", "ENVID=" X100, 250},
    {"MAIL", "ENVID=x" X100, 501},
    {"MAIL", "ENVID=", 501},
    {"MAIL", "ENVID", 501},
    {"MAIL", "ENVID=a+2b", 501},
    {"MAIL", "ENVID=a+2", 501},
    {"MAIL", "ENVID=a+", 501},
    {"MAIL", "ENVID=a=b", 501},
    {"MAIL", "ENVID=\xc3\xa9", 501},
    {"MAIL", "ENVID=\x7f", 501},
    {"MAIL", "NOTIFY=NEVER", 555},
    {"MAIL", "ORCPT=rfc822;a@b", 555},
    {"RCPT", "NOTIFY=NEVER", 250},
    {"RCPT", "NOTIFY=success,FAILURE,Delay", 250},
    {"RCPT", "NOTIFY=DELAY ORCPT=rfc822;a+2Bb@c.example", 250},
    {"RCPT", "NOTIFY=NEVER,DELAY", 501},
    {"RCPT", "NOTIFY=DELAY,NEVER", 501},
    {"RCPT", "NOTIFY=DELAY,DELAY", 501},
    {"RCPT", "NOTIFY=DELAY,", 501},
    {"RCPT", "NOTIFY=,DELAY", 501},
    {"RCPT", "NOTIFY=", 501},
    {"RCPT", "NOTIFY", 501},
    {"RCPT", "NOTIFY=ALWAYS", 501},
    {"RCPT", "NOTIFY=DELAY NOTIFY=DELAY", 501},
    {"RCPT", "ORCPT=rfc822;" X100 X100 X100 X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 "xxx", 250},
    {"RCPT", "ORCPT=rfc822;" X100 X100 X100 X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 "xxxx", 501},
    {"RCPT", "ORCPT=utf-8;\xc3\xa9@b", 250},
    {"RCPT", "ORCPT=utf-8;\xe0\x80\x80@b", 501},
    {"RCPT", "ORCPT=rfc822;\xc3\xa9@b", 501},
    {"RCPT", "ORCPT=rfc822;", 501},
    {"RCPT", "ORCPT=;a@b", 501},
    {"RCPT", "ORCPT=a@b", 501},
    {"RCPT", "ORCPT=rfc_822;a@b", 501},
    {"RCPT", "ORCPT", 501},
    {"RCPT", "RET=FULL", 555},
    {"RCPT", "SIZE=1", 555},
};

static void test_parameters(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
        char text[1024], codes[64], want[64];
        bool rcpt = strcmp(parameters[i].verb, "RCPT") == 0;
        int n = snprintf(text, sizeof text, HELLO "%s%s %s\r\n",
                         rcpt ? "MAIL FROM:<a@b> SMTPUTF8\r\n" : "",
                         rcpt ? "RCPT TO:<c@d>" : "MAIL FROM:<a@b>", parameters[i].text);
        snprintf(want, sizeof want, "250 %s%d ", rcpt ? "250 " : "", parameters[i].code);
        codes_of(text, (size_t)n, 4096, codes, sizeof codes);
        if (strcmp(codes, want) != 0)
            fprintf(stderr, "%s %s\n", parameters[i].verb, parameters[i].text);
        assert_string_equal(codes, want);
    }
}

/* What follows an LF inside a line that is too long is no command. */
static void test_long_with_lf(void **state)
{
    enum { LONG = 9000 };
    char codes[64], *text = malloc(LONG + 32);
    (void)state;
    assert_non_null(text);
    for (size_t lf = 4096; lf < LONG; lf += 611)
        for (size_t piece = 1; piece < 20000; piece = piece * 5 + 1) {
            memset(text, 'x', LONG);
            memcpy(text + lf, "\nQUIT\n\r", 7);
            memcpy(text + LONG, "\r\nNOOP\r\n", 8);
            codes_of(text, LONG + 8, piece, codes, sizeof codes);
            assert_string_equal(codes, "500 250 ");
        }
    free(text);
}

static uint64_t count(enum kr_sink_counter which)
{
    return kr_sink_count(stats, which);
}

/* Accepted, refused and cut messages are all there are, and each octet is counted. */
static void test_accounts(void **state)
{
    static const enum kr_sink_counter which[] = {KR_SINK_messages,      KR_SINK_messages_refused,
                                                 KR_SINK_messages_cut,  KR_SINK_recipients,
                                                 KR_SINK_rcpt_accepted, KR_SINK_bytes};
    static const uint64_t want[] = {1, 1, 1, 2, 5, 2 + 102 + 8};
    static const char text[] =
        HELLO MAIL RCPT "RSET\r\n" MAIL RCPT RCPT "DATA\r\n\r\n.\r\n" MAIL RCPT "DATA\r\n" X100
                        "\r\n.\r\n" MAIL RCPT "DATA\r\nhalf a m";
    struct kr_sink_ctx x = {.nonce = "n", .max_size = 100, .max_recipients = 100, .stats = stats};
    struct kr_sink_session s = {.dest = KR_SINK_NOWHERE};
    uint64_t before[6];
    (void)state;
    for (size_t i = 0; i < 6; i++)
        before[i] = count(which[i]);
    assert_int_equal(kr_sink_feed(&x, &s, text, sizeof text - 1), sizeof text - 1);
    kr_sink_hang_up(&x, &s);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(count(which[i]) - before[i], want[i]);
    kr_buf_free(&x.out);
}

static void test_talks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof talks / sizeof *talks; i++)
        for (size_t piece = 1; piece < 40; piece = piece == 7 ? 4096 : piece + 1) {
            char codes[256];
            codes_of(talks[i].said, strlen(talks[i].said), piece, codes, sizeof codes);
            if (strcmp(codes, talks[i].codes) != 0)
                fprintf(stderr, "in pieces of %zu: %s\n", piece, talks[i].said);
            assert_string_equal(codes, talks[i].codes);
        }
}

static void test_nul(void **state)
{
    char codes[64];
    (void)state;
    codes_of("NO\0OP\r\nNOOP\r\n", 14, 14, codes, sizeof codes);
    assert_string_equal(codes, "500 250 ");
}

/* A line of `len` octets with its CRLF, then NOOP. */
static void one_line(size_t len, size_t piece, const char *want)
{
    char codes[64], *text = malloc(len + 6);
    assert_non_null(text);
    memcpy(text, "NOOP ", 5);
    memset(text + 5, 'x', len - 7);
    memcpy(text + len - 2, "\r\nNOOP\r\n", 8);
    codes_of(text, len + 6, piece, codes, sizeof codes);
    free(text);
    assert_string_equal(codes, want);
}

static void test_line_limit(void **state)
{
    static const size_t pieces[] = {1, 100, 4096, 4097, 100000};
    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        one_line(KR_SINK_LINE_MAX, pieces[i], "250 250 ");
        one_line(KR_SINK_LINE_MAX + 1, pieces[i], "500 250 ");
        one_line(20000, pieces[i], "500 250 ");
    }
}

static void test_size_limit(void **state)
{
    (void)state;
    for (size_t len = 96; len <= 100; len++) {
        char text[512], codes[64];
        int n = snprintf(text, sizeof text, HELLO MAIL RCPT "DATA\r\n%0*d\r\n.\r\nNOOP\r\n",
                         (int)len, 0);
        codes_of(text, (size_t)n, 10, codes, sizeof codes);
        assert_string_equal(codes,
                            len <= 98 ? "250 250 250 354 250 250 " : "250 250 250 354 552 250 ");
    }
}

/* Feeding stops when much was said, and goes on after that. */
static void test_throttle(void **state)
{
    enum { N = 20000 };
    struct kr_sink_ctx x = {.nonce = "n", .stats = stats};
    struct kr_sink_session s = {0};
    char *text = malloc(N * 6);
    size_t at = 0, replies = 0;
    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < N; i++)
        memcpy(text + i * 6, "NOOP\r\n", 6);
    for (int rounds = 0; at < N * 6 && rounds < N; rounds++) {
        x.out.len = 0;
        at += kr_sink_feed(&x, &s, text + at, N * 6 - at);
        assert_true(x.out.len < KR_SINK_REPLIES + 600);
        replies += x.out.len / strlen("250 2.0.0 Ok\r\n");
    }
    assert_int_equal(replies, N);
    free(text);
    kr_buf_free(&x.out);
}

static const struct {
    const char *text;
    enum kr_path_kind kind;
    size_t used;
    const char *local, *domain;
} paths[] = {
    {"<>", KR_PATH_NULL, 2, "", ""},
    {"<> SIZE=1", KR_PATH_NULL, 2, "", ""},
    {"<PostMaster>", KR_PATH_POSTMASTER, 12, "PostMaster", ""},
    {"<a@b>", KR_PATH_MAILBOX, 5, "a", "b"},
    {"<a@b>\tSIZE=1", KR_PATH_MAILBOX, 5, "a", "b"},
    {"<\xe0\xa0\x80@b>", KR_PATH_MAILBOX, 7, "\xe0\xa0\x80", "b"},
    {"<\xed\x9f\xbf@b>", KR_PATH_MAILBOX, 7, "\xed\x9f\xbf", "b"},
    {"<\xf4\x8f\xbf\xbf@b>", KR_PATH_MAILBOX, 8, "\xf4\x8f\xbf\xbf", "b"},
    {"a@b", KR_PATH_BAD, 0, "", ""},
    {"a@b SIZE=1", KR_PATH_BAD, 0, "", ""},
    {"postmaster", KR_PATH_BAD, 0, "", ""},
    {"<\xe0\x80\x80@b>", KR_PATH_BAD, 0, "", ""},
    {"<\xed\xa0\x80@b>", KR_PATH_BAD, 0, "", ""},
    {"<\xf0\x80\x80\x80@b>", KR_PATH_BAD, 0, "", ""},
    {"<\xf4\x90\x80\x80@b>", KR_PATH_BAD, 0, "", ""},
    {"<\xc1\xbf@b>", KR_PATH_BAD, 0, "", ""},
    {"<a@\xed\xa0\x80>", KR_PATH_BAD, 0, "", ""},
    {"<a..b.@b-c.example>", KR_PATH_MAILBOX, 19, "a..b.", "b-c.example"},
    {"<@x,@y.z:a@b>", KR_PATH_MAILBOX, 13, "a", "b"},
    {"<@[192.0.2.1]:a@b>", KR_PATH_MAILBOX, 18, "a", "b"},
    {"<\"a b>\\\"@\"@b>", KR_PATH_MAILBOX, 13, "\"a b>\\\"@\"", "b"},
    {"<a@[192.0.2.1]>", KR_PATH_MAILBOX, 15, "a", "[192.0.2.1]"},
    {"<a@[IPv6:2001:db8::1]>", KR_PATH_MAILBOX, 22, "a", "[IPv6:2001:db8::1]"},
    {"<a+b=c/d@e_f.x>", KR_PATH_MAILBOX, 15, "a+b=c/d", "e_f.x"},
    {"<a@b", KR_PATH_BAD, 0, "", ""},
    {"<a>", KR_PATH_BAD, 0, "", ""},
    {"<@b>", KR_PATH_BAD, 0, "", ""},
    {"<a@>", KR_PATH_BAD, 0, "", ""},
    {"<a@b.>", KR_PATH_BAD, 0, "", ""},
    {"<a@.b>", KR_PATH_BAD, 0, "", ""},
    {"<a b@c>", KR_PATH_BAD, 0, "", ""},
    {"<>x", KR_PATH_BAD, 0, "", ""},
    {"<a@b>x", KR_PATH_BAD, 0, "", ""},
    {"<a@b c>", KR_PATH_BAD, 0, "", ""},
    {"<a@b@c>", KR_PATH_BAD, 0, "", ""},
    {"<\"a@b>", KR_PATH_BAD, 0, "", ""},
    {"<a@[1.2.3]>", KR_PATH_BAD, 0, "", ""},
    {"<a@[IPv6:192.0.2.1]>", KR_PATH_BAD, 0, "", ""},
    {"<@x a@b>", KR_PATH_BAD, 0, "", ""},
    {"<\xff@b>", KR_PATH_BAD, 0, "", ""},
    {"<\xc3>", KR_PATH_BAD, 0, "", ""},
    {"", KR_PATH_BAD, 0, "", ""},
};

static void test_paths(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct kr_path p;
        size_t n = strlen(paths[i].text);
        char *copy = malloc(n ? n : 1);
        assert_non_null(copy);
        memcpy(copy, paths[i].text, n);
        size_t used = kr_path_parse(copy, n, &p);
        if (used != paths[i].used || p.kind != paths[i].kind)
            fprintf(stderr, "%s\n", paths[i].text);
        assert_int_equal(used, paths[i].used);
        assert_int_equal(p.kind, paths[i].kind);
        assert_int_equal(p.local_len, strlen(paths[i].local));
        assert_int_equal(p.domain_len, strlen(paths[i].domain));
        if (p.local_len)
            assert_memory_equal(p.local, paths[i].local, p.local_len);
        if (p.domain_len)
            assert_memory_equal(p.domain, paths[i].domain, p.domain_len);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_talks),      cmocka_unit_test(test_nul),
        cmocka_unit_test(test_line_limit), cmocka_unit_test(test_size_limit),
        cmocka_unit_test(test_throttle),   cmocka_unit_test(test_paths),
        cmocka_unit_test(test_parameters), cmocka_unit_test(test_long_with_lf),
        cmocka_unit_test(test_accounts),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

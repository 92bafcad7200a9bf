/* The readers of mail logs: a line each, good and bad, and the files they come in. */
#include "../base/cmocka_all.h"

#include <kr/audit.h>
#include <kr/buf.h>
#include <kr/mem.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#define NONCE "0123456789abcdef01234567"
#define SINK "kumo-sink " NONCE
#define OK "2.0.0 Ok: " SINK " 0-1f"

/* The run: 2026-11-27, 18:00:00 to 18:10:00 UTC. */
static const struct kr_audit_want run = {
    .signature = SINK, .from = 1795802400000000, .to = 1795803000000000};
static char folder[] = "/tmp/kr-audit.XXXXXX";

static const char *path_of(const char *name, char out[static 128])
{
    snprintf(out, 128, "%s/%s", folder, name);
    return out;
}

static void write_file(const char *name, const void *data, size_t n)
{
    char path[128];
    FILE *f = fopen(path_of(name, path), "w");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    fclose(f);
}

static struct kr_audit look(const char *name)
{
    char path[128];
    struct kr_audit a = {0};
    kr_audit_log(&a, &run, path_of(name, path));
    return a;
}

/* ---- lines --------------------------------------------------------------------------------------
 */

enum is { SINK_, ELSEWHERE, KEPT_, UNKNOWN_, OUTSIDE, NOTHING };
static const char *const is_names[] = {"at the sink", "elsewhere", "kept",
                                       "unknown",     "outside",   "nothing"};
#define KUMO(type, time, rest)                                                                    \
    "{\"type\":\"" type "\",\"id\":\"1d98076abbbc11ed940250ebf67f93bd\",\"timestamp\":" time rest \
    "}"
#define IN "1795802700"
#define TO                                                                                        \
    ",\"recipient\":\"u@gmail.com\",\"peer_address\":{\"name\":\"mx.gmail.com.\",\"addr\":\"142." \
    "250.27.27\"}"
#define SAID(what) ",\"response\":{\"code\":250,\"content\":\"" what "\",\"command\":\".\"}"
#define PF                                                                             \
    "2026-11-27T18:05:00.123456+00:00 mta postfix/smtp[123]: 4XYZ: to=<u@gmail.com>, " \
    "relay=mx.gmail.com[142.250.27.27]:25, delay=1, dsn=2.0.0, status=sent ("
#define EX "2026-11-27 18:05:00 +0000 1vOabc-00000000ABC-2Def "

static const struct {
    const char *line;
    enum is is;
    const char *said;
} lines[] = {
    /* KumoMTA */
    {KUMO("Delivery", IN, TO SAID(OK)), SINK_, NULL},
    {KUMO("Delivery", IN ".75", TO SAID(OK)), SINK_, NULL},
    {KUMO("Delivery", IN, TO SAID("OK gsmtp 12")), ELSEWHERE, "mx.gmail.com. [142.250.27.27]"},
    {KUMO("Delivery", IN, TO SAID("Ok: kumo-sink ffffffffffffffffffffffff 0-1")), ELSEWHERE,
     "ffff"},
    {KUMO("Delivery", IN,
          TO SAID("OK") ",\"source_address\":{\"address\":\"10.0.0.1:0\",\"protocol\":\"socks5\","
                        "\"server\":\"192.168.1.1:1080\"}"),
     ELSEWHERE, "through the proxy 192.168.1.1:1080 (socks5)"},
    {KUMO("Delivery", IN, TO SAID("OK") ",\"delivery_protocol\":\"Lua\""), ELSEWHERE, "by Lua"},
    {KUMO("Delivery", IN, TO ",\"delivery_protocol\":\"Maildir\"" SAID("OK")), KEPT_, NULL},
    {KUMO("Delivery", IN, TO SAID("OK") ",\"reception_protocol\":\"LogRecord\""), NOTHING, NULL},
    {KUMO("Delivery", IN, TO), UNKNOWN_, "without the receiver's answer"},
    {KUMO("Delivery", IN, TO ",\"response\":null"), UNKNOWN_, "without the receiver's answer"},
    {KUMO("Delivery", "1795802000", TO SAID("OK")), OUTSIDE, NULL},
    {KUMO("Delivery", "1795803001", TO SAID("OK")), OUTSIDE, NULL},
    {KUMO("XferOut", IN, TO), ELSEWHERE, "another node"},
    {KUMO("Reception", IN, ""), NOTHING, NULL},
    {KUMO("Bounce", IN, TO SAID("no")), NOTHING, NULL},
    {KUMO("TransientFailure", IN, TO), NOTHING, NULL},
    {KUMO("Teleport", IN, TO), UNKNOWN_, "'Teleport'"},
    {"{\"type\":\"Delivery\"}", UNKNOWN_, "without type or timestamp"},
    {"{\"type\":5,\"timestamp\":" IN "}", UNKNOWN_, "without type or timestamp"},
    {"{\"type\":\"Delivery\",\"timestamp\":\"" IN "\"}", UNKNOWN_, "without type or timestamp"},
    {"{\"type\":\"Delivery\",\"timestamp\":-1}", UNKNOWN_, "without type or timestamp"},
    {"{\"type\":\"Delivery\",\"timest", UNKNOWN_, "no JSON"},
    {"{}garbage", UNKNOWN_, "no JSON"},
    /* Postfix */
    {PF "250 " OK ")", SINK_, NULL},
    {PF "250 2.0.0 OK  1678 gsmtp)", ELSEWHERE,
     "for <u@gmail.com> to mx.gmail.com[142.250.27.27]:25 by postfix/smtp"},
    {PF "250 2.0.0 status=sent (250 " OK "))", SINK_, NULL},
    {"Nov 27 18:05:00 mta postfix/smtp[9]: 4A: to=<a@b>, relay=b[1.2.3.4]:25, status=sent (250 " OK
     ")",
     SINK_, NULL},
    {"Nov 27 18:05:00 mta postfix-out/relay/smtp[9]: 4A: to=<a@b>, relay=b[1.2.3.4]:25, "
     "status=sent (250 ok)",
     ELSEWHERE, "postfix/smtp"},
    {"2026-11-27T18:05:00+0000 mta postfix/lmtp[9]: 4A: to=<a@b>, relay=mta[private/lmtp], "
     "status=sent (250 2.0.0 saved)",
     ELSEWHERE, "postfix/lmtp"},
    {"Nov 27 18:05:00 mta postfix/pipe[9]: 4A: to=<a@b>, relay=cmd, status=sent (delivered via cmd "
     "service)",
     ELSEWHERE, "postfix/pipe"},
    {"Nov 27 18:05:00 mta postfix/local[9]: 4A: to=<a@b>, relay=local, status=sent (delivered to "
     "mailbox)",
     KEPT_, NULL},
    {"Nov 27 18:05:00 mta postfix/local[9]: 4A: to=<a@b>, relay=local, status=sent (delivered to "
     "command: /x)",
     ELSEWHERE, "delivered to command"},
    {"Nov 27 18:05:00 mta postfix/virtual[9]: 4A: to=<a@b>, relay=virtual, status=sent (delivered "
     "to maildir)",
     KEPT_, NULL},
    {"Nov 27 18:05:00 mta postfix/discard[9]: 4A: to=<a@b>, relay=none, status=sent (b)", KEPT_,
     NULL},
    {"Nov 27 17:05:00 mta postfix/smtp[9]: 4A: to=<a@b>, relay=b[1.2.3.4]:25, status=sent (250 ok)",
     OUTSIDE, NULL},
    {"Nov 27 18:05:00 mta postfix/smtp[9]: 4A: to=<a@b>, relay=none, status=deferred (connect)",
     NOTHING, NULL},
    {"Nov 27 18:05:00 mta postfix/qmgr[9]: 4A: removed", NOTHING, NULL},
    {PF "250 2.0.0 half", UNKNOWN_, "cut off"},
    {"Nov 31 18:05:00 mta postfix/smtp[9]: 4A: to=<a@b>, status=sent (250 ok)", UNKNOWN_,
     "not as Postfix"},
    {"yesterday mta postfix/smtp[9]: 4A: to=<a@b>, status=sent (250 ok)", UNKNOWN_,
     "not as Postfix"},
    {"Nov 27 18:05:00 mta postfix/smtp 9: 4A: to=<a@b>, status=sent (250 ok)", UNKNOWN_,
     "not as Postfix"},
    /* Exim */
    {EX
     "=> u@gmail.com R=dnslookup T=remote_smtp H=mx.gmail.com [142.250.27.27] X=TLS1.3 C=\"250 " OK
     "\"",
     SINK_, NULL},
    {EX "-> v@gmail.com R=dnslookup T=remote_smtp H=mx.gmail.com [142.250.27.27] C=\"250 " OK
        "\" QT=1s",
     SINK_, NULL},
    {EX "=> u@gmail.com R=dnslookup T=remote_smtp H=mx.gmail.com [142.250.27.27] C=\"250 OK \"id\" "
        "x\"",
     ELSEWHERE, "mx.gmail.com"},
    {EX ">> u@gmail.com R=dnslookup T=remote_smtp H=mx.gmail.com [1.2.3.4] C=\"250 OK\"", ELSEWHERE,
     "mx.gmail.com"},
    {"2026-11-27 18:05:00.123 +0000 [77] 1vOabc-000ABC-2D => u@x.example T=remote_smtp H=x "
     "[1.2.3.4] C=\"250 " OK "\"",
     SINK_, NULL},
    {EX "=> u@gmail.com R=dnslookup T=remote_smtp H=mx.gmail.com [142.250.27.27]", UNKNOWN_,
     "smtp_confirmation"},
    {EX "=> |/usr/bin/send <u@x> R=pipe T=address_pipe", ELSEWHERE, "program"},
    {EX "=> bob <u@x> R=local_user T=mail_spool", KEPT_, NULL},
    {EX "=> bob <u@x> R=amavis T=filter_pipe", UNKNOWN_, "filter_pipe"},
    {EX "** u@gmail.com R=dnslookup T=remote_smtp H=mx: refused C=\"550 no\"", NOTHING, NULL},
    {EX "== u@gmail.com R=dnslookup T=remote_smtp defer", NOTHING, NULL},
    {EX "Completed", NOTHING, NULL},
    {"2026-11-27 17:05:00 +0000 1vOabc-000ABC-2D => u@x T=remote_smtp H=x [1.2.3.4] C=\"250 ok\"",
     OUTSIDE, NULL},
    {"2026-11-27 18:05:00 +0000 Start queue run: pid=5", NOTHING, NULL},
    {"2026-11-27 18:05:00 +0000 1vOabc-0ABC-2D => u@x T=remote_smtp H=x [1.2.3.4] C=\"250 ok\"",
     UNKNOWN_, "not as Postfix"},
};

static enum is judged(const struct kr_audit *a)
{
    if (a->findings)
        return ELSEWHERE;
    if (a->unknowns)
        return UNKNOWN_;
    return a->at_sink ? SINK_ : a->kept ? KEPT_ : a->outside ? OUTSIDE : NOTHING;
}

static void test_lines(void **state)
{
    static const char known[] = "Nov 27 18:05:00 mta postfix/qmgr[9]: 4A: removed\n";
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        KR_AUTO_BUF struct kr_buf text = {0};
        kr_buf_printf(&text, "%s%s\n", known, lines[i].line);
        write_file("log", text.s, text.len);
        struct kr_audit a = look("log");
        uint64_t all = a.findings + a.unknowns + a.at_sink + a.kept + a.outside;
        if (judged(&a) != lines[i].is || all > 1)
            fail_msg("%s\nis %s, not %s: %s", lines[i].line, is_names[judged(&a)],
                     is_names[lines[i].is], a.n ? a.v[0].what : "");
        if (lines[i].said && !strstr(a.v[0].what, lines[i].said))
            fail_msg("%s\nsays: %s", lines[i].line, a.v[0].what);
        if (a.n)
            assert_non_null(strstr(a.v[0].where, "/log:2"));
    }
}

/* Without a signature no delivery is judged. */
static void test_no_signature(void **state)
{
    char path[128];
    const struct kr_audit_want want = {.from = run.from, .to = run.to, .signature = ""};
    struct kr_audit a = {0};
    (void)state;
    write_file("log", PF "250 " OK ")\n", sizeof(PF "250 " OK ")\n") - 1);
    kr_audit_log(&a, &want, path_of("log", path));
    assert_int_equal(a.unknowns, 1);
    assert_int_equal(a.at_sink + a.findings, 0);
}

/* ---- files --------------------------------------------------------------------------------------
 */

static size_t packed(const char *text, char *out, size_t size)
{
    size_t n = ZSTD_compress(out, size, text, strlen(text), 3);
    assert_false(ZSTD_isError(n));
    return n;
}

static void test_zstd(void **state)
{
    static const char one[] = KUMO("Delivery", IN, TO SAID(OK)) "\n";
    static const char two[] = KUMO("Delivery", IN, TO SAID("OK gsmtp")) "\n";
    char z[4096];
    (void)state;
    size_t n = packed(one, z, sizeof z), both = n + packed(two, z + n, sizeof z - n);
    write_file("kumo", z, both);
    struct kr_audit a = look("kumo");
    assert_int_equal(a.at_sink, 1);
    assert_int_equal(a.findings, 1);
    assert_int_equal(a.unknowns, 0);
    assert_non_null(strstr(a.v[0].where, "/kumo:2"));
    for (size_t cut = n + 1; cut < both; cut++) { /* whole is the first frame only */
        write_file("kumo", z, cut);
        a = look("kumo");
        assert_int_equal(a.at_sink, 1);
        assert_true(a.unknowns > 0);
    }
    z[n / 2] ^= 0x55;
    write_file("kumo", z, both);
    a = look("kumo");
    assert_true(a.unknowns > 0);
    memcpy(z + both, "trailing garbage", 16);
    z[n / 2] ^= 0x55;
    write_file("kumo", z, both + 16);
    assert_true(look("kumo").unknowns > 0);
}

static const struct {
    const char *name, *data;
    size_t n;
    const char *why; /* NULL: clean */
} files[] = {
#define FILE_OF(name, text, why)          \
    {                                     \
        name, text, sizeof(text) - 1, why \
    }
    FILE_OF("empty", "", NULL),
    FILE_OF("other", "Nov 27 18:05:00 host sshd[1]: hello\n", "no line of it is of a log"),
    FILE_OF("binary",
            "\x7f"
            "ELF\x01\x02\n",
            "no line of it is of a log"),
    FILE_OF("gz", "\x1f\x8b\x08\x00rest", "unpack it first"),
    FILE_OF("xz",
            "\xfd"
            "7zXZ\x00rest",
            "unpack it first"),
    FILE_OF("half", PF "250 " OK ")\nNov 27 18:05:00 mta postfix/smtp[9]: 4A: to=<a@b>, rel",
            "no end"),
    FILE_OF("nul", PF "250 " OK ")\n\0\0\0\0\n", "NUL"),
    FILE_OF("crlf", PF "250 " OK ")\r\n", NULL),
    FILE_OF("magic", "\x28\xb5\x2f\xfd", "not finished"),
    FILE_OF("badz", "\x28\xb5\x2f\xfd\xff\xff\xff\xff\xff\xff\xff\xff", ""),
};

static void test_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        write_file(files[i].name, files[i].data, files[i].n);
        struct kr_audit a = look(files[i].name);
        if (a.findings || (a.unknowns == 0) != !files[i].why ||
            (files[i].why && !strstr(a.v[0].what, files[i].why)))
            fail_msg("%s: %ju findings, %ju unknowns: %s", files[i].name, (uintmax_t)a.findings,
                     (uintmax_t)a.unknowns, a.n ? a.v[0].what : "");
    }
    assert_int_equal(look("missing").unknowns, 1);
    struct kr_audit a = {0};
    kr_audit_log(&a, &run, "/dev/null");
    assert_int_equal(a.unknowns, 1);
}

/* A line of ten MiB is one that is not known, and the one behind it is read. */
static void test_long(void **state)
{
    static char line[10 << 20];
    char path[128];
    (void)state;
    memset(line, 'x', sizeof line);
    FILE *f = fopen(path_of("long", path), "w");
    fwrite(line, 1, sizeof line, f);
    fprintf(f, "\n" PF "250 " OK ")\n");
    fclose(f);
    struct kr_audit a = look("long");
    assert_int_equal(a.unknowns, 1);
    assert_int_equal(a.at_sink, 1);
    assert_int_equal(a.lines, 2);
}

/* Many findings: the first ones are told, all are counted, and unknowns give way. */
static void test_many(void **state)
{
    char path[128];
    (void)state;
    FILE *f = fopen(path_of("many", path), "w");
    for (unsigned i = 0; i < 3 * KR_AUDIT_SHOWN; i++)
        fprintf(f, "%s\n", i % 2 ? "{" : PF "250 ok)");
    fclose(f);
    struct kr_audit a = look("many");
    assert_int_equal(a.n, KR_AUDIT_SHOWN);
    assert_int_equal(a.findings, 150);
    assert_int_equal(a.unknowns, 150);
    for (size_t i = 0; i < a.n; i++)
        assert_false(a.v[i].unknown);
}

static void test_folder(void **state)
{
    char path[128];
    const struct timespec old[2] = {{.tv_sec = 1795000000}, {.tv_sec = 1795000000}};
    (void)state;
    assert_int_equal(mkdir(path_of("logs", path), 0700), 0);
    assert_int_equal(look("logs").unknowns, 1); /* nothing is in it */
    write_file("logs/a", KUMO("Delivery", IN, TO SAID(OK)) "\n",
               strlen(KUMO("Delivery", IN, TO SAID(OK)) "\n"));
    write_file("logs/b", KUMO("Delivery", IN, TO SAID("x")) "\n",
               strlen(KUMO("Delivery", IN, TO SAID("x")) "\n"));
    write_file("logs/old", "{", 1);
    assert_int_equal(utimensat(-1, path_of("logs/a", path), NULL, 0), 0);
    assert_int_equal(utimensat(-1, path_of("logs/old", path), old, 0), 0);
    struct timespec later[2] = {{.tv_sec = 1795802700}, {.tv_sec = 1795802700}};
    assert_int_equal(utimensat(-1, path_of("logs/a", path), later, 0), 0);
    assert_int_equal(utimensat(-1, path_of("logs/b", path), later, 0), 0);
    struct kr_audit a = look("logs");
    assert_int_equal(a.files, 2);
    assert_int_equal(a.at_sink, 1);
    assert_int_equal(a.findings, 1);
    assert_int_equal(a.unknowns, 0);
    assert_non_null(strstr(a.v[0].where, "logs/b:1"));
    unlink(path_of("logs/a", path));
    unlink(path_of("logs/b", path));
    unlink(path_of("logs/old", path));
    rmdir(path_of("logs", path));
}

static int begin(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
    char path[400];
    DIR *d = opendir(folder);
    (void)state;
    for (struct dirent *x; d && (x = readdir(d)) != NULL;) {
        snprintf(path, sizeof path, "%s/%s", folder, x->d_name);
        unlink(path);
    }
    closedir(d);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines), cmocka_unit_test(test_no_signature),
        cmocka_unit_test(test_zstd),  cmocka_unit_test(test_files),
        cmocka_unit_test(test_long),  cmocka_unit_test(test_many),
        cmocka_unit_test(test_folder)};
    return cmocka_run_group_tests_name("audit", tests, begin, end);
}

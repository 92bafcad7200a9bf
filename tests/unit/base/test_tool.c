/* Programs that are asked something: lines, limits, ends. */
#include "cmocka_all.h"

#include <kr/err.h>
#include <kr/tool.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct heard {
    size_t lines, longest, stop_at;
    char last_line[64], last;
};

static bool hear(const char *line, size_t len, char last, void *arg)
{
    struct heard *h = arg;
    h->lines++;
    h->longest = len > h->longest ? len : h->longest;
    h->last = last;
    snprintf(h->last_line, sizeof h->last_line, "%.60s", line);
    return !h->stop_at || h->lines < h->stop_at;
}

static int sh(const char *script, struct heard *h, unsigned idle, unsigned most,
              struct kr_tool_end *end, struct kr_err *e)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    const struct kr_tool t = {
        .argv = argv, .idle_ms = idle, .most_ms = most, .on_line = hear, .arg = h};
    return kr_tool_run(&t, end, e);
}

static void lines(void **state)
{
    struct heard h = {0};
    struct kr_tool_end end;
    struct kr_err e = {0};
    (void)state;
    assert_int_equal(sh("printf 'a\\nb\\n\\nlast'; echo no >&2; exit 3", &h, 5000, 5000, &end, &e),
                     0);
    assert_int_equal(h.lines, 4);
    assert_string_equal(h.last_line, "last");
    assert_int_equal(end.status, 3);
    assert_string_equal(end.said, "no");
    assert_false(end.stopped);
}

static void long_lines(void **state)
{
    struct heard h = {0};
    struct kr_tool_end end;
    (void)state;
    assert_int_equal(
        sh("head -c 3000000 /dev/zero | tr '\\0' x; echo '}'", &h, 5000, 20000, &end, NULL), 0);
    assert_int_equal(h.lines, 1);
    assert_int_equal(h.longest, KR_TOOL_LINE - 1);
    assert_int_equal(h.last, '}');
}

static void surroundings(void **state)
{
    struct heard h = {0};
    struct kr_tool_end end;
    (void)state;
    setenv("KR_TEST_SECRET", "1", 1);
    assert_int_equal(sh("env | grep -v ^PWD | sort | tr '\\n' ' '; read -r x || echo nothing", &h,
                        5000, 5000, &end, NULL),
                     0);
    assert_non_null(strstr(h.last_line, "LC_ALL=C"));
    assert_null(strstr(h.last_line, "KR_TEST"));
    assert_non_null(strstr(h.last_line, "nothing"));
}

static void limits(void **state)
{
    struct heard h = {0};
    struct kr_tool_end end;
    struct kr_err e = {0};
    (void)state;
    assert_int_equal(sh("sleep 60", &h, 100, 5000, &end, &e), -1);
    assert_int_equal(e.exit, KR_UNKNOWN);
    assert_non_null(strstr(e.msg, "say anything"));
    assert_int_equal(sh("while :; do echo x; done", &h, 5000, 100, &end, &e), -1);
    assert_non_null(strstr(e.msg, "come to an end"));
    assert_int_equal(sh("exec >&- 2>&-; sleep 60", &h, 100, 5000, &end, &e), -1);
}

static void stopped(void **state)
{
    struct heard h = {.stop_at = 2};
    struct kr_tool_end end;
    (void)state;
    assert_int_equal(sh("while :; do echo x; done", &h, 5000, 20000, &end, NULL), 0);
    assert_true(end.stopped);
    assert_int_equal(h.lines, 2);
}

/* What it started holds the pipe open: the limit ends that too, and does not wait for it. */
static void grandchildren(void **state)
{
    struct heard h = {0};
    struct kr_tool_end end;
    (void)state;
    assert_int_equal(sh("sleep 60 & exit 0", &h, 100, 5000, &end, NULL), -1);
}

static void no_program(void **state)
{
    const char *const argv[] = {"/nonexistent/postqueue", NULL};
    const struct kr_tool t = {.argv = argv, .idle_ms = 1000, .most_ms = 1000};
    struct kr_tool_end end;
    (void)state;
    assert_int_equal(kr_tool_run(&t, &end, NULL), 0);
    assert_int_equal(end.status, 127);
}

static void killed(void **state)
{
    struct heard h = {0};
    struct kr_tool_end end;
    (void)state;
    assert_int_equal(sh("kill -9 $$", &h, 5000, 5000, &end, NULL), 0);
    assert_int_equal(end.status, 137);
}

static void as_nobody(void **state)
{
    static const char *const argv[] = {"/usr/bin/id", "-u", NULL};
    struct heard h = {0};
    const struct kr_tool t = {.argv = argv,
                              .uid = 65534,
                              .gid = 65534,
                              .idle_ms = 5000,
                              .most_ms = 5000,
                              .on_line = hear,
                              .arg = &h};
    struct kr_tool_end end;
    (void)state;
    assert_int_equal(kr_tool_run(&t, &end, NULL), 0);
    if (geteuid() == 0)
        assert_string_equal(h.last_line, "65534");
    else
        assert_int_equal(end.status, 127); /* never as somebody else than was asked for */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),      cmocka_unit_test(long_lines), cmocka_unit_test(surroundings),
        cmocka_unit_test(limits),     cmocka_unit_test(stopped),    cmocka_unit_test(grandchildren),
        cmocka_unit_test(no_program), cmocka_unit_test(killed),     cmocka_unit_test(as_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

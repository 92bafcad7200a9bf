#include "cmocka_all.h"
#include "toml_cases.h"
#include "toml_dump.h"

#include <kr/err.h>
#include <kr/mem.h>

#include <time.h>
#include <unistd.h>

static struct kr_toml *read_ok(const char *text, size_t len)
{
    struct kr_err e = {0};
    struct kr_toml *doc = kr_toml_read("x", text, len, &e);
    if (!doc)
        fail_msg("%s", e.msg);
    return doc;
}

static void valid_case(struct toml_case *c)
{
    struct kr_err e = {.msg = "untouched"};
    struct kr_toml *doc = kr_toml_read(c->name, kr_buf_str(&c->text), c->text.len, &e);
    KR_AUTO_BUF struct kr_buf got = {0};
    if (!doc)
        fail_msg("%s", e.msg);
    dump_value(kr_toml_root(doc), &got);
    if (strcmp(got.s, kr_buf_str(&c->expected)) != 0)
        fail_msg("%s:\n got      %s\n expected %s", c->name, got.s, kr_buf_str(&c->expected));
    assert_string_equal(e.msg, "untouched");
    kr_toml_free(doc);
}

static void test_valid(void **state)
{
    (void)state;
    assert_in_range(each_case("valid.txt", valid_case), 150, 9999);
}

static void invalid_case(struct toml_case *c)
{
    struct kr_err e = {0};
    struct kr_toml *doc = kr_toml_read("x", kr_buf_str(&c->text), c->text.len, &e);
    if (doc)
        fail_msg("%s was read without an error", c->name);
    if (strncmp(e.msg, "x:", 2) != 0 || strcmp(e.msg + 2, kr_buf_str(&c->expected)) != 0)
        fail_msg("%s:\n got      %s\n expected x:%s", c->name, e.msg, kr_buf_str(&c->expected));
    assert_int_equal(e.exit, KR_USAGE);
}

static void test_invalid(void **state)
{
    (void)state;
    assert_in_range(each_case("invalid.txt", invalid_case), 200, 9999);
}

/* Cut anywhere, a document is read or refused with a place inside it, and nothing worse. */
static void cut_case(struct toml_case *c)
{
    for (size_t len = 0; len < c->text.len; len++) {
        struct kr_err e = {0};
        KR_AUTO_FREE char *exact = kr_calloc(len, 1);
        memcpy(exact, c->text.s, len);
        struct kr_toml *doc = kr_toml_read("x", exact, len, &e);
        unsigned line = 0, column = 0;
        if (!doc)
            assert_int_equal(sscanf(e.msg, "x:%u:%u: ", &line, &column), 2);
        assert_true(doc || (line >= 1 && column >= 1 && line <= len + 1 && column <= len + 1));
        kr_toml_free(doc);
    }
}

static void test_cut(void **state)
{
    (void)state;
    assert_in_range(each_case("valid.txt", cut_case), 150, 9999);
    assert_in_range(each_case("invalid.txt", cut_case), 200, 9999);
}

static void test_access(void **state)
{
    static const char text[] = "a = 0x10\n\n[t]\ns = \"x\\u0000y\"\n[[l]]\nb = 1\n[[l]]\nb = true\n"
                               "[u.v]\n[u]\n";
    (void)state;
    struct kr_toml *doc = read_ok(text, sizeof text - 1);
    const struct kr_toml_value *root = kr_toml_root(doc), *a = kr_toml_get(root, "a");
    const struct kr_toml_value *s = kr_toml_get(kr_toml_get(root, "t"), "s");
    const struct kr_toml_value *l = kr_toml_get(root, "l"), *l1 = kr_toml_at(l, 1);
    size_t len = 0;
    assert_string_equal(kr_toml_name(doc), "x");
    assert_int_equal(kr_toml_count(root), 4);
    assert_ptr_equal(kr_toml_at(root, 0), a);
    assert_null(kr_toml_at(root, 4));
    assert_null(kr_toml_get(root, "A"));
    assert_null(kr_toml_get(a, "a"));
    assert_int_equal(kr_toml_count(a), 0);
    assert_string_equal(kr_toml_key(a), "a");
    assert_string_equal(kr_toml_decimal(a), "16");
    assert_memory_equal(kr_toml_string(s, &len), "x\0y", 4);
    assert_int_equal(len, 3);
    assert_int_equal(kr_toml_line(a), 1);
    assert_int_equal(kr_toml_line(kr_toml_get(root, "t")), 3);
    assert_int_equal(kr_toml_line(s), 4);
    assert_int_equal(kr_toml_line(l), 5);
    assert_int_equal(kr_toml_line(l1), 7);
    assert_null(kr_toml_key(l1));
    assert_true(kr_toml_bool(kr_toml_get(l1, "b")));
    assert_int_equal(kr_toml_line(kr_toml_get(root, "u")), 10);
    kr_toml_free(doc);
    kr_toml_free(NULL);
}

static void test_type_names(void **state)
{
    static const char *const names[] = {"string",    "integer", "float", "boolean",
                                        "date-time", "array",   "table"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_string_equal(kr_toml_type_name((enum kr_toml_type)i), names[i]);
}

/* `n` times `open`, what stands inside, `n` times `close`. */
static void nest(struct kr_buf *b, const char *before, const char *open, const char *inside,
                 const char *close, int n)
{
    kr_buf_printf(b, "%s", before);
    for (int i = 0; i < n; i++)
        kr_buf_printf(b, "%s", open);
    kr_buf_printf(b, "%s", inside);
    for (int i = 0; i < n; i++)
        kr_buf_printf(b, "%s", close);
}

/* The root's keys are level 1; 128 are allowed, in whatever way they come about. */
static void test_nesting(void **state)
{
    static const struct {
        const char *before, *open, *inside, *close, *after;
        int most;
    } rows[] = {{"a = ", "[", "", "]", "", 128},       {"a = ", "[", "1", "]", "", 127},
                {"", "a = {", "", "}", "", 128},       {"a = ", "{a = ", "{}", "}", "", 127},
                {"", "a.", "a = 1", "", "", 127},      {"[", "a.", "a]", "", "", 127},
                {"[[", "a.", "a]]", "", "", 126},      {"[a.a.a]\n", "a.", "a = 1", "", "", 124},
                {"a = {a = ", "[", "", "]", "}", 127}, {"a = ", "[\n", "", "]", "", 128}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int more = 0; more < 2; more++) {
            struct kr_err e = {0};
            KR_AUTO_BUF struct kr_buf b = {0};
            nest(&b, rows[i].before, rows[i].open, rows[i].inside, rows[i].close,
                 rows[i].most + more);
            kr_buf_printf(&b, "%s", rows[i].after);
            struct kr_toml *doc = kr_toml_read("x", b.s, b.len, &e);
            if ((doc == NULL) != (more == 1))
                fail_msg("row %zu, %d levels: %s", i, rows[i].most + more, doc ? "read" : e.msg);
            assert_true(doc || strstr(e.msg, "nested more than 128 levels deep"));
            kr_toml_free(doc);
        }
}

static void test_nesting_bombs(void **state)
{
    static const char *const opens[] = {"[", "{a=", "a.", "[a.", "[[a.", "a=["};
    (void)state;
    for (size_t i = 0; i < sizeof opens / sizeof *opens; i++) {
        KR_AUTO_BUF struct kr_buf b = {0};
        nest(&b, *opens[i] == '{' || i == 0 ? "a = " : "", opens[i], "", "", 500000);
        assert_null(kr_toml_read("x", b.s, b.len, NULL));
    }
}

/* 100,000 of a kind in well under a second; the bound leaves room for valgrind, not for squares. */
static void check_many(const char *before, const char *fmt, size_t most, const char *after)
{
    KR_AUTO_BUF struct kr_buf b = {0};
    kr_buf_printf(&b, "%s", before);
    for (size_t i = 0; i < most; i++)
        for (const char *c = fmt; *c; c++)
            if (*c == '@')
                kr_buf_printf(&b, "%zu", i);
            else
                kr_buf_add(&b, c, 1);
    kr_buf_printf(&b, "%s", after);
    clock_t began = clock();
    kr_toml_free(read_ok(b.s, b.len));
    assert_true((double)(clock() - began) / CLOCKS_PER_SEC < 10);
}

static void test_many(void **state)
{
    (void)state;
    check_many("", "key@ = 1\n", 100000, "");
    check_many("", "a.b.key@ = 1\n", 100000, "");
    check_many("", "[t@]\nx = 1\n", 100000, "");
    check_many("", "[a.b.t@.c]\n", 100000, "");
    check_many("", "[[a]]\nx = @\n", 100000, "");
    check_many("a = [", "@,", 100000, "]");
    check_many("a = [", "{x = @},\n", 100000, "]");
    check_many("a = {z = 0", ", k@ = 1", 100000, "}");
    check_many("a = \"\"\"", "line @ \\n \"\" \\\n", 100000, "\"\"\"");
    check_many("", "#@\n", 100000, "");
}

static void test_many_found(void **state)
{
    (void)state;
    KR_AUTO_BUF struct kr_buf b = {0};
    for (int i = 0; i < 5000; i++)
        kr_buf_printf(&b, "k%d = %d\n", i, i);
    struct kr_toml *doc = read_ok(b.s, b.len);
    for (int i = 0; i < 5000; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        const struct kr_toml_value *v = kr_toml_get(kr_toml_root(doc), key);
        assert_non_null(v);
        assert_int_equal(kr_toml_integer(v), i);
        assert_ptr_equal(v, kr_toml_at(kr_toml_root(doc), (size_t)i));
    }
    assert_null(kr_toml_get(kr_toml_root(doc), "k5000"));
    kr_toml_free(doc);
}

static void test_quote_is_clipped(void **state)
{
    struct kr_err e = {0};
    KR_AUTO_BUF struct kr_buf b = {0};
    (void)state;
    nest(&b, "a = ", "é", "", "", 500);
    assert_null(kr_toml_read("x", b.s, b.len, &e));
    assert_in_range(strlen(e.msg), 60, 200);
    assert_non_null(strstr(e.msg, "é...'"));
    e.msg[0] = '\0';
    assert_null(kr_toml_read("x", "a = \"\t", 6, &e));
    assert_string_equal(e.msg, "x:1:5: the string '\"\t' is never closed");
}

static void write_file(char *path, const char *text, size_t len, off_t size)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    assert_int_equal(ftruncate(fd, size), 0);
    close(fd);
}

static void test_file(void **state)
{
    struct kr_err e = {0};
    char good[] = "/tmp/kr-toml-XXXXXX", big[] = "/tmp/kr-toml-XXXXXX", want[128];
    (void)state;
    assert_null(kr_toml_read_file("/nonexistent/x.toml", &e));
    assert_string_equal(e.msg, "/nonexistent/x.toml: No such file or directory");
    assert_int_equal(e.exit, KR_USAGE);
    assert_null(kr_toml_read_file("/", &e));
    assert_string_equal(e.msg, "/: Is a directory");
    write_file(good, "a = 1\nb\n", 8, 6);
    struct kr_toml *doc = kr_toml_read_file(good, &e);
    assert_non_null(doc);
    assert_int_equal(kr_toml_integer(kr_toml_get(kr_toml_root(doc), "a")), 1);
    assert_string_equal(kr_toml_name(doc), good);
    kr_toml_free(doc);
    write_file(big, "", 0, (16 << 20) + 1);
    assert_null(kr_toml_read_file(big, &e));
    snprintf(want, sizeof want, "%s: larger than 16 MiB", big);
    assert_string_equal(e.msg, want);
    unlink(good);
    unlink(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),         cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_cut),           cmocka_unit_test(test_access),
        cmocka_unit_test(test_type_names),    cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_nesting_bombs), cmocka_unit_test(test_many),
        cmocka_unit_test(test_many_found),    cmocka_unit_test(test_quote_is_clipped),
        cmocka_unit_test(test_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Reading a generator's command line: where its domains are, and how its suffix goes. */
#include <kr/err.h>
#include <kr/mem.h>
#include <kr/run_line.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Words are split at '|', so that there may be empty ones. */
static char *store;
static void words_of(const char *text, struct kr_strlist *l)
{
    free(store);
    store = kr_strdup(text);
    char *rest = store;
    for (char *w; (w = strsep(&rest, "|")) != NULL;)
        kr_strlist_add(l, w);
}

static void join(char *const *argv, char *out, size_t room)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; argv[i] && n < room; i++)
        n += (size_t)snprintf(out + n, room - n, "%s%s", i ? "|" : "", argv[i]);
}

struct row {
    const char *command, *template;
    bool names_given;
    const char *domains;     /* by commas; NULL: refused, and `real` is part of the reason */
    const char *real, *kept; /* kept NULL: as it was */
};

static void check_argv(const struct row *x, const struct kr_run_line *l)
{
    char got[2048];
    char **real = kr_run_line_argv(l, true), **kept = kr_run_line_argv(l, false);
    join(real, got, sizeof got);
    assert_string_equal(got, x->real);
    join(kept, got, sizeof got);
    assert_string_equal(got, x->kept ? x->kept : x->command);
    kr_run_argv_free(real);
    kr_run_argv_free(kept);
}

static void check_domains(const struct row *x, const struct kr_run_line *l)
{
    char got[1024] = "";
    size_t n = 0;
    for (size_t i = 0; i < l->domains.n; i++)
        n += (size_t)snprintf(got + n, sizeof got - n, "%s%s", i ? "," : "", l->domains.v[i]);
    assert_string_equal(got, x->domains);
}

static void check(const struct row *x)
{
    struct kr_strlist words = {0};
    struct kr_run_line l;
    struct kr_err e = {0};
    words_of(x->command, &words);
    const struct kr_run_line_want want = {
        .words = &words, .template = x->template, .names_given = x->names_given};
    int bad = kr_run_line_read(&want, &l, &e);
    if (!bad != (x->domains != NULL))
        fail_msg("'%s': %s", x->command, bad ? e.msg : "was not refused");
    if (bad) {
        assert_int_equal(e.exit, KR_USAGE);
        if (!strstr(e.msg, x->real))
            fail_msg("'%s': '%s' does not say '%s'", x->command, e.msg, x->real);
    } else {
        check_domains(x, &l);
        check_argv(x, &l);
    }
    kr_run_line_free(&l);
    kr_strlist_free(&words);
}

#define DEFAULTS "aol.com,gmail.com,hotmail.com,yahoo.com"
#define NONE "--domain-suffix|"

static const struct row plain[] = {
    {"traffic-gen", NULL, false, DEFAULTS, "traffic-gen|" NONE, NULL},
    {"/opt/kumomta/sbin/traffic-gen|--domain|a.example:3|--domain=b.example", NULL, false,
     "a.example:3,b.example",
     "/opt/kumomta/sbin/traffic-gen|--domain|a.example:3|--domain=b.example|" NONE, NULL},
    {"traffic-gen|--domain-suffix|x.example|--starttls", NULL, false, DEFAULTS,
     "traffic-gen|" NONE "|--starttls", NULL},
    {"traffic-gen|--domain-suffix=x.example", NULL, false, DEFAULTS, "traffic-gen|" NONE, NULL},
    {"traffic-gen|--domain-suffix=a|--domain-suffix|b", NULL, false, DEFAULTS,
     "traffic-gen|" NONE "|" NONE, NULL},
    {"nice|-n|5|traffic-gen|--domain|a.example", NULL, false, "a.example",
     "nice|-n|5|traffic-gen|--domain|a.example|" NONE, NULL},
    {"env|A=--domain|traffic-gen", NULL, false, DEFAULTS, "env|A=--domain|traffic-gen|" NONE, NULL},
    /* What is a value is no option. */
    {"traffic-gen|--header|--domain|--domain|a.example", NULL, false, "a.example",
     "traffic-gen|--header|--domain|--domain|a.example|" NONE, NULL},
    {"traffic-gen|--header|--domain-suffix|--domain-suffix|x", NULL, false, DEFAULTS,
     "traffic-gen|--header|--domain-suffix|" NONE, NULL},
    {"traffic-gen|--|--domain|a.example", NULL, false, DEFAULTS,
     "traffic-gen|" NONE "|--|--domain|a.example", NULL},
    /* kumo-gen has short ones; traffic-gen has not. */
    {"kumo-gen|-t|--domain|--domain|a.example", NULL, false, "a.example",
     "kumo-gen|-t|--domain|--domain|a.example|" NONE, NULL},
    {"traffic-gen|-t|--domain|a.example", NULL, false, "a.example",
     "traffic-gen|-t|--domain|a.example|" NONE, NULL},
    {"traffic-gen|--domain", NULL, false, NULL, "'--domain' at the end of the command has no value",
     NULL},
    {"my-gen|--fast|--domain-suffix|x|--domain|a.example", NULL, false, "a.example",
     "my-gen|--fast|" NONE "|--domain|a.example", NULL},
    {"traffic-gen|--domain|a.example", NULL, true, "a.example",
     "traffic-gen|--domain|a.example|" NONE, NULL},
    {"traffic-gen", NULL, true, "", "traffic-gen|" NONE, NULL},
};
static void test_plain(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        check(&plain[i]);
}

static const struct row others[] = {
    {"other-gen|-x", NULL, true, NULL, "say how it takes its suffix", NULL},
    {"other-gen|-x", "--s {suffix}", false, NULL, "which domains", NULL},
    {"other-gen|-x", "--s {suffix}", true, "", "other-gen|-x|--s|",
     "other-gen|-x|--s|" KR_RUN_SUFFIX},
    {"other-gen|-x", "'--s={.suffix}' y", true, "", "other-gen|-x|--s=|y",
     "other-gen|-x|--s=." KR_RUN_SUFFIX "|y"},
    {"other-gen|-x", "--s", true, NULL, "no {suffix} in it", NULL},
    {"other-gen|-x", "'{suffix}", true, NULL, "not closed", NULL},
    {"other-gen|-x", "{.s'{suffix}'uffix}", true, NULL, "around another", NULL},
    {"other-gen|{.s{.suffix}uffix}", NULL, true, NULL, "around another", NULL},
    {"other-gen|a{.suffix}b{suffix}", NULL, true, "", "other-gen|ab",
     "other-gen|a." KR_RUN_SUFFIX "b" KR_RUN_SUFFIX},
    {"traffic-gen|--domain-suffix|{suffix}", NULL, false, DEFAULTS, "traffic-gen|--domain-suffix|",
     "traffic-gen|--domain-suffix|" KR_RUN_SUFFIX},
};
static void test_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        check(&others[i]);
}

static const struct row shells[] = {
    {"sh|-c|traffic-gen --domain a.example --domain 'b.example:2' \"$@\"|sh", NULL, false,
     "a.example,b.example:2",
     "sh|-c|traffic-gen --domain a.example --domain 'b.example:2' \"$@\"|sh|" NONE, NULL},
    {"sh|-c|cd /x; traffic-gen --domain a.example \"$@\" ; kumo-gen --domain b.example \"${@}\"|sh",
     NULL, false, "a.example,b.example",
     "sh|-c|cd /x; traffic-gen --domain a.example \"$@\" ; kumo-gen --domain b.example "
     "\"${@}\"|sh|" NONE,
     NULL},
    {"sh|-c|traffic-gen --domain a.example \"$@\"", NULL, false, "a.example",
     "sh|-c|traffic-gen --domain a.example \"$@\"|sh|" NONE, NULL},
    {"sh|-c|traffic-gen --domain a.example \"$@\"|--domain|--domain|b.example", NULL, false,
     "a.example,b.example",
     "sh|-c|traffic-gen --domain a.example \"$@\"|--domain|--domain|b.example|" NONE, NULL},
    {"sh|-c|traffic-gen --domain a.example", NULL, false, NULL, "does not hand its arguments on",
     NULL},
    {"sh|-c|traffic-gen; echo \"$@\"", NULL, false, NULL, "does not hand its arguments on", NULL},
    {"traffic-gen|--domain|a.example|--header", NULL, false, NULL,
     "'--header' at the end of the command has no value", NULL},
    {"kumo-gen|-n", NULL, true, NULL, "'-n' at the end of the command has no value", NULL},
    {"sh|-c|traffic-gen --header \"$@\"", NULL, true, NULL,
     "'--header' takes the first of \"$@\" for its value", NULL},
    {"sh|-c|traffic-gen $@", NULL, false, NULL, "does not hand its arguments on", NULL},
    {"sh|-c|traffic-gen $\"@\"", NULL, false, NULL, "does not hand its arguments on", NULL},
    {"sh|-c|traffic-gen x\"$@\"", NULL, false, NULL, "does not hand its arguments on", NULL},
    {"sh|-c|traffic-gen --domain \"$D\" \"$@\"", NULL, false, NULL, "known to the shell only",
     NULL},
    {"sh|-c|traffic-gen --domain \"$D\" \"$@\"|sh", NULL, true, "",
     "sh|-c|traffic-gen --domain \"$D\" \"$@\"|sh|" NONE, NULL},
    {"sh|-c|traffic-gen --domain-suffix x \"$@\"", NULL, false, NULL, "sets --domain-suffix itself",
     NULL},
    {"sh|-c|traffic-gen --domain-suffix '{suffix}' --domain a.example", NULL, false, "a.example",
     "sh|-c|traffic-gen --domain-suffix '' --domain a.example",
     "sh|-c|traffic-gen --domain-suffix '" KR_RUN_SUFFIX "' --domain a.example"},
    {"sh|-c|traffic-gen 'x", NULL, false, NULL, "not closed", NULL},
    /* A comment is no command. */
    {"sh|-c|# traffic-gen --domain z.example\ntraffic-gen \\\n --domain a.example \"$@\"|sh", NULL,
     false, "a.example",
     "sh|-c|# traffic-gen --domain z.example\ntraffic-gen \\\n --domain a.example \"$@\"|sh|" NONE,
     NULL},
};
static void test_shells(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        check(&shells[i]);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    chmod(path, 0755);
}

static void test_files(void **state)
{
    char dir[] = "/tmp/kr-line.XXXXXX", path[64], mail[64], command[200], real[200], bad[200];
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/load.sh", dir);
    snprintf(mail, sizeof mail, "%s/mail.csv", dir);
    write_file(path, "#!/bin/sh\nset -e\nexec traffic-gen --domain a.example --domain b.example:2 "
                     "\"$@\"\n");
    snprintf(real, sizeof real, "%s|--starttls|" NONE, path);
    snprintf(command, sizeof command, "%s|--starttls", path);
    check(&(struct row){command, NULL, false, "a.example,b.example:2", real, NULL});
    snprintf(command, sizeof command, "bash|%s", path);
    snprintf(real, sizeof real, "bash|%s|" NONE, path);
    check(&(struct row){command, NULL, false, "a.example,b.example:2", real, NULL});
    write_file(path, "#!/bin/sh\ntraffic-gen --domain a.example\n");
    check(&(struct row){path, NULL, false, NULL, path, NULL});
    write_file(mail, "recipient,sender\nx@a.example,y@b.example\nz@a.example,y@b.example\n");
    snprintf(command, sizeof command, "kumo-gen|-f|%s", mail);
    snprintf(real, sizeof real, "kumo-gen|-f|%s|" NONE, mail);
    check(
        &(struct row){command, NULL, false, "a.example,b.example,a.example,b.example", real, NULL});
    write_file(mail, "name\nx@a.example\n");
    snprintf(bad, sizeof bad, "kumo-gen|--mail-file=%s", mail);
    check(&(struct row){bad, NULL, false, NULL, "no column recipient", NULL});
    unlink(mail);
    check(&(struct row){bad, NULL, false, NULL, "No such file", NULL});
    unlink(path);
    rmdir(dir);
}

/* There is no suffix to keep when the command itself has none. */
static void test_bare(void **state)
{
    static const struct {
        const char *command;
        bool bare;
    } rows[] = {{"traffic-gen|--domain-suffix|", true},
                {"traffic-gen|--domain-suffix=", true},
                {"traffic-gen|--domain-suffix|x", false},
                {"traffic-gen", false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct kr_strlist words = {0};
        struct kr_run_line l;
        words_of(rows[i].command, &words);
        const struct kr_run_line_want want = {.words = &words};
        assert_int_equal(kr_run_line_read(&want, &l, NULL), 0);
        assert_int_equal(l.bare, rows[i].bare);
        kr_run_line_free(&l);
        kr_strlist_free(&words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain), cmocka_unit_test(test_others), cmocka_unit_test(test_shells),
        cmocka_unit_test(test_files), cmocka_unit_test(test_bare),
    };
    int bad = cmocka_run_group_tests(tests, NULL, NULL);
    free(store);
    return bad;
}

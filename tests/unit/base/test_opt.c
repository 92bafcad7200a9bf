#include "cmocka_all.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/opt.h>
#include <kr/toml.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct shared {
    const char *config;
    bool quiet, verbose;
};
struct own {
    struct kr_strlist sinks, lan;
    uint64_t jobs;
    int color;
    bool dry_run;
    char called[64];
};

static int on_call(void *target, const char *value, struct kr_err *e)
{
    struct own *o = target;
    if (strchr(value, '!'))
        return kr_fail(e, KR_USAGE, 0, "--weigh '%s' holds a '!'", value);
    strcat(strcat(o->called, value), ";");
    return 0;
}

static const char *const colors[] = {"auto", "always", "never", NULL};
#define AT(type, field) offsetof(struct type, field)
static const struct kr_opt shared_rows[] = {
    {.name = "config",
     .letter = 'c',
     .kind = KR_OPT_STRING,
     .offset = AT(shared, config),
     .arg = "FILE",
     .help = "configuration file"},
    {.name = "quiet",
     .letter = 'q',
     .kind = KR_OPT_FLAG,
     .offset = AT(shared, quiet),
     .help = "say less"},
    {.name = "verbose",
     .letter = 'v',
     .kind = KR_OPT_FLAG,
     .offset = AT(shared, verbose),
     .help = "say more"},
};
static const struct kr_opt own_rows[] = {
    {.name = "sink",
     .letter = 's',
     .kind = KR_OPT_LIST,
     .offset = AT(own, sinks),
     .arg = "WHERE",
     .help = ".first dot, a back\\slash and -dashes"},
    {.name = "lan", .kind = KR_OPT_LIST, .offset = AT(own, lan), .help = "networks"},
    {.name = "jobs",
     .letter = 'j',
     .kind = KR_OPT_UINT,
     .offset = AT(own, jobs),
     .min = 2,
     .max = 64,
     .arg = "N",
     .help = "how many"},
    {.name = "color",
     .kind = KR_OPT_CHOICE,
     .offset = AT(own, color),
     .choices = colors,
     .arg = "WHEN",
     .help = "colours"},
    {.name = "dry-run",
     .letter = 'n',
     .kind = KR_OPT_FLAG,
     .offset = AT(own, dry_run),
     .help = "change nothing",
     .flags = KR_OPT_NO_CONFIG},
    {.name = "weigh-with-a-long-name",
     .kind = KR_OPT_CALL,
     .call = on_call,
     .arg = "NAME:WEIGHT",
     .help = "called"},
};
static const struct kr_opt_table shared_table = {shared_rows, 3}, own_table = {own_rows, 6};

/* What one command line, or one file, made of the options. */
struct result {
    struct shared shared;
    struct own own;
    struct kr_strlist operands;
    struct kr_err e;
    struct kr_toml *doc;
    int status;
};

static void clear(struct result *r)
{
    kr_strlist_free(&r->own.sinks);
    kr_strlist_free(&r->own.lan);
    kr_strlist_free(&r->operands);
    kr_toml_free(r->doc);
    memset(r, 0, sizeof *r);
}

static void parse(struct result *r, int stop, const char *const *words)
{
    const struct kr_opt_target targets[] = {{&shared_table, &r->shared}, {&own_table, &r->own}};
    static char kept[16][128];
    char *argv[17] = {strcpy(kept[0], "program")};
    int argc = 1;
    for (; words[argc - 1]; argc++) {
        snprintf(kept[argc], sizeof kept[argc], "%s", words[argc - 1]);
        argv[argc] = kept[argc];
    }
    r->status = kr_opt_parse(targets, 2, argc, argv, stop, &r->operands, &r->e);
}

#define PARSE(r, ...) parse(r, 0, (const char *const[]){__VA_ARGS__, NULL})

static void join(const struct kr_strlist *l, char *out)
{
    *out = '\0';
    for (size_t i = 0; i < l->n; i++)
        strcat(strcat(out, l->v[i]), ";");
}

static void check_list(const struct kr_strlist *l, const char *want)
{
    char got[256];
    join(l, got);
    assert_string_equal(got, want);
}

static void test_forms(void **state)
{
    struct result r = {0};
    (void)state;
    PARSE(&r, "--jobs", "8", "--color=never", "-q", "one", "--dry-run", "two", "-c", "FILE");
    assert_int_equal(r.status, 0);
    assert_true(r.shared.quiet && !r.shared.verbose && r.own.dry_run);
    assert_int_equal(r.own.jobs, 8);
    assert_int_equal(r.own.color, 2);
    assert_string_equal(r.shared.config, "FILE");
    check_list(&r.operands, "one;two;");
    clear(&r);
    PARSE(&r, "-qvnj4", "-cFILE");
    assert_int_equal(r.status, 0);
    assert_true(r.shared.quiet && r.shared.verbose && r.own.dry_run && r.own.jobs == 4);
    assert_string_equal(r.shared.config, "FILE");
    clear(&r);
    PARSE(&r, "-qc", "-v", "--sink=a=b", "--sink=", "--lan", "--jobs");
    assert_int_equal(r.status, 0);
    assert_string_equal(r.shared.config, "-v");
    assert_false(r.shared.verbose);
    check_list(&r.own.sinks, "a=b;;");
    check_list(&r.own.lan, "--jobs;");
    clear(&r);
}

static void test_ends(void **state)
{
    struct result r = {0};
    (void)state;
    PARSE(&r, "-q", "--", "-v", "--", "--nonsense", "-");
    assert_int_equal(r.status, 0);
    assert_true(r.shared.quiet && !r.shared.verbose);
    check_list(&r.operands, "-v;--;--nonsense;-;");
    clear(&r);
    PARSE(&r, "-", "-q");
    assert_true(r.shared.quiet);
    check_list(&r.operands, "-;");
    clear(&r);
    parse(&r, 1, (const char *const[]){"-q", "up", "-v", "--nonsense", NULL});
    assert_int_equal(r.status, 0);
    assert_true(r.shared.quiet && !r.shared.verbose);
    check_list(&r.operands, "up;-v;--nonsense;");
    clear(&r);
    parse(&r, 0, (const char *const[]){NULL});
    assert_int_equal(r.status, 0);
    assert_int_equal(r.operands.n, 0);
    clear(&r);
}

static void test_again(void **state)
{
    struct result r = {0};
    (void)state;
    PARSE(&r, "-j2", "-j3", "--color", "never", "--color", "auto", "-ca", "-cb", "-q", "-q");
    assert_int_equal(r.status, 0);
    assert_int_equal(r.own.jobs, 3);
    assert_int_equal(r.own.color, 0);
    assert_string_equal(r.shared.config, "b");
    clear(&r);
    PARSE(&r, "--weigh-with-a-long-name", "a:1", "--weigh-with-a-long-name=b:2", "-sx", "-sy");
    assert_string_equal(r.own.called, "a:1;b:2;");
    check_list(&r.own.sinks, "x;y;");
    clear(&r);
}

static void test_refused(void **state)
{
    static const struct {
        const char *words[3], *want;
    } rows[] = {
        {{"--job", "8"}, "unknown option --job; did you mean --jobs?"},
        {{"--colour=auto"}, "unknown option --colour; did you mean --color?"},
        {{"--JOBS", "8"}, "unknown option --JOBS"},
        {{"--dry_run"}, "unknown option --dry_run; did you mean --dry-run?"},
        {{"--zzzzzzzzzzzzzzzzzz"}, "unknown option --zzzzzzzzzzzzzzzzzz"},
        {{"--=x"}, "unknown option --"},
        {{"-x"}, "unknown option -x"},
        {{"-qx"}, "unknown option -x"},
        {{"--quiet=yes"}, "--quiet takes no value, but 'yes' was given"},
        {{"--quiet="}, "--quiet takes no value, but '' was given"},
        {{"--jobs"}, "--jobs needs a value: N"},
        {{"-j"}, "--jobs needs a value: N"},
        {{"-qj"}, "--jobs needs a value: N"},
        {{"--lan"}, "--lan needs a value: VALUE"},
        {{"--jobs="}, "--jobs '' is not a number of 2 to 64"},
        {{"--jobs=x"}, "--jobs 'x' is not a number of 2 to 64"},
        {{"--jobs=8x"}, "--jobs '8x' is not a number of 2 to 64"},
        {{"--jobs= 8"}, "--jobs ' 8' is not a number of 2 to 64"},
        {{"--jobs=-8"}, "--jobs '-8' is not a number of 2 to 64"},
        {{"--jobs=+8"}, "--jobs '+8' is not a number of 2 to 64"},
        {{"--jobs=8.0"}, "--jobs '8.0' is not a number of 2 to 64"},
        {{"--jobs=1"}, "--jobs '1' is not a number of 2 to 64"},
        {{"--jobs=65"}, "--jobs '65' is not a number of 2 to 64"},
        {{"--jobs=18446744073709551624"},
         "--jobs '18446744073709551624' is not a number of 2 to 64"},
        {{"--color", "red"}, "--color 'red' is none of: auto, always, never"},
        {{"--color="}, "--color '' is none of: auto, always, never"},
        {{"--color=Auto"}, "--color 'Auto' is none of: auto, always, never"},
        {{"--weigh-with-a-long-name", "a!"}, "--weigh 'a!' holds a '!'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct result r = {0};
        parse(&r, 0, rows[i].words);
        assert_int_equal(r.status, -1);
        assert_int_equal(r.e.exit, KR_USAGE);
        size_t n = strlen(rows[i].want);
        if (strncmp(r.e.msg, rows[i].want, n) != 0 || (r.e.msg[n] && r.e.msg[n] != ';'))
            fail_msg("got '%s', not '%s'", r.e.msg, rows[i].want);
        clear(&r);
    }
}

static void read_toml(struct result *r, const char *text)
{
    const struct kr_opt_target targets[] = {{&shared_table, &r->shared}, {&own_table, &r->own}};
    r->doc = kr_toml_read("f", text, strlen(text), &r->e);
    if (!r->doc)
        fail_msg("%s", r->e.msg);
    r->status = kr_opt_from_toml(targets, 2, r->doc, &r->e);
}

static void test_file(void **state)
{
    struct result r = {0};
    (void)state;
    read_toml(&r, "config = 'x'\nquiet = true\nverbose = false\nsink = ['a', \"b\"]\nlan = 25\n"
                  "jobs = 0x10\ncolor = 'never'\nweigh-with-a-long-name = ['a', 1_0]\n");
    assert_int_equal(r.status, 0);
    assert_string_equal(r.shared.config, "x");
    assert_true(r.shared.quiet && !r.shared.verbose);
    check_list(&r.own.sinks, "a;b;");
    check_list(&r.own.lan, "25;");
    assert_int_equal(r.own.jobs, 16);
    assert_int_equal(r.own.color, 2);
    assert_string_equal(r.own.called, "a;10;");
    clear(&r);
    read_toml(&r, "");
    assert_int_equal(r.status, 0);
    clear(&r);
    read_toml(&r, "sink = []\nlan = ['x', 2525]");
    assert_int_equal(r.status, 0);
    check_list(&r.own.sinks, "");
    check_list(&r.own.lan, "x;2525;");
    clear(&r);
}

static void test_command_line_wins(void **state)
{
    struct result r = {0};
    (void)state;
    read_toml(&r, "jobs = 5\nsink = ['a', 'b']\nlan = ['c', 'd']\ncolor = 'never'\n");
    PARSE(&r, "--sink", "x", "-j6", "--sink=y");
    assert_int_equal(r.status, 0);
    check_list(&r.own.sinks, "x;y;");
    check_list(&r.own.lan, "c;d;");
    assert_int_equal(r.own.jobs, 6);
    assert_int_equal(r.own.color, 2);
    clear(&r);
}

static void test_file_refused(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"quiet = true\nsinc = 'x'", "f:2: unknown key 'sinc'; did you mean 'sink'?"},
        {"Jobs = 5", "f:1: unknown key 'Jobs'; did you mean 'jobs'?"},
        {"zzzzzzzzzzzz = 5", "f:1: unknown key 'zzzzzzzzzzzz'"},
        {"dry-runs = true", "f:1: unknown key 'dry-runs'"},
        {"\"sink\\u0000\" = 5", "f:1: a key holds a NUL character after 'sink'"},
        {"[up]\nsink = 'x'", "f:1: unknown key 'up'"},
        {"\n\ndry-run = true", "f:3: 'dry-run' is for the command line only"},
        {"quiet = 1", "f:1: 'quiet' takes true or false, not an integer"},
        {"quiet = 'true'", "f:1: 'quiet' takes true or false, not a string"},
        {"config = 5", "f:1: 'config' takes a string, not an integer"},
        {"config = ['x']", "f:1: 'config' takes a string, not an array"},
        {"config = 'a\\u0000b'", NULL},
        {"config = \"a\\u0000b\"", "f:1: 'config' holds a NUL character after 'a'"},
        {"jobs = '8'", "f:1: 'jobs' takes an integer, not a string"},
        {"jobs = 8.0", "f:1: 'jobs' takes an integer, not a float"},
        {"jobs = [8]", "f:1: 'jobs' takes an integer, not an array"},
        {"jobs = 1979-05-27", "f:1: 'jobs' takes an integer, not a date-time"},
        {"\njobs = 65", "f:2: --jobs '65' is not a number of 2 to 64"},
        {"jobs = -8", "f:1: --jobs '-8' is not a number of 2 to 64"},
        {"color = true", "f:1: 'color' takes a string, not a boolean"},
        {"color = 'red'", "f:1: --color 'red' is none of: auto, always, never"},
        {"sink = true", "f:1: 'sink' takes strings or integers, not a boolean"},
        {"[sink]\nx = 1", "f:1: 'sink' takes strings or integers, not a table"},
        {"[[sink]]\nx = 1", "f:1: 'sink' takes strings or integers, not a table"},
        {"sink = [\n'a',\n['b']]", "f:3: 'sink' takes strings or integers, not an array"},
        {"sink = [\n'a',\n\n1.5]", "f:4: 'sink' takes strings or integers, not a float"},
        {"weigh-with-a-long-name = [\n'a',\n'b!']", "f:3: --weigh 'b!' holds a '!'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct result r = {0};
        read_toml(&r, rows[i].text);
        assert_int_equal(r.status, rows[i].want ? -1 : 0);
        assert_int_equal(r.e.exit, rows[i].want ? KR_USAGE : 0);
        assert_string_equal(r.e.msg, rows[i].want ? rows[i].want : "");
        clear(&r);
    }
}

static void check_written(void (*write)(const struct kr_opt_table *, FILE *),
                          const struct kr_opt_table *table, const char *want)
{
    char *got = NULL;
    size_t len;
    FILE *f = open_memstream(&got, &len);
    write(table, f);
    fclose(f);
    assert_string_equal(got, want);
    free(got);
}

static void test_usage(void **state)
{
    (void)state;
    check_written(kr_opt_usage, &shared_table,
                  "  -c, --config FILE         configuration file\n"
                  "  -q, --quiet               say less\n"
                  "  -v, --verbose             say more\n");
    check_written(kr_opt_usage, &own_table,
                  "  -s, --sink WHERE          .first dot, a back\\slash and -dashes\n"
                  "      --lan VALUE           networks\n"
                  "  -j, --jobs N              how many\n"
                  "      --color WHEN          colours\n"
                  "  -n, --dry-run             change nothing\n"
                  "      --weigh-with-a-long-name NAME:WEIGHT\n"
                  "                            called\n");
    check_written(kr_opt_usage, &(struct kr_opt_table){NULL, 0}, "");
}

/* Any help text comes out whole, word by word, in lines of at most 100 columns from column 28. */
static void check_wrapped(const char *help)
{
    struct kr_opt row = {.name = "x", .kind = KR_OPT_FLAG, .help = help};
    char *got = NULL, *words = NULL;
    size_t len, n, before = 100;
    FILE *f = open_memstream(&got, &len), *all = open_memstream(&words, &n);
    kr_opt_usage(&(struct kr_opt_table){&row, 1}, f);
    fclose(f);
    for (char *rest = NULL, *line = strtok_r(got, "\n", &rest), *first = line; line;
         line = strtok_r(NULL, "\n", &rest)) {
        assert_true(strlen(line) > 28);
        assert_true(strlen(line) <= 100 || !strchr(line + 28, ' '));
        assert_true(line == first || (strspn(line, " ") == 28 && line[strlen(line) - 1] != ' '));
        assert_true(before + 1 + strcspn(line + 28, " ") > 100);
        before = strlen(line);
        fprintf(all, "%s%s", line == first ? "" : " ", line + 28);
    }
    fclose(all);
    assert_string_equal(words, help);
    free(got);
    free(words);
}

static void test_usage_wraps(void **state)
{
    char help[400];
    (void)state;
    for (unsigned long_word = 1; long_word < 90; long_word++)
        for (size_t len = 1; len < 300; len += long_word % 5 + 1) {
            for (size_t i = 0; i < len; i++)
                help[i] = i % (long_word + 1) == long_word && i + 1 < len ? ' ' : 'x';
            help[len] = '\0';
            check_wrapped(help);
        }
}

static void test_man(void **state)
{
    (void)state;
    check_written(
        kr_opt_man, &own_table,
        ".TP\n\\fB\\-s\\fR, \\fB\\-\\-sink\\fR \\fIWHERE\\fR\n"
        "\\&.first dot, a back\\eslash and \\-dashes\n"
        ".TP\n\\fB\\-\\-lan\\fR \\fIVALUE\\fR\nnetworks\n"
        ".TP\n\\fB\\-j\\fR, \\fB\\-\\-jobs\\fR \\fIN\\fR\nhow many\n"
        ".TP\n\\fB\\-\\-color\\fR \\fIWHEN\\fR\ncolours\n"
        "One of \\fBauto\\fR, \\fBalways\\fR, \\fBnever\\fR.\n"
        ".TP\n\\fB\\-n\\fR, \\fB\\-\\-dry\\-run\\fR\nchange nothing\n"
        ".TP\n\\fB\\-\\-weigh\\-with\\-a\\-long\\-name\\fR \\fINAME:WEIGHT\\fR\ncalled\n");
}

static void test_names(void **state)
{
    (void)state;
    check_written(kr_opt_names, &shared_table, "--config\n-c\n--quiet\n-q\n--verbose\n-v\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_again),        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_file),         cmocka_unit_test(test_command_line_wins),
        cmocka_unit_test(test_file_refused), cmocka_unit_test(test_usage),
        cmocka_unit_test(test_usage_wraps),  cmocka_unit_test(test_man),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

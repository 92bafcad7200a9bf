/* What is emitted for Postfix is a script that root runs: a real shell runs it here, with programs
 * in place of Postfix's that write down what they were given. */
#include "../base/cmocka_all.h"

#include <kr/emit.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char lab[] = "/tmp/kr-emit.XXXXXX";

static char *at(const char *name)
{
    static char path[4][128];
    static size_t next;
    char *p = path[next++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", lab, name);
    return p;
}

static void write_file(const char *path, const char *text)
{
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    fputs(text, out);
    assert_int_equal(fclose(out), 0);
}

static char *read_file(const char *path)
{
    static char text[4096];
    FILE *in = fopen(path, "re");
    size_t n = in ? fread(text, 1, sizeof text - 1, in) : 0;
    if (in)
        fclose(in);
    text[n] = '\0';
    return text;
}

static int begin(void **state)
{
    (void)state;
    if (!mkdtemp(lab))
        return -1;
    mkdir(at("bin"), 0755);
    write_file(at("bin/postconf"), "#!/bin/sh\nfor w; do printf '[%s]' \"$w\"; done >>\"$SAID\"\n");
    write_file(at("bin/postfix"), "#!/bin/sh\nfor w; do printf '[%s]' \"$w\"; done >>\"$SAID\"\n");
    chmod(at("bin/postconf"), 0755);
    chmod(at("bin/postfix"), 0755);
    setenv("SAID", at("said"), 1);
    setenv("LAB", lab, 1);
    return 0;
}

static int end(void **state)
{
    (void)state;
    return system("rm -rf \"$LAB\"");
}

/* Emits for a Postfix in `folder`, with a table of `old`, and runs it. */
static int run(const char *folder, const char *old)
{
    char *names[] = {(char[]){"a.example"}};
    struct kr_remedy r = {.all = 2, .domains = 1, .needs = KR_NEED_TLS, .names = {names, 1, 1}};
    const struct kr_mta_option options[] = {
        {.of = "", .name = "smtp_tls_policy_maps", .value = old},
        {.of = "o'k", .name = "smtp_tls_policy_maps", .value = "x"}};
    struct kr_mta_side side = *kr_mta_side_default("postfix");
    side.config = folder;
    side.options = options;
    side.n_options = 2;
    FILE *out = fopen(at("script"), "we");
    assert_non_null(out);
    kr_emit_postfix(&r, &side, true, out);
    assert_int_equal(fclose(out), 0);
    unlink(at("said"));
    return system("cd \"$LAB\" && PATH=$LAB/bin:$PATH sh ./script");
}

static void any_folder(void **state)
{
    const char *const names[] = {"plain", "two words", "semi;touch gone", "$(touch gone)", "it's"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *folder = strdup(at(names[i])), kept[256], want[1024];
        mkdir(folder, 0755);
        snprintf(kept, sizeof kept, "%s/main.cf", folder);
        write_file(kept, "# was\n");
        snprintf(kept, sizeof kept, "%s/master.cf", folder);
        write_file(kept, "# was\n");
        assert_int_equal(run(folder, "hash:/etc/it's"), 0);
        snprintf(want, sizeof want,
                 "[-c][%s][-PX][o'k/unix/smtp_tls_policy_maps][-c][%s][-e][smtp_tls_policy_maps = "
                 "inline:{ { a.example = may } } hash:/etc/it's][-c][%s][reload]",
                 folder, folder, folder);
        assert_string_equal(read_file(at("said")), want);
        snprintf(kept, sizeof kept, "%s/master.cf.before-kumo-redirect", folder);
        assert_string_equal(read_file(kept), "# was\n");
        assert_int_not_equal(access(at("gone"), F_OK), 0);
        free(folder);
    }
}

/* It would end the comments that name the folder. */
static void no_line_break(void **state)
{
    (void)state;
    assert_int_equal(run("/tmp/x\ntouch gone #", ""), 0);
    assert_string_equal(read_file(at("said")), "");
    assert_int_not_equal(access(at("gone"), F_OK), 0);
    assert_non_null(strstr(read_file(at("script")), "has a line break"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_folder),
        cmocka_unit_test(no_line_break),
    };
    return cmocka_run_group_tests(tests, begin, end);
}

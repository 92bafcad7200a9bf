/* A process of a mail server that has ended, while others go on. */
#include "../../../src/facts/mta_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static pid_t ended;

static const struct kr_mta_kind *kind(const char *id)
{
    size_t i = 0;
    while (strcmp(kr_mta_kinds[i].id, id) != 0)
        i++;
    return &kr_mta_kinds[i];
}

static void test_rows(void **state)
{
    const struct {
        const char *mta, *config, *other, *other_config;
        bool elsewhere, other_ended, goes_on;
    } rows[] = {
        {"exim", "", "exim", "", false, false, true},
        {"exim", "", "exim", "/etc/x", false, false, true}, /* its words were gone already */
        {"exim", "/etc/x", "exim", "/etc/x", false, false, true},
        {"exim", "/etc/x", "exim", "/etc/y", false, false, false},
        {"exim", "/etc/x", "exim", "", false, false, false},
        {"exim", "", "postfix", "", false, false, false},
        {"exim", "", "exim", "", true, false, false},
        {"exim", "", "exim", "", false, true, false},
        {"kumomta", "", "kumomta", "", false, false, false}, /* each has a queue of its own */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct kr_mta v[] = {
            {.kind = kind(rows[i].mta), .pid = ended},
            {.kind = kind(rows[i].other), .pid = rows[i].other_ended ? ended : getpid()},
        };
        const struct kr_mtas all = {.v = v, .n = 2};
        snprintf(v[0].config, sizeof v[0].config, "%s", rows[i].config);
        snprintf(v[1].config, sizeof v[1].config, "%s", rows[i].other_config);
        v[1].elsewhere = rows[i].elsewhere;
        if (kr_mta_goes_on(&all, &v[0]) != rows[i].goes_on)
            fail_msg("row %zu", i);
    }
}

/* One that runs, and files that nobody runs, are looked at themselves. */
static void test_living(void **state)
{
    struct kr_mta v[] = {{.kind = kind("exim"), .pid = getppid()},
                         {.kind = kind("exim"), .pid = getpid()},
                         {.kind = kind("exim")}};
    const struct kr_mtas all = {.v = v, .n = 3};
    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_false(kr_mta_goes_on(&all, &v[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_living)};
    ended = fork();
    if (ended == 0)
        _exit(0);
    waitpid(ended, NULL, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

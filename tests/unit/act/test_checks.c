/* The registry: every check is complete, and every row of the catalogue is stood against. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <kr/catalogue.h>
#include <kr/checks.h>
#include <kr/err.h>
#include <kr/settings.h>

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_id(const char *s)
{
    bool ok = islower((unsigned char)*s) && s[strlen(s) - 1] != '-' && strlen(s) < 32;
    for (; *s; s++)
        ok = ok && (islower((unsigned char)*s) || isdigit((unsigned char)*s) || *s == '-');
    return ok;
}

static bool is_text(const char *s)
{
    return s && strlen(s) > 5;
}

static void every_check_is_complete(void **state)
{
    (void)state;
    assert_true(kr_checks_count() > 30);
    for (size_t i = 0; i < kr_checks_count(); i++) {
        const struct kr_check *c = kr_checks_at(i);
        if (!is_id(c->id) || !is_text(c->title) || !is_text(c->why) || !is_text(c->how) ||
            !is_text(c->remedy) || !c->rows || !c->run)
            fail_msg("check %s lacks something", c->id);
        if (c->advice && c->waivable)
            fail_msg("%s: advice needs no waiver", c->id);
        if (strncmp(c->id, "own-", 4) == 0 && c->waivable)
            fail_msg("%s can be waived", c->id);
        assert_ptr_equal(kr_checks_find(c->id), c); /* so no id stands twice */
        assert_non_null(kr_checks_group_of(i));
    }
    assert_null(kr_checks_at(kr_checks_count()));
    assert_null(kr_checks_find("no-such-check"));
}

static bool covered[KR_CATALOGUE_ROWS + 1];

static void note_rows(const struct kr_check *c)
{
    const char *s = c->rows;
    while (*s) {
        char *end;
        unsigned long row = strtoul(s, &end, 10);
        if (end == s || row < 1 || row > KR_CATALOGUE_ROWS || (*end && *end != ' '))
            fail_msg("%s: its rows are '%s'", c->id, c->rows);
        covered[row] = true;
        s = end + (*end == ' ');
    }
}

static void every_row_of_the_catalogue_is_covered(void **state)
{
    bool bad = false;
    (void)state;
    for (size_t i = 0; i < kr_checks_count(); i++)
        note_rows(kr_checks_at(i));
    for (unsigned row = 1; row <= KR_CATALOGUE_ROWS; row++) {
        const struct kr_path *p = kr_catalogue(row);
        assert_true(is_text(p->title));
        bool noted = p->guard || p->unseen;
        if (covered[row] == noted) {
            print_error("row %u (%s) is %s\n", row, p->title,
                        noted ? "covered and yet noted" : "covered by nothing");
            bad = true;
        }
    }
    assert_false(bad);
    assert_null(kr_catalogue(0));
    assert_null(kr_catalogue(KR_CATALOGUE_ROWS + 1));
}

static void what_can_be_waived_can_be_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < kr_checks_count(); i++) {
        const struct kr_check *c = kr_checks_at(i);
        struct kr_waivers w = {.n = 0};
        struct kr_err e = {0};
        char text[64];
        snprintf(text, sizeof text, "%s=because", c->id);
        assert_int_equal(kr_waiver_add(&w, text, &e) == 0, c->waivable);
        if (!c->waivable)
            assert_non_null(strstr(e.msg, "explain"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_check_is_complete),
        cmocka_unit_test(every_row_of_the_catalogue_is_covered),
        cmocka_unit_test(what_can_be_waived_can_be_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

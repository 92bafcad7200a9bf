/* Reading on at once: tried where it paid lately, for each kind of reply apart. */
#include "../../../src/sink/luck.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* How often of so many replies reading on was tried; `good`: something was there each time. */
static int tries(struct luck *l, int replies, int64_t us, bool good)
{
    int n = 0;
    for (int i = 0; i < replies; i++) {
        luck_said(l, us);
        if (!luck_try(l))
            continue;
        luck_note(l, good);
        n++;
    }
    return n;
}

static void test_pays(void **state)
{
    struct luck l = {0};
    (void)state;
    assert_int_equal(tries(&l, 100, 5, true), 100);
}

/* Once in so many times it is looked whether that has changed. */
static void test_does_not_pay(void **state)
{
    struct luck l = {0};
    (void)state;
    int n = tries(&l, 1000, 5, false);
    assert_in_range(n, 2, 50);
    assert_in_range(tries(&l, 1000, 5, true), 960, 1000);
}

/* Late replies pay and others do not, in turn: the others cost nothing to speak of. */
static void test_apart(void **state)
{
    struct luck l = {0};
    int late = 0, others = 0;
    (void)state;
    for (int i = 0; i < 1000; i++) {
        others += tries(&l, 1, 5, false);
        late += tries(&l, 1, 20, true);
    }
    assert_int_equal(late, 1000);
    assert_in_range(others, 2, 50);
}

/* No reply is late when all take as long: the usual follows. */
static void test_usual_follows(void **state)
{
    struct luck l = {0};
    (void)state;
    luck_said(&l, 4);
    tries(&l, 2000, 20, true);
    luck_said(&l, 20);
    assert_int_equal(l.after, LUCK_REPLY);
    luck_said(&l, 60);
    assert_int_equal(l.after, LUCK_LATE_REPLY);
}

static void test_silence(void **state)
{
    struct luck l = {0};
    (void)state;
    tries(&l, 100, 5, false);
    luck_silence(&l);
    assert_true(luck_try(&l));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pays),    cmocka_unit_test(test_does_not_pay),
        cmocka_unit_test(test_apart),   cmocka_unit_test(test_usual_follows),
        cmocka_unit_test(test_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

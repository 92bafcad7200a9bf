#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <kr/sink_queue.h>

#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096u

static bool put(struct kr_queue *q, unsigned worker, const char *a, size_t n, const char *b)
{
    char first[PAGE], last[8];
    memcpy(first, a, n);
    snprintf(last, sizeof last, "%s", b);
    struct iovec v[] = {{first, n}, {NULL, 0}, {last, strlen(last)}};
    return kr_queue_put(q, worker, v, 3);
}

/* Records of all lengths, over the end of the ring too, come out as they went in. */
static void test_order(void **state)
{
    struct kr_queue *q = kr_queue_make(1, PAGE, NULL);
    char text[1500];
    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        size_t n = i * 7 % sizeof text, got = 0;
        memset(text, 'a' + (int)(i % 26), sizeof text);
        assert_true(put(q, 0, text, n, "z!"));
        const char *p = kr_queue_get(q, &got);
        assert_int_equal(got, n + 2);
        assert_int_equal((uintptr_t)p % 16, 0);
        assert_memory_equal(p, text, n);
        assert_memory_equal(p + n, "z!", 2);
        kr_queue_done(q);
        assert_null(kr_queue_get(q, &got));
    }
    kr_queue_free(q);
}

/* What does not fit is not taken, and nothing of it is left; what was there stays. */
static void test_full(void **state)
{
    struct kr_queue *q = kr_queue_make(2, PAGE, NULL);
    static const char text[PAGE];
    size_t len = 0, n = 0;
    (void)state;
    while (put(q, 1, text, 1000, "x"))
        n++;
    assert_int_equal(n, 4);
    assert_true(put(q, 0, text, 3, "y"));
    for (size_t i = 0; i < 5; i++) {
        assert_non_null(kr_queue_get(q, &len));
        kr_queue_done(q);
    }
    assert_null(kr_queue_get(q, &len));
    assert_true(put(q, 1, text, 1000, "x"));
    assert_false(put(q, 0, text, PAGE, ""));
    kr_queue_free(q);
}

/* A writer that waits is woken by the first record, and no record is missed. */
static void test_wakes(void **state)
{
    struct kr_queue *q = kr_queue_make(1, PAGE, NULL);
    unsigned seen = 0;
    size_t len;
    int status;
    (void)state;
    assert_true(kr_queue_rest(q));
    pid_t pid = fork();
    if (pid == 0) {
        for (unsigned i = 0; i < 20000; i++)
            while (!put(q, 0, (const char *)&i, sizeof i, "x"))
                sched_yield();
        _exit(0);
    }
    while (seen < 20000) {
        struct pollfd p = {.fd = kr_queue_fd(q), .events = POLLIN};
        if (kr_queue_rest(q))
            assert_int_equal(poll(&p, 1, 20000), 1);
        kr_queue_awake(q);
        for (const void *r; (r = kr_queue_get(q, &len)) != NULL; kr_queue_done(q)) {
            assert_memory_equal(r, &seen, sizeof seen);
            seen++;
        }
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    kr_queue_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_wakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

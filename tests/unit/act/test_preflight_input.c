/* Names that come from a pipe: a signal ends the wait for them, whenever it comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../src/act/preflight_child.h"
#include "../../../src/act/preflight_input.h"

#include <kr/err.h>
#include <kr/strlist.h>
#include <kr/up.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/kr-input-XXXXXX", path[64];

static int make_pipe(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/names", folder);
    return mkfifo(path, 0600);
}

static int remove_pipe(void **state)
{
    (void)state;
    return unlink(path) || rmdir(folder);
}

/* Its status: 0, or that of the error; the descriptor for the child in *fd. */
static int give(int *fd)
{
    const struct kr_strlist none = {0};
    struct kr_strlist files = {0};
    struct child c;
    struct kr_err e = {0};
    kr_strlist_add(&files, path);
    child_begin(&c, "none");
    int bad = input_give(&c, &none, &files, &e);
    if (!bad && fd)
        *fd = dup(c.given[0]);
    child_end(&c);
    kr_strlist_free(&files);
    return bad ? (int)e.exit : 0;
}

/* The signal was there before the pipe is opened: nothing else will wake it. */
static void test_before(void **state)
{
    (void)state;
    kr_interrupted = SIGTERM;
    alarm(20);
    assert_int_equal(give(NULL), KR_UNKNOWN);
    alarm(0);
    kr_interrupted = 0;
}

static void on_term(int sig)
{
    kr_interrupted = sig;
}

/* At any moment from before the open until long within the wait. */
static void test_at_any_time(void **state)
{
    (void)state;
    for (useconds_t us = 0; us < 2000; us += 5) {
        int begun[2], status = 0;
        char c;
        assert_int_equal(pipe(begun), 0);
        pid_t pid = fork();
        if (pid == 0) {
            struct sigaction how = {.sa_handler = on_term};
            sigaction(SIGTERM, &how, NULL);
            alarm(20);
            if (write(begun[1], "", 1) != 1)
                _exit(99);
            _exit(give(NULL));
        }
        assert_int_equal(read(begun[0], &c, 1), 1);
        usleep(us);
        kill(pid, SIGTERM);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), KR_UNKNOWN);
        close(begun[0]);
        close(begun[1]);
    }
}

/* Opens the pipe once somebody else has, and says the second line when the first was read. */
static void write_late(int go)
{
    char c;
    int w;
    while ((w = open(path, O_WRONLY | O_NONBLOCK)) < 0)
        if (errno != ENXIO)
            _exit(1);
    bool good = write(w, "first\n", 6) == 6 && read(go, &c, 1) == 1;
    _exit(!good || write(w, "second\n", 7) != 7);
}

/* What a writer that comes late says is there to the end, and read by one that waits. */
static void test_late_writer(void **state)
{
    (void)state;
    char said[64] = "";
    int fd = -1, go[2], status = 1;
    assert_int_equal(pipe(go), 0);
    pid_t pid = fork();
    if (pid == 0)
        write_late(go[0]);
    alarm(20);
    assert_int_equal(give(&fd), 0);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    assert_int_equal(read(fd, said, sizeof said - 1), 6);
    assert_string_equal(said, "first\n");
    assert_int_equal(write(go[1], "", 1), 1);
    assert_int_equal(read(fd, said, sizeof said - 1), 7);
    assert_string_equal(said, "second\n");
    assert_int_equal(read(fd, said, sizeof said - 1), 0);
    alarm(0);
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    close(fd);
    close(go[0]);
    close(go[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_before),
                                       cmocka_unit_test(test_at_any_time),
                                       cmocka_unit_test(test_late_writer)};
    return cmocka_run_group_tests(tests, make_pipe, remove_pipe);
}

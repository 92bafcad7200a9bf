#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <kr/sink_filter.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Valgrind makes system calls of its own in our process. */
static void skip_under_valgrind(void)
{
    const char *preloaded = getenv("LD_PRELOAD");
    if (preloaded && strstr(preloaded, "vgpreload"))
        skip();
}

/* How a child ends that does this behind the filter. */
static int status_of(void (*act)(void))
{
    int status = -1;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        if (kr_sink_filter(NULL))
            _exit(1);
        act();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void use_memory(void)
{
    for (size_t n = 1; n < (size_t)1 << 26; n *= 2) {
        char *p = calloc(n, 1);
        p = p ? realloc(p, 2 * n) : NULL;
        if (!p)
            _exit(2);
        free(p);
    }
}

static void ask_terminal(void)
{
    (void)isatty(STDERR_FILENO);
}

static void open_socket(void)
{
    (void)socket(AF_INET, SOCK_STREAM, 0);
}

static void open_file(void)
{
    (void)open("/etc/passwd", O_RDONLY);
}

static void start_program(void)
{
    execl("/bin/true", "true", (char *)NULL);
}

static void start_process(void)
{
    if (fork() == 0)
        _exit(0);
}

static void signal_other(void)
{
    kill(1, 0);
}

static void test_allowed(void **state)
{
    (void)state;
    skip_under_valgrind();
    assert_int_equal(status_of(use_memory), 0);
    assert_int_equal(status_of(ask_terminal), 0);
}

static void test_refused(void **state)
{
    static void (*const acts[])(void) = {open_socket, open_file, start_program, start_process,
                                         signal_other};
    (void)state;
    skip_under_valgrind();
#ifdef __SANITIZE_ADDRESS__
    skip();
#endif
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        int status = status_of(acts[i]);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGSYS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_allowed),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

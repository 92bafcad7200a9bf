/* What a service manager gets to read, and what is no manager. */
#include "cmocka_all.h"

#include <kr/notify.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int listen_at(struct sockaddr_un *un, socklen_t len)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    un->sun_family = AF_UNIX;
    assert_int_equal(bind(fd, (struct sockaddr *)un, len), 0);
    return fd;
}

static void heard(int fd, const char *want)
{
    char text[64] = "";
    assert_int_equal(recv(fd, text, sizeof text, 0), (ssize_t)strlen(want));
    assert_string_equal(text, want);
}

static void by_a_name(void **state)
{
    struct sockaddr_un un = {0};
    (void)state;
    snprintf(un.sun_path, sizeof un.sun_path, "/tmp/kr-notify.%d", (int)getpid());
    int fd = listen_at(&un, sizeof un);
    setenv("NOTIFY_SOCKET", un.sun_path, 1);
    setenv("WATCHDOG_USEC", "3000000", 1);
    kr_notify_setup();
    kr_notify("READY=1\nSTATUS=up");
    heard(fd, "READY=1\nSTATUS=up");
    assert_int_equal(kr_notify_interval(), 1500000);
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_null(getenv("WATCHDOG_USEC"));
    close(fd);
    unlink(un.sun_path);
    kr_notify("nobody reads this");
}

static void by_an_abstract_name(void **state)
{
    struct sockaddr_un un = {0};
    char name[64];
    (void)state;
    int n = snprintf(name, sizeof name, "@kr-notify.%d", (int)getpid());
    memcpy(un.sun_path + 1, name + 1, (size_t)n - 1);
    int fd = listen_at(&un, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n));
    setenv("NOTIFY_SOCKET", name, 1);
    kr_notify_setup();
    kr_notify("WATCHDOG=1");
    heard(fd, "WATCHDOG=1");
    close(fd);
}

static void of_another_process(void **state)
{
    (void)state;
    setenv("WATCHDOG_USEC", "3000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    kr_notify_setup();
    assert_int_equal(kr_notify_interval(), 0);
}

static void nonsense(void **state)
{
    static const char *const names[] = {"", "@", "/", "relative", "-1"};
    char text[300];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        setenv("NOTIFY_SOCKET", names[i], 1);
        setenv("WATCHDOG_USEC", names[i], 1);
        kr_notify_setup();
        kr_notify("READY=1");
        assert_int_equal(kr_notify_interval(), 0);
    }
    memset(text, 'x', sizeof text - 1);
    text[0] = '/';
    text[sizeof text - 1] = '\0';
    setenv("NOTIFY_SOCKET", text, 1);
    setenv("WATCHDOG_USEC", "99999999999999999999999", 1);
    kr_notify_setup();
    kr_notify("READY=1");
    assert_int_equal(kr_notify_interval(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_a_name),
        cmocka_unit_test(by_an_abstract_name),
        cmocka_unit_test(of_another_process),
        cmocka_unit_test(nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

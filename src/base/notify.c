#include <kr/notify.h>

#include <kr/mem.h>

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un manager;
static socklen_t manager_len;
static uint64_t interval;

/* "/run/…" or "@abstract" (sd_notify(3), unix(7)). */
static void set_address(const char *name)
{
    size_t n = strlen(name);
    if ((*name != '/' && *name != '@') || n < 2 || n >= sizeof manager.sun_path)
        return;
    manager.sun_family = AF_UNIX;
    memcpy(manager.sun_path, name, n + 1);
    manager_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (*name == '/'));
    if (*name == '@')
        manager.sun_path[0] = '\0';
}

static uint64_t number(const char *text)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    return errno || *end || end == text || *text == '-' ? 0 : n;
}

void kr_notify_setup(void)
{
    const char *name = getenv("NOTIFY_SOCKET"), *usec = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    manager_len = 0;
    interval = 0;
    if (name)
        set_address(name);
    if (usec && (!pid || number(pid) == (uint64_t)getpid()))
        interval = number(usec) / 2;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void kr_notify(const char *state)
{
    if (!manager_len)
        return;
    KR_AUTO_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0)
        sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&manager, manager_len);
}

uint64_t kr_notify_interval(void)
{
    return interval;
}

/* The control socket knows two words. `release` is said by up and down, which hold the lock then;
 * `stand aside` by run, and holds as long as its connection. */
#include "watch_internal.h"

#include <kr/clock.h>
#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ASK_MS 200

int kr_watch_control_open(struct kr_watch *w, struct kr_err *e)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    snprintf(un.sun_path, sizeof un.sun_path, "%s", w->o.paths->watch_control);
    unlink(un.sun_path);
    w->control = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t mask = umask(0177);
    int bad = w->control < 0 || bind(w->control, (struct sockaddr *)&un, sizeof un) ||
              listen(w->control, 8);
    umask(mask);
    if (bad)
        return kr_fail(e, KR_CANNOT, errno, "%s", un.sun_path);
    return kr_watch_listen(w, w->control, KR_CONTROL, e);
}

static const char *release(struct kr_watch *w)
{
    bool given = kr_watch_give(w);
    w->gave_way = true;
    w->due = kr_now_us();
    kr_watch_tell(w, KR_EVENT_RELEASED, false, "watch", 0,
                  "up or down is at work; the tables stand as they are, and belong to nobody");
    return given ? "ok\n" : "a process still has the socket they belong to\n";
}

void kr_watch_control(struct kr_watch *w)
{
    char word[64] = "";
    const char *answer = "ok\n";
    KR_AUTO_FD int fd = accept4(w->control, NULL, NULL, SOCK_CLOEXEC);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (fd < 0 || poll(&p, 1, ASK_MS) <= 0 || read(fd, word, sizeof word - 1) <= 0)
        return;
    bool aside = strcmp(word, KR_WATCH_ASIDE) == 0;
    if (!aside && strcmp(word, KR_WATCH_RELEASE) != 0)
        answer = "it does not know that word\n";
    else if (w->o.keep)
        answer = "a run is under way\n";
    else
        answer = aside ? kr_watch_stand_aside(w, &fd) : release(w);
    send(fd < 0 ? w->aside : fd, answer, strlen(answer), MSG_NOSIGNAL);
}

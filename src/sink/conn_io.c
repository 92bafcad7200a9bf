/* Octets to and from a connection's socket. */
#include "secure.h"
#include "worker_internal.h"

#include <errno.h>
#include <sys/socket.h>

int conn_send(struct conn *c, const char *data, size_t n, size_t *sent)
{
    *sent = 0;
    if (c->tls)
        return secure->send(c, data, n, sent);
    while (*sent < n) {
        ssize_t r = send(c->ref.fd, data + *sent, n - *sent, MSG_NOSIGNAL);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return errno == EAGAIN ? 0 : -1;
        *sent += (size_t)r;
    }
    return 1;
}

ssize_t conn_recv(struct conn *c, char *data, size_t n)
{
    return c->tls ? secure->recv(c, data, n) : recv(c->ref.fd, data, n, 0);
}

void conn_reset_on_close(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

#include <kr/sink_listen.h>

#include <kr/err.h>
#include <kr/log.h>
#include <kr/mem.h>
#include <kr/sink_config.h>

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 65535 /* the kernel takes no more than net.core.somaxconn */

static int cannot(const struct kr_endpoint *ep, const char *what, struct kr_err *e)
{
    char text[2 * KR_ADDRSTRLEN];
    int why = errno;
    return kr_fail(e, KR_CANNOT, why, "%s %s", what, kr_endpoint_str(ep, text));
}

/* A bound socket or -1; shared: others of this user may bind the same. */
static int bound(const struct kr_endpoint *ep, int shared, struct kr_err *e)
{
    struct sockaddr_storage ss;
    socklen_t len = kr_addr_sockaddr(&ep->first, ep->port, &ss);
    int family = kr_addr_family(&ep->first), on = 1;
    KR_AUTO_FD int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return cannot(ep, "no socket for", e);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &shared, sizeof shared) ||
        (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on)) ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on))
        return cannot(ep, "can't prepare", e);
    /* Inherited by what is accepted. Another one may pace what is sent (BBR does), with a timer for
     * each reply; if this kernel has none, its own will do. */
    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
    if (bind(fd, (struct sockaddr *)&ss, len))
        return cannot(ep, "can't listen on", e);
    int keep = fd;
    fd = -1;
    return keep;
}

/* SO_REUSEPORT would let a second sink take half of the connections: first bind without it. */
static int check_free(const struct kr_endpoint *ep, struct kr_err *e)
{
    KR_AUTO_FD int fd = bound(ep, 0, e);
    if (fd < 0)
        return -1;
    return listen(fd, 1) ? cannot(ep, "can't listen on", e) : 0;
}

int kr_sink_listen(int fd)
{
    return listen(fd, BACKLOG);
}

bool kr_sink_in_reserve(unsigned worker)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    return worker >= (unsigned)(cpus > 0 ? cpus : 1);
}

static int check_all(struct kr_sink_config *cfg, struct kr_err *e)
{
    size_t n = 0;
    for (size_t i = 0; i < cfg->listens; i++) {
        struct kr_err why = {0};
        bool bad = check_free(&cfg->listen[i], &why) != 0;
        if (bad && !(cfg->default_listen && why.sys == EAFNOSUPPORT)) {
            *e = why;
            return -1;
        }
        if (bad)
            kr_warn("%s; going on without it", why.msg);
        else
            cfg->listen[n++] = cfg->listen[i];
    }
    cfg->listens = n;
    return n ? 0 : kr_fail(e, KR_CANNOT, 0, "this kernel has neither IPv4 nor IPv6");
}

int kr_sink_bind(struct kr_sink_config *cfg, int **out, struct kr_err *e)
{
    if (check_all(cfg, e))
        return -1;
    size_t n = cfg->workers * cfg->listens;
    int *fds = kr_calloc(n, sizeof *fds);
    for (size_t i = 0; i < n; i++) {
        const struct kr_endpoint *ep = &cfg->listen[i % cfg->listens];
        fds[i] = bound(ep, 1, e);
        if (fds[i] < 0) {
            kr_sink_unlisten(fds, i);
            free(fds);
            return -1;
        }
    }
    *out = fds;
    return 0;
}

void kr_sink_unlisten(int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        kr_close_fd(&fds[i]);
}

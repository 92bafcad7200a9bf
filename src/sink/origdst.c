#include <kr/sink_origdst.h>

#include <sys/socket.h>

#define ORIGINAL_DST 80

static int ask_local(int fd, struct kr_addr *out, uint16_t *port)
{
    struct sockaddr_storage local = {0};
    socklen_t n = sizeof local;
    if (getsockname(fd, (struct sockaddr *)&local, &n))
        return -1;
    *out = kr_addr_from_sockaddr(&local, port);
    return 0;
}

int kr_origdst(int fd, const struct kr_endpoint *local, struct kr_origdst *out)
{
    struct sockaddr_storage orig = {0};
    uint16_t local_port = local ? local->port : 0, port = 0;
    if (local)
        out->local = local->first;
    else if (ask_local(fd, &out->local, &local_port))
        return -1;
    bool v4 = kr_addr_is_v4(&out->local);
    socklen_t n = v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    out->meant = out->local;
    out->redirected = false;
    if (getsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, ORIGINAL_DST, &orig, &n))
        return 0;
    struct kr_addr meant = kr_addr_from_sockaddr(&orig, &port);
    out->redirected = kr_addr_cmp(&meant, &out->local) != 0 || port != local_port;
    out->meant = meant;
    return 0;
}

#include <kr/sink_origdst.h>

#include <sys/socket.h>

#define ORIGINAL_DST 80

int kr_origdst(int fd, struct kr_origdst *out)
{
    struct sockaddr_storage local = {0}, orig = {0};
    socklen_t n = sizeof local;
    uint16_t local_port, port = 0;
    if (getsockname(fd, (struct sockaddr *)&local, &n))
        return -1;
    bool v4 = local.ss_family == AF_INET;
    out->local = out->meant = kr_addr_from_sockaddr(&local, &local_port);
    out->redirected = false;
    n = v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    if (getsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, ORIGINAL_DST, &orig, &n))
        return 0;
    struct kr_addr meant = kr_addr_from_sockaddr(&orig, &port);
    out->redirected = kr_addr_cmp(&meant, &out->local) != 0 || port != local_port;
    out->meant = meant;
    return 0;
}

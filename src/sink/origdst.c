#include <kr/sink_origdst.h>

#include <sys/socket.h>

#define ORIGINAL_DST 80

static int ask_local(int fd, struct kr_addr *out)
{
    struct sockaddr_storage local = {0};
    socklen_t n = sizeof local;
    uint16_t port;
    if (getsockname(fd, (struct sockaddr *)&local, &n))
        return -1;
    *out = kr_addr_from_sockaddr(&local, &port);
    return 0;
}

int kr_origdst(int fd, const struct kr_endpoint *bound, bool local, struct kr_origdst *out)
{
    bool v4 = kr_addr_is_v4(&bound->first);
    struct sockaddr_storage orig = {0};
    socklen_t n = v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    uint16_t port = bound->port;
    out->local = out->meant = bound->first;
    bool tracked = getsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, ORIGINAL_DST, &orig, &n) == 0;
    if (tracked)
        out->meant = kr_addr_from_sockaddr(&orig, &port);
    bool moved = port != bound->port; /* which says enough, where nobody asks for our end */
    if ((local || !moved) && kr_addr_is_any(&out->local) && ask_local(fd, &out->local))
        return -1;
    out->redirected = moved || (tracked && kr_addr_cmp(&out->meant, &out->local) != 0);
    if (!out->redirected)
        out->meant = out->local;
    return 0;
}

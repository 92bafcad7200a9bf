#include <kr/origin.h>

#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <string.h>

/* 1: found, 0: the family does not lead out this way, -1: could not be asked. */
static int source_toward(const char *to, struct kr_addr *source, struct kr_err *e)
{
    struct kr_addr dst;
    struct sockaddr_storage ss;
    if (kr_addr_parse(to, &dst, e))
        return -1;
    KR_AUTO_FD int fd = socket(kr_addr_family(&dst), SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno == EAFNOSUPPORT ? 0 : kr_fail(e, KR_UNKNOWN, errno, "socket");
    socklen_t len = kr_addr_sockaddr(&dst, 9, &ss);
    if (connect(fd, (struct sockaddr *)&ss, len))
        return 0;
    len = sizeof ss;
    if (getsockname(fd, (struct sockaddr *)&ss, &len))
        return kr_fail(e, KR_UNKNOWN, errno, "getsockname");
    uint16_t port;
    *source = kr_addr_from_sockaddr(&ss, &port);
    return kr_addr_is_loopback(source) ? 0 : 1;
}

static int find(const char *const *toward, size_t n, bool *has, struct kr_addr *source,
                struct kr_err *e)
{
    *has = false;
    for (size_t i = 0; i < n && !*has; i++) {
        int got = source_toward(toward[i], source, e);
        if (got < 0)
            return kr_wrap(e, "asking the kernel for the source address toward %s", toward[i]);
        *has = got == 1;
    }
    return 0;
}

int kr_origin_find(struct kr_origin *out, struct kr_err *e)
{
    static const char *const v4[] = {"192.0.2.1", "198.51.100.1", "203.0.113.1"};
    static const char *const v6[] = {"2001:db8::1", "3fff::1"};
    memset(out, 0, sizeof *out);
    if (find(v4, sizeof v4 / sizeof *v4, &out->has4, &out->source4, e))
        return -1;
    return find(v6, sizeof v6 / sizeof *v6, &out->has6, &out->source6, e);
}

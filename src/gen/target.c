#include <kr/gen_target.h>

#include "ask.h"

#include <kr/endpoint.h>
#include <kr/err.h>
#include <kr/mem.h>
#include <kr/prefixset.h>

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define CHOOSE_MS 3000

static int cut(const char *text, struct kr_target *t, struct kr_err *e)
{
    const char *colon = strrchr(text, ':'), *from = text, *to = colon;
    bool brackets = *text == '[' && colon && colon > text + 2 && colon[-1] == ']';
    if (brackets) {
        from++;
        to--;
    }
    if (!colon || to == from || (size_t)(to - from) >= sizeof t->host ||
        (!brackets && memchr(from, ':', (size_t)(to - from))))
        return kr_fail(e, KR_USAGE, 0, "--target '%s' is not HOST:PORT or [V6]:PORT", text);
    snprintf(t->host, sizeof t->host, "%.*s", (int)(to - from), from);
    return kr_port_parse(colon + 1, &t->port, e) ? kr_wrap(e, "--target '%s'", text) : 0;
}

static void add(struct kr_target *t, const struct addrinfo *a)
{
    struct sockaddr_storage ss = {0};
    if (t->n == KR_TARGET_ADDRESSES || (a->ai_family != AF_INET && a->ai_family != AF_INET6))
        return;
    memcpy(&ss, a->ai_addr, a->ai_addrlen < sizeof ss ? a->ai_addrlen : sizeof ss);
    t->scope[t->n] = a->ai_family == AF_INET6 ? ((struct sockaddr_in6 *)&ss)->sin6_scope_id : 0;
    t->addr[t->n++] = kr_addr_from_sockaddr(&ss, NULL);
}

int kr_target_find(const char *text, struct kr_target *out, struct kr_err *e)
{
    struct addrinfo how = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST}, *found = NULL;
    struct kr_target t = {0};
    if (cut(text, &t, e))
        return -1;
    int why = getaddrinfo(t.host, NULL, &how, &found);
    t.named = why != 0;
    if (t.named) {
        how.ai_flags = 0;
        why = getaddrinfo(t.host, NULL, &how, &found);
    }
    if (why)
        return kr_fail(e, KR_CANNOT, why == EAI_SYSTEM ? errno : 0, "--target '%s': %s", text,
                       gai_strerror(why));
    for (const struct addrinfo *a = found; a; a = a->ai_next)
        add(&t, a);
    freeaddrinfo(found);
    if (!t.n)
        return kr_fail(e, KR_CANNOT, 0, "--target '%s' has no address", text);
    *out = t;
    return 0;
}

static bool takes(const struct kr_target *t, size_t i)
{
    struct sockaddr_storage to;
    socklen_t len = kr_addr_sockaddr(&t->addr[i], t->port, &to);
    if (to.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&to)->sin6_scope_id = t->scope[i];
    KR_AUTO_FD int fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    if (connect(fd, (struct sockaddr *)&to, len) == 0)
        return true;
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int sys = errno;
    socklen_t n = sizeof sys;
    return sys == EINPROGRESS && poll(&p, 1, CHOOSE_MS) == 1 &&
           getsockopt(fd, SOL_SOCKET, SO_ERROR, &sys, &n) == 0 && sys == 0;
}

void kr_target_choose(struct kr_target *t)
{
    t->use = 0;
    for (size_t i = 0; t->n > 1 && i < t->n; i++)
        if (takes(t, i)) {
            t->use = i;
            return;
        }
}

int kr_target_look(const struct kr_addr *a, unsigned scope, enum kr_target_where *out,
                   struct kr_err *e)
{
    struct route r;
    struct kr_prefix alone = kr_prefix_make(a, 128);
    if (kr_addr_is_loopback(a)) {
        *out = KR_TARGET_HERE;
        return 0;
    }
    int none = ask_route(a, scope, 0, &r, e);
    if (none < 0)
        return -1;
    *out = none                  ? KR_TARGET_ELSEWHERE
           : r.type == RTN_LOCAL ? KR_TARGET_HERE
           : r.type == RTN_UNICAST && !r.gateway && kr_prefix_is_private(&alone)
               ? KR_TARGET_LAN
               : KR_TARGET_ELSEWHERE;
    return 0;
}

#include "dns_net_internal.h"

#include <kr/clock.h>
#include <kr/dns_batch.h>
#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64u
#define ANSWER 4096u     /* larger ones are no answers to what we ask for */
#define BUFFER (8 << 20) /* of a socket, when it is to be had */
#define CHARGED 2304u    /* bytes of the buffer for an answer of up to 1,232 bytes */
#define MOST_WINDOW 8192u
#define ROUNDS 8u      /* batches from one socket before the others have their turn */
#define MANY 256u      /* out at once: so much work that a server is not done within a nap */
#define NAP_NS 500000L /* meanwhile answers gather, and nobody is woken up for each */
#define SOCKETS (KR_DNS_SERVERS * KR_DNS_PATHS)

struct kr_dns_net {
    int fd4[SOCKETS], fd6[SOCKETS], fd[SOCKETS]; /* the last: those in use */
    struct kr_resolvconf servers;
    int epoll;
    uint32_t window;
    struct kr_batch out[SOCKETS];
    struct mmsghdr in[BATCH];
    struct iovec in_v[BATCH];
    uint8_t in_b[BATCH][ANSWER];
    uint32_t random[1024];
    size_t random_left;
    struct tcps tcps;
};

static int open_socket(int family)
{
    int size = BUFFER, fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size))
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    return fd;
}

static void set_up_batches(struct kr_dns_net *n)
{
    for (size_t i = 0; i < BATCH; i++) {
        n->in_v[i] = (struct iovec){n->in_b[i], ANSWER};
        n->in[i].msg_hdr = (struct msghdr){.msg_iov = &n->in_v[i], .msg_iovlen = 1};
    }
}

struct kr_dns_net *kr_dns_net_open(struct kr_err *e)
{
    struct kr_dns_net *n = kr_calloc(1, sizeof *n);
    for (size_t i = 0; i < SOCKETS; i++) {
        n->fd[i] = -1;
        n->fd4[i] = open_socket(AF_INET);
        n->fd6[i] = open_socket(AF_INET6);
    }
    n->epoll = epoll_create1(EPOLL_CLOEXEC);
    kr_tcps_begin(&n->tcps, n->epoll);
    set_up_batches(n);
    if (n->epoll >= 0 && (n->fd4[SOCKETS - 1] >= 0 || n->fd6[SOCKETS - 1] >= 0))
        return n;
    kr_fail(e, KR_CANNOT, errno, "sockets for DNS");
    kr_dns_net_free(n);
    return NULL;
}

void kr_dns_net_free(struct kr_dns_net *n)
{
    if (!n)
        return;
    kr_tcps_end(&n->tcps);
    for (size_t i = 0; i < SOCKETS; i++) {
        kr_close_fd(&n->fd4[i]);
        kr_close_fd(&n->fd6[i]);
        kr_close_fd(&n->fd[i]);
    }
    kr_close_fd(&n->epoll);
    free(n);
}

static int connect_server(struct kr_dns_net *n, size_t server, const struct kr_dns_server *s)
{
    struct sockaddr_storage ss;
    socklen_t len = kr_dns_server_sockaddr(s, &ss);
    for (size_t i = server * KR_DNS_PATHS; i < (server + 1) * KR_DNS_PATHS; i++) {
        int *from = ss.ss_family == AF_INET ? &n->fd4[i] : &n->fd6[i];
        struct epoll_event ev = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        if (*from < 0 || connect(*from, (struct sockaddr *)&ss, len) ||
            epoll_ctl(n->epoll, EPOLL_CTL_ADD, *from, &ev))
            return -1;
        n->fd[i] = *from;
        *from = -1;
    }
    return 0;
}

static uint32_t window_of(const struct kr_dns_net *n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < KR_DNS_PATHS; i++) {
        int size = 0;
        socklen_t len = sizeof size;
        if (getsockopt(n->fd[i], SOL_SOCKET, SO_RCVBUF, &size, &len) == 0)
            sum += (uint64_t)size / CHARGED;
    }
    return sum < 1 ? 1 : sum > MOST_WINDOW ? MOST_WINDOW : (uint32_t)sum;
}

/* A server that can't be reached from here (no route of its family) is left out. */
int kr_dns_net_connect(struct kr_dns_net *n, const struct kr_resolvconf *servers, struct kr_err *e)
{
    int why = 0;
    n->servers = *servers;
    n->servers.n = 0;
    for (size_t i = 0; i < servers->n; i++) {
        if (connect_server(n, n->servers.n, &servers->v[i]) == 0)
            n->servers.v[n->servers.n++] = servers->v[i];
        else
            why = errno;
    }
    if (!n->servers.n)
        return kr_fail(e, KR_CANNOT, why, "no DNS server can be reached");
    n->window = window_of(n);
    return (int)n->servers.n;
}

uint32_t kr_dns_net_window(const struct kr_dns_net *n)
{
    return n->window;
}

void kr_dns_net_send(void *arg, unsigned server, unsigned path, const uint8_t *b, size_t len)
{
    struct kr_dns_net *n = arg;
    size_t i = (size_t)server * KR_DNS_PATHS + path;
    kr_batch_add(&n->out[i], b, len);
    if (n->out[i].n == KR_BATCH)
        kr_batch_send(&n->out[i], n->fd[i]);
}

bool kr_dns_net_tcp(void *arg, unsigned server, uint32_t slot, const uint8_t *b, size_t len)
{
    struct kr_dns_net *n = arg;
    return kr_tcps_start(&n->tcps, &n->servers.v[server], slot, b, len, kr_now_us());
}

/* From the kernel, since who can guess an id can forge an answer. */
uint32_t kr_dns_net_random(void *arg)
{
    struct kr_dns_net *n = arg;
    if (!n->random_left) {
        size_t have = 0;
        while (have < sizeof n->random) {
            ssize_t got = getrandom((char *)n->random + have, sizeof n->random - have, 0);
            have += got > 0 ? (size_t)got : 0;
        }
        n->random_left = sizeof n->random / sizeof *n->random;
    }
    return n->random[--n->random_left];
}

static void receive(struct kr_dns_net *n, size_t i, struct kr_ask *a)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        int got = recvmmsg(n->fd[i], n->in, BATCH, MSG_DONTWAIT, NULL);
        uint64_t now = kr_now_us();
        for (int k = 0; k < got; k++)
            if (!(n->in[k].msg_hdr.msg_flags & MSG_TRUNC))
                kr_ask_input(a, (unsigned)(i / KR_DNS_PATHS), (unsigned)(i % KR_DNS_PATHS),
                             n->in_b[k], n->in[k].msg_len, now);
        if (got < (int)BATCH)
            return;
    }
}

static int wait_ms(uint64_t until)
{
    uint64_t now = kr_now_us();
    if (until <= now)
        return 0;
    return until - now > 1000000 ? 1000 : (int)((until - now + 999) / 1000);
}

int kr_dns_net_wait(struct kr_dns_net *n, struct kr_ask *a, uint64_t until, struct kr_err *e)
{
    struct epoll_event ev[SOCKETS + KR_TCP_MOST];
    for (size_t i = 0; i < n->servers.n * KR_DNS_PATHS; i++)
        if (n->out[i].n)
            kr_batch_send(&n->out[i], n->fd[i]);
    if (kr_ask_out(a) >= MANY)
        nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
    int got = epoll_wait(n->epoll, ev, SOCKETS + KR_TCP_MOST, wait_ms(until));
    if (got < 0 && errno != EINTR)
        return kr_fail(e, KR_CANNOT, errno, "waiting for answers");
    for (int k = 0; k < got; k++) {
        uint32_t i = ev[k].data.u32;
        if (i < SOCKETS)
            receive(n, i, a);
        else
            kr_tcps_event(&n->tcps, i - KR_TCP_FIRST, a, kr_now_us());
    }
    kr_tcps_look(&n->tcps, a, kr_now_us());
    return 0;
}

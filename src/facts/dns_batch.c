/* Most of what a small datagram costs is the same for one that is sixty times as long. So queries
 * of one length are handed over as one message, and a shorter one may end it; the kernel takes it
 * apart as late as it can (UDP_SEGMENT, udp(7)). */
#include <kr/dns_batch.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>

void kr_batch_add(struct kr_batch *o, const uint8_t *b, size_t len)
{
    unsigned at = o->n;
    memcpy(o->b[o->n], b, len);
    for (; at && o->v[at - 1].iov_len < len; at--)
        o->v[at] = o->v[at - 1];
    o->v[at] = (struct iovec){o->b[o->n++], len};
}

static void fill(struct kr_batch *o, unsigned message, unsigned first, unsigned n)
{
    struct msghdr *h = &o->m[message].msg_hdr;
    *h = (struct msghdr){.msg_iov = &o->v[first], .msg_iovlen = n};
    if (n == 1)
        return;
    uint16_t size = (uint16_t)o->v[first].iov_len;
    h->msg_control = o->segment[message].b;
    h->msg_controllen = sizeof o->segment[message].b;
    struct cmsghdr *c = CMSG_FIRSTHDR(h);
    *c = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof size), .cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_SEGMENT};
    memcpy(CMSG_DATA(c), &size, sizeof size);
}

/* Messages for the queries from `first` on; returns how many. */
static unsigned arrange(struct kr_batch *o, unsigned first)
{
    unsigned messages = 0;
    while (first < o->n) {
        unsigned end = first + 1;
        while (!o->single && end < o->n && o->v[end].iov_len == o->v[first].iov_len)
            end++;
        end += !o->single && end < o->n; /* the next is shorter */
        fill(o, messages++, first, end - first);
        first = end;
    }
    return messages;
}

/* Whether it is the taking apart that this kernel, this device or this path can't do. */
static bool refused(const struct kr_batch *o, unsigned message, int why)
{
    return o->m[message].msg_hdr.msg_controllen &&
           (why == EINVAL || why == EIO || why == EMSGSIZE || why == EOPNOTSUPP);
}

void kr_batch_send(struct kr_batch *o, int fd)
{
    unsigned n = arrange(o, 0), done = 0;
    for (int tries = 0; done < n && tries < 16; tries++) {
        int got = sendmmsg(fd, o->m + done, n - done, MSG_NOSIGNAL);
        if (got > 0) {
            done += (unsigned)got;
        } else if (refused(o, done, errno)) {
            o->single = true;
            n = arrange(o, (unsigned)(o->m[done].msg_hdr.msg_iov - o->v));
            done = 0;
        } else if (errno == EAGAIN || errno == ENOBUFS) {
            struct pollfd p = {.fd = fd, .events = POLLOUT};
            poll(&p, 1, 10);
        } else if (errno != EINTR && errno != ECONNREFUSED) {
            break;
        }
    }
    o->n = 0;
}

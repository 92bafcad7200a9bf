/* Who answers on a port: connects, reads a greeting, says QUIT. */
#ifndef KR_GREET_H
#define KR_GREET_H

#include <kr/addr.h>

struct kr_err;

struct kr_greet {
    struct kr_addr to;
    uint16_t port;
    unsigned index; /* the device of a link-local address, else 0 */
    bool accepted;  /* the connection was; without a word: it did not greet in time */
    char line[128]; /* the first line of the greeting, printable; "" without */
    int fd;         /* its own */
};

/* Asks all of them at once and ends after `ms` at the latest. At most as many as there are
 * descriptors; a host that can't be asked for want of one is an error. Returns 0, or -1
 * (KR_CANNOT, KR_UNKNOWN). */
int kr_greet_all(struct kr_greet *v, size_t n, unsigned ms, struct kr_err *e);

#endif

/* What carries the queries of the asking engine. */
#ifndef KR_DNS_ASK_WIRE_H
#define KR_DNS_ASK_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The network, or what stands for it. */
struct kr_ask_wire {
    void *arg;
    /* A datagram to a server by one of its paths (sockets). */
    void (*send)(void *arg, unsigned server, unsigned path, const uint8_t *b, size_t len);
    /* Begins an exchange over TCP, whose end is told by kr_ask_tcp; false: too many already. */
    bool (*tcp)(void *arg, unsigned server, uint32_t slot, const uint8_t *b, size_t len);
    uint32_t (*random)(void *arg);
};

#endif

/* Many questions at once to a few servers: which are out, what answers them, when to ask again.
 * Knows neither sockets nor the clock: both come from outside, so that tests can bring their own.
 */
#ifndef KR_DNS_ASK_H
#define KR_DNS_ASK_H

#include <kr/dns_ask_wire.h>
#include <kr/dns_query.h>
#include <kr/dns_reply.h>

struct kr_ask;
struct kr_question {
    const uint8_t *name; /* lower case; copied */
    uint16_t type;
    unsigned how;      /* KR_ASK_* */
    uint32_t kind, of; /* the asker's own */
};
struct kr_ask_hooks {
    void *arg;
    /* The next question; false: none for now. */
    bool (*next)(void *arg, struct kr_question *q);
    /* A question's end, exactly once; p NULL: nobody answered. */
    void (*done)(void *arg, const struct kr_question *q, const struct kr_packet *p,
                 const struct kr_reply *r);
};
struct kr_ask_config {
    unsigned servers, paths; /* paths of each server; servers * paths <= 64 */
    uint32_t window;         /* questions out at once, at most 65000 */
    unsigned tries;          /* of each question */
    uint64_t qps;            /* queries a second; 0: as fast as they are answered */
    bool mix_case;           /* draft-vixie-dnsext-dns0x20 */
};
struct kr_ask_stats {
    uint64_t sent, again, answered, lost, strays,
        tcp;              /* lost: datagrams without an answer in time */
    uint32_t window, rtt; /* now; us, of the first server */
};

struct kr_ask *kr_ask_new(const struct kr_ask_config *c, const struct kr_ask_hooks *h,
                          const struct kr_ask_wire *w);
void kr_ask_free(struct kr_ask *a);
/* Asks what may be asked and asks again what went unanswered. Returns when it wants to be called
 * again at the latest (us); UINT64_MAX: not before something arrives. */
uint64_t kr_ask_pump(struct kr_ask *a, uint64_t now);
/* A datagram came. What is no answer to a question that is out is dropped. */
void kr_ask_input(struct kr_ask *a, unsigned server, unsigned path, const uint8_t *b, size_t len,
                  uint64_t now);
/* The end of an exchange over TCP; b NULL: it failed. */
void kr_ask_tcp(struct kr_ask *a, uint32_t slot, const uint8_t *b, size_t len, uint64_t now);
/* From now on fewer at once, with more patience: for those that were not answered before. */
void kr_ask_slow(struct kr_ask *a);
uint32_t kr_ask_out(const struct kr_ask *a);
struct kr_ask_stats kr_ask_stats(const struct kr_ask *a);

#endif

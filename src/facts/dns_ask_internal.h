/* What the parts of the asking engine share. */
#ifndef KR_DNS_ASK_INTERNAL_H
#define KR_DNS_ASK_INTERNAL_H

#include <kr/dns_ask.h>

#define KR_NO_SLOT UINT32_MAX
#define KR_WHEEL 1024u    /* a power of two */
#define KR_WHEEL_US 8192u /* of a spoke */

/* Lists of slots by the time they are due, linked by number. */
struct kr_wheel {
    uint32_t first[KR_WHEEL];
    uint64_t at; /* spokes before this one are empty */
    uint32_t n;
};
struct kr_wheel_link {
    uint32_t next, before;
    uint64_t due; /* us */
    bool linked;
};
/* Of link i in an array of links with a stride. */
struct kr_wheel_links {
    void *base;
    size_t stride;
};
void kr_wheel_begin(struct kr_wheel *w, uint64_t now);
void kr_wheel_add(struct kr_wheel *w, struct kr_wheel_links l, uint32_t i, uint64_t due);
void kr_wheel_drop(struct kr_wheel *w, struct kr_wheel_links l, uint32_t i);
/* Takes one that is due; KR_NO_SLOT: none is. */
uint32_t kr_wheel_due(struct kr_wheel *w, struct kr_wheel_links l, uint64_t now);

/* How long to wait for a server (RFC 6298), and how many questions may be out. */
struct kr_pace {
    uint32_t srtt, var; /* us; 0: not measured yet */
};
void kr_pace_measure(struct kr_pace *p, uint64_t us);
uint64_t kr_pace_timeout(const struct kr_pace *p, unsigned tries, bool slow);

struct kr_window {
    uint32_t now, most;
    uint32_t done, lost; /* since the last look */
    uint32_t before,
        rate;      /* before it last grew: how large it was, and what was answered; 0: did not */
    uint32_t rest; /* looks until it may grow again */
    uint64_t looked;
};
void kr_window_begin(struct kr_window *w, uint32_t most);
void kr_window_look(struct kr_window *w, uint64_t now);

#endif

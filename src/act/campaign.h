/* What verify sends to prove that nothing leaves: the same packet by many methods, each first to a
 * port that nobody guards, where the monitor must see it, then to a guarded one. */
#ifndef KR_CAMPAIGN_H
#define KR_CAMPAIGN_H

#include "check_own.h"

#include <kr/monitor.h>
#include <kr/netview.h>

enum kr_method {
    KR_BY_CONNECT, /* connect(2) from each of the host's addresses */
    KR_BY_MARK,    /* with SO_MARK */
    KR_BY_DEVICE,  /* bound to each uplink (SO_BINDTODEVICE) */
    KR_BY_RAW,     /* raw(7), with its own IP header */
    KR_BY_PACKET,  /* packet(7), on each uplink */
    KR_BY_FORWARD, /* from a network namespace behind this one */
    KR_METHODS
};

struct kr_shot {
    enum kr_method method;
    struct kr_addr source, destination; /* each destination is used once */
    uint16_t port;
    unsigned ifindex; /* of what it is bound to, or 0 */
    bool control;     /* to a port that is not guarded; its negative is the next one */
    int fd, sys;      /* sys: errno value when it could not be sent */
    bool seen, asked; /* a frame left; a neighbour was asked for */
    unsigned seen_on;
};
struct kr_campaign {
    struct kr_shot *v;
    size_t n, cap;
    const struct kr_netview *view; /* borrowed */
    struct kr_monitor monitor;
    unsigned stray_on;   /* device by which a packet for the sink's range left; 0: none */
    unsigned next;       /* number of the next destination */
    char forward[128];   /* why nothing was sent by KR_BY_FORWARD, or "" */
    size_t sources_left; /* addresses beyond the most that are tried */
};

/* Runs it once and keeps it in the proof. NULL: the monitor or a method failed (KR_UNKNOWN). */
const struct kr_campaign *kr_campaign_of(struct kr_proof *p, struct kr_err *e);
void kr_campaign_free(struct kr_campaign *c);

/* Adds a shot and its control. */
void kr_campaign_pair(struct kr_campaign *c, const struct kr_shot *like, uint16_t control);
/* Sends one; what fails is kept in it. TTL 1 (forwarded: 2), so that no router passes it on. */
void kr_shot_send(struct kr_shot *s);
/* Reads the monitor until the shots of a kind, from number `from` on, were all seen or could not be
 * sent, or for ms. */
int kr_campaign_wait(struct kr_campaign *c, size_t from, bool control, int ms, struct kr_err *e);
/* The part of KR_BY_FORWARD, in a child that enters a namespace of its own. */
int kr_campaign_forward(struct kr_campaign *c, uint16_t port, uint16_t control, struct kr_err *e);

#endif

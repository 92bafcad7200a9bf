/* Which namespaces have a way out that does not lead through ours. */
#ifndef KR_WAYS_H
#define KR_WAYS_H

#include "spaces.h"

struct kr_wanted;

/* The best way out of a namespace that does not lead through ours. */
struct kr_way {
    enum kr_verdict verdict;      /* KR_HOLDS: there is none */
    const struct kr_far_link *by; /* the device, or NULL */
    char what[200];
};
/* Fills ways[n]; `tuns` says who holds the tun devices that are attached. */
void kr_spaces_judge(const struct kr_spaces *s, const struct kr_wanted *tuns, size_t n_tuns,
                     struct kr_way *ways);

enum kr_manner {
    KR_DEV_QUIET,   /* sends nothing by itself: a bridge, a bond, a dummy */
    KR_DEV_PAIR,    /* hands over to its other end */
    KR_DEV_CHILD,   /* sends by a lower device */
    KR_DEV_TUNNEL,  /* wraps packets up */
    KR_DEV_TUN,     /* a program reads what it sends */
    KR_DEV_WIRE,    /* hardware */
    KR_DEV_STRANGE, /* not known */
};
/* By its kind. */
enum kr_manner kr_link_manner(const struct kr_link *l);

#endif

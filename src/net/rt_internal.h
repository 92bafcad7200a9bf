/* What the files that speak rtnetlink share. */
#ifndef KR_RT_INTERNAL_H
#define KR_RT_INTERNAL_H

#include <kr/rt.h>

struct kr_rt_item {
    size_t at;   /* where in kr_rt.out the message begins */
    int ignore;  /* an errno value that is as good as success, or 0 */
    char *what;  /* NULL: a route, which says itself what it is */
    bool waited; /* for an answer */
};

/* As kr_rt_queue, without a text (only for routes) and asking for no ack. */
struct nl_msg *kr_rt_queue_plain(struct kr_rt *rt, int type, int flags, int ignore);
/* "the route 10.0.0.0/8 in table 2525", from the message that adds it. */
const char *kr_rt_route_name(struct nlmsghdr *h, char out[static 96]);

#endif

/* What the parts of the validator share. */
#ifndef KR_DNS_VALIDATE_INTERNAL_H
#define KR_DNS_VALIDATE_INTERNAL_H

#include "dns_anchor.h"

#define KR_WORK_MOST 32 /* signatures tried for one answer */

enum node_ask_kind { ASK_DS, ASK_DNSKEY };
enum node_state {
    NODE_NEW,
    NODE_WAITS,
    NODE_CUT,
    NODE_SAME,
    NODE_INSECURE,
    NODE_BOGUS,
    NODE_FAILED,
};
#define NODE_KNOWN NODE_CUT
struct job {
    struct job *next;
    struct kr_question q;
    struct kr_packet p;
    struct kr_reply r;
    uint8_t bytes[];
};
struct node {
    struct kr_keys *keys; /* while it waits: its DS records */
    struct job *jobs;
    uint32_t parent, waiting, next; /* waiting: the first child that does, linked by next */
    uint8_t state, failures;
};
struct node_ask {
    uint32_t kind, node;
};
struct kr_validator {
    const struct kr_anchors *anchors;
    time_t now;
    kr_judged *judged;
    void *arg;
    struct kr_name_table names; /* of the nodes, with the same numbers */
    struct node *nodes;
    struct node_ask *asks;
    size_t cap_nodes, cap_asks, n_asks, first_ask;
    struct job *ready;
};
/* The node of a name, made when there is none. */
uint32_t kr_node_find(struct kr_validator *v, const uint8_t *name);
/* The nearest node at or above a known one that is more than SAME. */
uint32_t kr_node_zone(const struct kr_validator *v, uint32_t i);
bool kr_node_known(struct kr_validator *v, uint32_t i);

#endif

/* What a rule of somebody else does, and to which packets: as far as its expressions tell. */
#ifndef KR_NFT_ACT_H
#define KR_NFT_ACT_H

#include <stddef.h>
#include <stdint.h>

enum kr_nft_does {
    KR_DOES_MAP, /* gives another destination, by NAT */
    KR_DOES_NOTRACK,
    KR_DOES_ZONE, /* sets a conntrack zone */
    KR_DOES_DUP,
    KR_DOES_FWD,
    KR_DOES_TEE, /* dup, as xtables has it */
    KR_DOES_QUEUE,
    KR_DOES_WRITE, /* changes addresses, ports, or what says where they are */
    KR_DOES_TPROXY,
    KR_DOES_SYNPROXY,
    KR_DOES_OFFLOAD, /* puts flows into a flowtable */
    KR_DOES_UNKNOWN, /* something we do not know */
    KR_DOES_N
};

/* Packets a rule or chain may meet, one bit or more of each kind; a kind without any bit: none. A
 * bit is taken away only where an expression proves it. */
#define KR_MAY_PORT(i) (1u << (i)) /* the destination port is number i of those asked about */
#define KR_MAY_PORTS 0xffffu
#define KR_MAY_OTHER_PORT (1u << 16)
#define KR_MAY_TCP (1u << 17)
#define KR_MAY_V4 (1u << 18)
#define KR_MAY_V6 (1u << 19)
#define KR_MAY_FROM_LO (1u << 20)
#define KR_MAY_FROM_DEV (1u << 21) /* from another device, or none */
#define KR_MAY_TO_LO (1u << 22)
#define KR_MAY_TO_DEV (1u << 23)
#define KR_MAY_TO_LOCAL (1u << 24) /* to an address of this host */
#define KR_MAY_TO_ELSEWHERE (1u << 25)
#define KR_MAY_ALL ((1u << 26) - 1)

/* Hooks: 1u << NF_INET_* (also those of bridge), and: */
#define KR_ON_INGRESS (1u << 5)
#define KR_ON_EGRESS (1u << 6)
#define KR_ON_LATE (1u << 7) /* at INT_MAX in output, forward, postrouting, egress: our guards' */

struct kr_scan_act {
    enum kr_nft_does does;
    size_t chain;    /* index */
    uint64_t handle; /* of the rule; 0: it is about the chain itself */
    uint32_t may;    /* as the rule narrows it; what reaches its chain is said there */
    int to_port;     /* MAP: 0: the port stays; -1: can't be told */
    unsigned device; /* DUP, FWD: interface index of the target, 0: can't be told */
    char what[32];   /* the expression or target: "notrack", "TEE" */
};

#endif

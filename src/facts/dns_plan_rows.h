/* What the plan keeps of each domain, host, policy, alias and zone. */
#ifndef KR_DNS_PLAN_ROWS_H
#define KR_DNS_PLAN_ROWS_H

#include <stdbool.h>
#include <stdint.h>

/* 12 bytes a domain, and its name. */
struct plan_domain {
    uint32_t group; /* NO_GROUP: none */
    uint8_t mx, trust, sts, tlsrpt, own_tlsa;
    bool settled; /* its MX is known, or will never be */
};
#define NO_GROUP UINT32_MAX
/* Of one address family. */
enum addresses { ADDR_UNASKED, ADDR_WAITING, ADDR_SECURE, ADDR_INSECURE, ADDR_NONE, ADDR_FAILED };
struct plan_host {
    uint32_t expanded; /* in plan.expanded; KR_NO_NAME: no alias, or not secure */
    uint8_t a, aaaa;   /* enum addresses */
    uint8_t alias, tlsa, tlsa_expanded, flags;
    uint16_t asked; /* bits by enum ask_kind */
};
/* Of a domain that announces one. */
struct plan_policy {
    uint32_t domain, max_age;
    uint64_t names; /* its MX hosts, by bit, that the policy names */
    uint16_t http;
    uint8_t policy, fetched, lost, n4, n6; /* lost: bit 0 AAAA, bit 1 A */
    uint8_t a4[4][4], a6[4][16];
};
/* Another question goes on at the target of an alias of which the answer did not speak. */
struct plan_chain {
    uint32_t of, target; /* target: in plan.targets */
    uint8_t kind, links, proof;
};
enum zone_state { ZONE_UNASKED, ZONE_ASKED, ZONE_INSECURE, ZONE_OTHER };
struct plan_zone {
    uint32_t hosts; /* that it denied something of */
    uint8_t state;
};

#endif

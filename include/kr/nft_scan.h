/* The nftables rules of others in this network namespace, all families, reduced to what may carry a
 * TCP packet for one of our ports past us. iptables-legacy is not in it. */
#ifndef KR_NFT_SCAN_H
#define KR_NFT_SCAN_H

#include <kr/nft_act.h>

#include <stdbool.h>

struct kr_err;

struct kr_scan_table {
    int family; /* NFPROTO_* */
    char *name;
    uint32_t flags;   /* NFT_TABLE_F_* */
    uint32_t objects; /* kinds its maps may hand out: 1 << NFT_OBJECT_* */
};
struct kr_scan_chain {
    char *name, type[24];
    char *devices; /* "eth0 veth*", or NULL */
    bool base, drops;
    unsigned table, hook; /* index; NF_INET_*, NF_NETDEV_* */
    int priority;
    uint32_t on, may; /* KR_ON_*, KR_MAY_*: what reaches it, by jumps too */
    size_t from;      /* a base chain that leads here, or itself */
};
struct kr_scan_flowtable {
    char *name, *devices;
    unsigned table;
    uint32_t flags; /* NFT_FLOWTABLE_* */
};
struct kr_nftscan {
    struct kr_scan_table *tables; /* by family and name */
    struct kr_scan_chain *chains; /* by table and name */
    struct kr_scan_act *acts;     /* in the kernel's order */
    struct kr_scan_flowtable *flowtables;
    size_t n_tables, n_chains, n_acts, n_flowtables, n_rules;
    uint32_t generation;
};

/* Reads it all under one generation of the ruleset, at most 20 tries; elements of sets are not read
 * (so a verdict map may lead to any chain of its table). Tables inet and netdev called `own` are
 * left out. At most 16 ports. Linear in rules × log chains. What the kernel holds but this program
 * does not know becomes KR_DOES_UNKNOWN. Returns 0, or -1: KR_CANNOT without CAP_NET_ADMIN, else
 * KR_UNKNOWN. */
int kr_nftscan_read(const char *own, const uint16_t *ports, size_t n_ports, struct kr_nftscan *out,
                    struct kr_err *e);
void kr_nftscan_free(struct kr_nftscan *s);
/* What the act may meet in its chain. */
uint32_t kr_nftscan_may(const struct kr_nftscan *s, const struct kr_scan_act *a);
/* Is `name` among devices ("eth0 veth*")? */
bool kr_nftscan_on_device(const char *devices, const char *name);

#endif

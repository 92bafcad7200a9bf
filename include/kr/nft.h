/* A ruleset as data: built from terms, printed as nft(8) syntax, loaded in one transaction, and
 * read back and compared expression by expression. The terms are in <kr/nft_rule.h>. */
#ifndef KR_NFT_H
#define KR_NFT_H

#include <kr/addr.h>

struct kr_buf;
struct kr_err;
struct kr_nft;       /* a ruleset */
struct kr_nft_table; /* parts of it, owned by it */
struct kr_nft_set;
struct kr_nft_chain;

struct kr_nft *kr_nft_new(void);
void kr_nft_free(struct kr_nft *r);
/* family: NFPROTO_INET or NFPROTO_NETDEV. */
struct kr_nft_table *kr_nft_table(struct kr_nft *r, int family, const char *name);
/* One that was made: NULL when there is none. */
struct kr_nft_table *kr_nft_find_table(const struct kr_nft *r, int family, const char *name);
void kr_nft_counter(struct kr_nft_table *t, const char *name);
/* The tables shall belong to the netlink socket of this port (0: to nobody): `flags owner,
 * persist`. Only that socket can change or remove them, and they outlive it. Needs Linux 6.9
 * (da5141bbe0c2); an owner alone (Linux 5.12, 6001a930ce03) would take the tables with it, so that
 * is never made.
 */
void kr_nft_set_owner(struct kr_nft *r, uint32_t port);
struct kr_nft_set *kr_nft_port_set(struct kr_nft_table *t, const char *name); /* inet_service */
void kr_nft_port_add(struct kr_nft_set *s, uint16_t port);
/* family AF_INET: `type ipv4_addr . iface_index; flags interval`; AF_INET6 likewise. */
struct kr_nft_set *kr_nft_lan_set(struct kr_nft_table *t, const char *name, int family);
void kr_nft_lan_add(struct kr_nft_set *s, const struct kr_prefix *p, unsigned ifindex,
                    const char *ifname);

struct kr_nft_hook {
    const char *type; /* "filter", "nat" */
    unsigned hook;    /* NF_INET_*, NF_NETDEV_* */
    int priority;
    bool drop;          /* policy drop instead of accept */
    const char *device; /* netdev family, else NULL */
};
struct kr_nft_chain *kr_nft_base_chain(struct kr_nft_table *t, const char *name,
                                       const struct kr_nft_hook *h);
struct kr_nft_chain *kr_nft_chain(struct kr_nft_table *t, const char *name);
/* Loaded by a second transaction, when there are two (kr_nft_load_first, kr_nft_load_rest). */
void kr_nft_put_off(struct kr_nft_chain *c);

/* The whole as nft syntax that `nft -f` (1.0.6) takes, with comments. */
void kr_nft_text(const struct kr_nft *r, struct kr_buf *out);

#endif

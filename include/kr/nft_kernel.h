/* Rulesets and the kernel: one transaction in, and a readback that compares expression by
 * expression. */
#ifndef KR_NFT_KERNEL_H
#define KR_NFT_KERNEL_H

#include <kr/nft.h>

/* In ONE transaction: removes each table of `old` that exists, then adds all of r (may be NULL).
 * The kernel sees the old or the new, nothing between. Returns 0 when every message was
 * acknowledged; -1: KR_CANNOT with the kernel's reason, nothing changed; KR_UNKNOWN when an ack was
 * lost. */
struct kr_nft_name {
    int family;
    const char *name;
};
int kr_nft_load(const struct kr_nft *r, const struct kr_nft_name *old, size_t n_old,
                struct kr_err *e);
/* The same by a socket that stays open, which is how tables are owned. A kernel that knows no
 * `persist` refuses with EOPNOTSUPP or, before 5.12, EINVAL in e->sys. */
struct kr_nl;
int kr_nft_load_by(struct kr_nl *nl, const struct kr_nft *r, const struct kr_nft_name *old,
                   size_t n_old, struct kr_err *e);
/* The same in two: first without the chains that were put off, their rules and the anonymous sets
 * of those; later these, into the tables that stand. */
int kr_nft_load_first(const struct kr_nft *r, const struct kr_nft_name *old, size_t n_old,
                      struct kr_err *e);
int kr_nft_load_rest(const struct kr_nft *r, struct kr_err *e);
/* Reads the kernel's tables of r and compares: tables and flags, chains (type, hook, priority,
 * policy, device), sets and their elements, counters' names, and every rule in order, expression by
 * expression, attribute by attribute; an expression we do not know is a difference. The generation
 * id must not move meanwhile (retried). 1: equal; 0: not, said in diff; -1: unknown. *genid may be
 * NULL. */
int kr_nft_compare(const struct kr_nft *r, struct kr_buf *diff, uint32_t *genid, struct kr_err *e);
int kr_nft_exists(const struct kr_nft_name *t, bool *exists, struct kr_err *e);
/* The generation id of this namespace's ruleset: another one after every change (nft_gen_cb in
 * nf_tables_api.c). Returns 0, or -1 (KR_CANNOT, KR_UNKNOWN). */
int kr_nft_generation(uint32_t *genid, struct kr_err *e);

struct kr_nft_count {
    char name[64];
    uint64_t packets, bytes;
};
/* The named counters of a table; the caller frees *out. */
int kr_nft_counters(const struct kr_nft_name *t, struct kr_nft_count **out, size_t *n,
                    struct kr_err *e);
/* The netlink port a table belongs to; 0: to nobody, or there is none. */
int kr_nft_owner(const struct kr_nft_name *t, uint32_t *port, struct kr_err *e);
/* Lets the counters of r that are in table t of the kernel go on from where those are, when r is
 * loaded in its place. What is counted in between is lost. */
int kr_nft_keep_counters(struct kr_nft *r, const struct kr_nft_name *t, struct kr_err *e);

#endif

/* One rule, reduced: its expressions are followed in their order; what they prove of the packets
 * that come as far narrows `may`; what they do is handed over. */
#ifndef KR_NFT_SCAN_RULE_H
#define KR_NFT_SCAN_RULE_H

#include <kr/nft_act.h>

#include <stdbool.h>

struct nlattr;

enum kr_from { KR_FROM_UNKNOWN, KR_FROM_META, KR_FROM_PAYLOAD, KR_FROM_FIB_TYPE, KR_FROM_DATA };
enum { KR_REGISTERS = 16, KR_REG_BYTES = 16 };
/* What a register holds from this word on. */
struct kr_reg {
    enum kr_from from;
    uint32_t key, offset; /* META: key; PAYLOAD: base and offset */
    uint32_t len;         /* bytes */
    bool masked;          /* (value & mask) ^ flip */
    uint8_t mask[KR_REG_BYTES], flip[KR_REG_BYTES];
    uint8_t data[KR_REG_BYTES]; /* DATA */
};

struct kr_rule_walk {
    const uint16_t *ports;
    size_t n_ports;
    uint32_t objects; /* of the table: 1 << NFT_OBJECT_* */
    void *arg;
    /* a: without chain and handle */
    void (*act)(void *arg, const struct kr_scan_act *a);
    /* chain NULL: by a verdict map, to any chain of the table */
    void (*jump)(void *arg, const char *chain, uint32_t may);
    uint32_t may; /* of the chain's family, at the start */
    struct kr_reg reg[KR_REGISTERS];
};
/* exprs: NFTA_RULE_EXPRESSIONS, or NULL for an empty rule. Nonzero: malformed. */
int kr_rule_reduce(struct kr_rule_walk *w, const struct nlattr *exprs);

/* For the parts of it. */
void kr_rule_does(struct kr_rule_walk *w, enum kr_nft_does does, const char *what);
void kr_rule_maps(struct kr_rule_walk *w, const char *what, int to_port);
/* Leaves the ports within first..last, or (not) those outside. */
void kr_rule_ports(struct kr_rule_walk *w, unsigned first, unsigned last, bool not );
/* An expression of nft_compat: `match` and `target` of xtables, each with its own binary data. */
struct kr_xt {
    const char *name;
    uint32_t revision;
    const uint8_t *info;
    size_t len;
};
void kr_xt_match(struct kr_rule_walk *w, const struct kr_xt *x);
void kr_xt_target(struct kr_rule_walk *w, const struct kr_xt *x);

#endif

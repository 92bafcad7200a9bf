#include "nft_scan_narrow.h"

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <string.h>

#define WORD 4
#define LOOPBACK_NET 127
#define LO "lo" /* its index is 1 in every namespace (net/core/dev.c, LOOPBACK_IFINDEX) */

/* Its place in words, or KR_REGISTERS: NFT_REG_1 and NFT_REG32_00 are the same bytes. */
static size_t word_of(uint32_t number)
{
    if (number >= NFT_REG_1 && number <= NFT_REG_4)
        return (number - NFT_REG_1) * (KR_REG_BYTES / WORD);
    if (number >= NFT_REG32_00 && number <= NFT_REG32_15)
        return number - NFT_REG32_00;
    return KR_REGISTERS;
}

struct kr_reg *kr_reg_at(struct kr_rule_walk *w, uint32_t number)
{
    size_t at = word_of(number);
    return at < KR_REGISTERS ? &w->reg[at] : NULL;
}

void kr_reg_forget(struct kr_rule_walk *w)
{
    for (size_t i = 0; i < KR_REGISTERS; i++)
        w->reg[i].from = KR_FROM_UNKNOWN;
}

void kr_reg_put(struct kr_rule_walk *w, uint32_t number, const struct kr_reg *v)
{
    size_t at = word_of(number);
    if (at == KR_REGISTERS || v->len > KR_REG_BYTES) {
        kr_reg_forget(w);
        return;
    }
    for (size_t i = 0; i < KR_REGISTERS; i++) {
        size_t gap = (i < at ? at - i : i - at) * WORD;
        if (gap < (i < at ? w->reg[i].len : v->len))
            w->reg[i].from = KR_FROM_UNKNOWN;
    }
    w->reg[at] = *v;
}

static const struct kr_reg *constant(struct kr_rule_walk *w, uint32_t number, uint32_t least)
{
    const struct kr_reg *r = kr_reg_at(w, number);
    return r && r->from == KR_FROM_DATA && r->len >= least ? r : NULL;
}

int64_t kr_reg_port(struct kr_rule_walk *w, uint32_t number)
{
    const struct kr_reg *r = constant(w, number, 2);
    return r ? r->data[0] << 8 | r->data[1] : -1;
}

int64_t kr_reg_index(struct kr_rule_walk *w, uint32_t number)
{
    uint32_t n;
    const struct kr_reg *r = constant(w, number, sizeof n);
    if (!r)
        return -1;
    memcpy(&n, r->data, sizeof n);
    return n;
}

void kr_rule_ports(struct kr_rule_walk *w, unsigned first, unsigned last, bool not )
{
    for (size_t i = 0; i < w->n_ports; i++) {
        bool inside = w->ports[i] >= first && w->ports[i] <= last;
        if (inside == not )
            w->may &= ~KR_MAY_PORT(i);
        else if (first == last && !not )
            w->may &= ~KR_MAY_OTHER_PORT;
    }
}

/* One of two is what the packet has: leaves `here` when is, else `other`. */
static void choose(struct kr_rule_walk *w, bool is, uint32_t here, uint32_t other)
{
    w->may &= is ? ~other : ~here;
}

typedef void narrow_fn(struct kr_rule_walk *w, bool is, const uint8_t *data, size_t len);

static void by_l4proto(struct kr_rule_walk *w, bool is, const uint8_t *data, size_t len)
{
    if (len == 1 && (data[0] == IPPROTO_TCP) != is)
        w->may &= ~KR_MAY_TCP;
}

static void by_nfproto(struct kr_rule_walk *w, bool is, const uint8_t *data, size_t len)
{
    if (len == 1 && (data[0] == NFPROTO_IPV4 || data[0] == NFPROTO_IPV6))
        choose(w, is == (data[0] == NFPROTO_IPV4), KR_MAY_V4, KR_MAY_V6);
}

static void by_protocol(struct kr_rule_walk *w, bool is, const uint8_t *data, size_t len)
{
    unsigned type = len == 2 ? (unsigned)(data[0] << 8 | data[1]) : 0;
    if (type == ETH_P_IP || type == ETH_P_IPV6)
        choose(w, is == (type == ETH_P_IP), KR_MAY_V4, KR_MAY_V6);
}

/* nft(8) compares 16 bytes, or for "eth*" as many as stand before the star. */
static void by_name(struct kr_rule_walk *w, bool is, const uint8_t *data, size_t len, uint32_t lo,
                    uint32_t dev)
{
    bool whole = memchr(data, '\0', len) != NULL;
    bool starts = len <= sizeof LO - 1 && memcmp(data, LO, len) == 0;
    if (whole && len >= sizeof LO && memcmp(data, LO, sizeof LO) == 0)
        choose(w, is, lo, dev);
    else if (is && !starts)
        w->may &= ~lo;
}

static void by_iifname(struct kr_rule_walk *w, bool is, const uint8_t *data, size_t len)
{
    by_name(w, is, data, len, KR_MAY_FROM_LO, KR_MAY_FROM_DEV);
}

static void by_oifname(struct kr_rule_walk *w, bool is, const uint8_t *data, size_t len)
{
    by_name(w, is, data, len, KR_MAY_TO_LO, KR_MAY_TO_DEV);
}

static void by_index(struct kr_rule_walk *w, bool is, const uint8_t *data, size_t len, uint32_t lo,
                     uint32_t dev)
{
    uint32_t index;
    if (len != sizeof index)
        return;
    memcpy(&index, data, sizeof index);
    if (index == 1)
        choose(w, is, lo, dev);
    else if (is)
        w->may &= ~lo;
}

static void by_iif(struct kr_rule_walk *w, bool is, const uint8_t *data, size_t len)
{
    by_index(w, is, data, len, KR_MAY_FROM_LO, KR_MAY_FROM_DEV);
}

static void by_oif(struct kr_rule_walk *w, bool is, const uint8_t *data, size_t len)
{
    by_index(w, is, data, len, KR_MAY_TO_LO, KR_MAY_TO_DEV);
}

static const struct {
    uint32_t key;
    narrow_fn *by;
} metas[] = {
    {NFT_META_L4PROTO, by_l4proto},   {NFT_META_NFPROTO, by_nfproto},
    {NFT_META_PROTOCOL, by_protocol}, {NFT_META_IIFNAME, by_iifname},
    {NFT_META_OIFNAME, by_oifname},   {NFT_META_IIF, by_iif},
    {NFT_META_OIF, by_oif},
};

static void by_meta(struct kr_rule_walk *w, const struct kr_reg *r, bool is, const uint8_t *data,
                    size_t len)
{
    for (size_t i = 0; i < sizeof metas / sizeof *metas; i++)
        if (metas[i].key == r->key && !r->masked)
            metas[i].by(w, is, data, len);
}

/* The destination port is bytes 2 and 3; nft(8) may have joined it with the source port. */
static void by_transport(struct kr_rule_walk *w, const struct kr_reg *r, uint32_t op,
                         const uint8_t *data, size_t len)
{
    size_t at = 2 - r->offset;
    if (r->masked || r->offset > 2 || len < at + 2 || (op != NFT_CMP_EQ && (at || len != 2)))
        return;
    unsigned port = (unsigned)(data[at] << 8 | data[at + 1]);
    const struct {
        unsigned first, last;
        bool not ;
    } range[] = {
        [NFT_CMP_EQ] = {port, port, false}, [NFT_CMP_NEQ] = {port, port, true},
        [NFT_CMP_LT] = {port, 65535, true}, [NFT_CMP_LTE] = {0, port, false},
        [NFT_CMP_GT] = {0, port, true},     [NFT_CMP_GTE] = {port, 65535, false},
    };
    if (op <= NFT_CMP_GTE)
        kr_rule_ports(w, range[op].first, range[op].last, range[op].not );
}

/* Bytes of an IPv4 header; what they are in an IPv6 one is not asked, so only IPv4 is ruled out. */
static void by_network(struct kr_rule_walk *w, const struct kr_reg *r, bool is, const uint8_t *data,
                       size_t len)
{
    if (!is || !len)
        return;
    if (r->offset == 9 && len == 1 && !r->masked && data[0] != IPPROTO_TCP)
        w->may &= ~KR_MAY_V4;
    bool first_byte = !r->masked || (r->mask[0] == 0xff && !r->flip[0]);
    if (r->offset == 16 && first_byte && data[0] == LOOPBACK_NET)
        w->may &= ~KR_MAY_V4;
}

static void by_fib_type(struct kr_rule_walk *w, bool is, const uint8_t *data, size_t len)
{
    uint32_t type;
    if (len != sizeof type)
        return;
    memcpy(&type, data, sizeof type);
    if (type == RTN_LOCAL)
        choose(w, is, KR_MAY_TO_LOCAL, KR_MAY_TO_ELSEWHERE);
    else if (is)
        w->may &= ~KR_MAY_TO_LOCAL;
}

void kr_narrow(struct kr_rule_walk *w, const struct kr_reg *r, uint32_t op, const uint8_t *data,
               size_t len)
{
    bool exact = op == NFT_CMP_EQ || op == NFT_CMP_NEQ;
    if (len > KR_REG_BYTES || len > r->len)
        return;
    if (r->from == KR_FROM_PAYLOAD && r->key == NFT_PAYLOAD_TRANSPORT_HEADER)
        by_transport(w, r, op, data, len);
    else if (r->from == KR_FROM_PAYLOAD && r->key == NFT_PAYLOAD_NETWORK_HEADER && exact)
        by_network(w, r, op == NFT_CMP_EQ, data, len);
    else if (r->from == KR_FROM_META && exact)
        by_meta(w, r, op == NFT_CMP_EQ, data, len);
    else if (r->from == KR_FROM_FIB_TYPE && exact && !r->masked)
        by_fib_type(w, op == NFT_CMP_EQ, data, len);
}

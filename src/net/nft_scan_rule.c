#include "nft_scan_rule.h"

#include "nft_attr.h"
#include "nft_scan_narrow.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <stdio.h>
#include <string.h>

#define META_BRI_BROUTE 35 /* Linux 6.4; not in the headers of Debian 12 */

void kr_rule_maps(struct kr_rule_walk *w, const char *what, int to_port)
{
    struct kr_scan_act a = {.does = KR_DOES_MAP, .may = w->may, .to_port = to_port};
    snprintf(a.what, sizeof a.what, "%s", what);
    w->act(w->arg, &a);
}

static void does_to(struct kr_rule_walk *w, enum kr_nft_does does, const char *what, int64_t device)
{
    struct kr_scan_act a = {.does = does, .may = w->may};
    snprintf(a.what, sizeof a.what, "%s", what);
    a.device = device > 0 ? (unsigned)device : 0;
    w->act(w->arg, &a);
}

void kr_rule_does(struct kr_rule_walk *w, enum kr_nft_does does, const char *what)
{
    does_to(w, does, what, 0);
}

static void unknown(struct kr_rule_walk *w, const char *what, uint32_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%s %u", what, number);
    kr_rule_does(w, KR_DOES_UNKNOWN, text);
}

struct expr {
    const char *name;
    struct kr_nft_attrs a;
};
typedef void expr_fn(struct kr_rule_walk *w, const struct expr *x);

/* The bytes of a nested NFTA_DATA_VALUE; at most 16 are taken. */
static const uint8_t *value(const struct nlattr *nest, size_t *len)
{
    struct kr_nft_attrs in;
    if (!nest || kr_nft_attrs_in(nest, &in) || !in.v[NFTA_DATA_VALUE])
        return NULL;
    *len = mnl_attr_get_payload_len(in.v[NFTA_DATA_VALUE]);
    return *len && *len <= KR_REG_BYTES ? mnl_attr_get_payload(in.v[NFTA_DATA_VALUE]) : NULL;
}

static void loads(struct kr_rule_walk *w, const struct expr *x)
{
    (void)x;
    kr_reg_forget(w);
}

static void nothing(struct kr_rule_walk *w, const struct expr *x)
{
    (void)w;
    (void)x;
}

static void on_meta(struct kr_rule_walk *w, const struct expr *x)
{
    static const struct {
        uint32_t key, len;
    } narrow[] = {{NFT_META_L4PROTO, 1},
                  {NFT_META_NFPROTO, 1},
                  {NFT_META_PROTOCOL, 2},
                  {NFT_META_IIF, 4},
                  {NFT_META_OIF, 4}};
    static const uint32_t settable[] = {NFT_META_PRIORITY, NFT_META_MARK,    NFT_META_NFTRACE,
                                        NFT_META_SECMARK,  NFT_META_PKTTYPE, META_BRI_BROUTE};
    uint32_t key = kr_nft_number(x->a.v[NFTA_META_KEY]);
    struct kr_reg r = {.from = KR_FROM_META, .key = key, .len = KR_REG_BYTES};
    if (x->a.v[NFTA_META_SREG]) {
        for (size_t i = 0; i < sizeof settable / sizeof *settable; i++)
            if (settable[i] == key)
                return;
        unknown(w, "meta set", key);
        return;
    }
    for (size_t i = 0; i < sizeof narrow / sizeof *narrow; i++)
        if (narrow[i].key == key)
            r.len = narrow[i].len;
    kr_reg_put(w, kr_nft_number(x->a.v[NFTA_META_DREG]), &r);
}

/* Where a change of a header may turn one packet into another, by byte; IHL and fragment offset say
 * where the ports are, or hide them. */
static bool byte_matters(uint32_t may, uint32_t base, uint32_t at, unsigned changed)
{
    static const struct {
        uint32_t base, may, first, last;
        unsigned bits;
    } rows[] = {
        {NFT_PAYLOAD_LL_HEADER, KR_MAY_ALL, 12, UINT32_MAX, 0xff}, /* ethertype; IP behind it */
        {NFT_PAYLOAD_NETWORK_HEADER, KR_MAY_V4, 0, 0, 0xff},
        {NFT_PAYLOAD_NETWORK_HEADER, KR_MAY_V4, 6, 6, 0x3f}, /* not DF */
        {NFT_PAYLOAD_NETWORK_HEADER, KR_MAY_V4, 7, 7, 0xff},
        {NFT_PAYLOAD_NETWORK_HEADER, KR_MAY_V4, 9, 9, 0xff},
        {NFT_PAYLOAD_NETWORK_HEADER, KR_MAY_V4, 12, UINT32_MAX, 0xff},
        {NFT_PAYLOAD_NETWORK_HEADER, KR_MAY_V6, 0, 0, 0xf0},
        {NFT_PAYLOAD_NETWORK_HEADER, KR_MAY_V6, 6, 6, 0xff},
        {NFT_PAYLOAD_NETWORK_HEADER, KR_MAY_V6, 8, UINT32_MAX, 0xff},
        {NFT_PAYLOAD_TRANSPORT_HEADER, KR_MAY_ALL, 0, 3, 0xff},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].base == base && (rows[i].may & may) && at >= rows[i].first &&
            at <= rows[i].last && (rows[i].bits & changed))
            return true;
    return base > NFT_PAYLOAD_INNER_HEADER; /* what follows a TCP header is the mail itself */
}

static void writes(struct kr_rule_walk *w, const struct expr *x, uint32_t base, uint32_t offset,
                   uint32_t len)
{
    const struct kr_reg *r = kr_reg_at(w, kr_nft_number(x->a.v[NFTA_PAYLOAD_SREG]));
    bool same =
        r && r->from == KR_FROM_PAYLOAD && r->key == base && r->offset == offset && r->len == len;
    for (uint32_t i = 0; i < len; i++) {
        unsigned changed = same ? (r->masked ? (uint8_t)~r->mask[i] | r->flip[i] : 0) : 0xff;
        if (byte_matters(w->may, base, offset + i, changed)) {
            kr_rule_does(w, KR_DOES_WRITE, "payload set");
            return;
        }
    }
}

static void on_payload(struct kr_rule_walk *w, const struct expr *x)
{
    uint32_t base = kr_nft_number(x->a.v[NFTA_PAYLOAD_BASE]);
    uint32_t offset = kr_nft_number(x->a.v[NFTA_PAYLOAD_OFFSET]);
    uint32_t len = kr_nft_number(x->a.v[NFTA_PAYLOAD_LEN]);
    struct kr_reg r = {.from = KR_FROM_PAYLOAD, .key = base, .offset = offset, .len = len};
    if (!x->a.v[NFTA_PAYLOAD_SREG])
        kr_reg_put(w, kr_nft_number(x->a.v[NFTA_PAYLOAD_DREG]), &r);
    else if (!len || len > 255 || offset > 65535) /* nft_payload.c allows no more */
        kr_rule_does(w, KR_DOES_WRITE, "payload set");
    else
        writes(w, x, base, offset, len);
}

static void on_cmp(struct kr_rule_walk *w, const struct expr *x)
{
    size_t len;
    const uint8_t *data = value(x->a.v[NFTA_CMP_DATA], &len);
    const struct kr_reg *r = kr_reg_at(w, kr_nft_number(x->a.v[NFTA_CMP_SREG]));
    if (data && r && x->a.v[NFTA_CMP_OP])
        kr_narrow(w, r, kr_nft_number(x->a.v[NFTA_CMP_OP]), data, len);
}

static void on_range(struct kr_rule_walk *w, const struct expr *x)
{
    size_t n, k;
    const uint8_t *from = value(x->a.v[NFTA_RANGE_FROM_DATA], &n),
                  *to = value(x->a.v[NFTA_RANGE_TO_DATA], &k);
    const struct kr_reg *r = kr_reg_at(w, kr_nft_number(x->a.v[NFTA_RANGE_SREG]));
    if (!r || !from || !to || n != 2 || k != 2 || r->from != KR_FROM_PAYLOAD || r->masked ||
        r->key != NFT_PAYLOAD_TRANSPORT_HEADER || r->offset != 2 || !x->a.v[NFTA_RANGE_OP])
        return;
    uint32_t op = kr_nft_number(x->a.v[NFTA_RANGE_OP]);
    if (op <= NFT_RANGE_NEQ)
        kr_rule_ports(w, (unsigned)(from[0] << 8 | from[1]), (unsigned)(to[0] << 8 | to[1]),
                      op == NFT_RANGE_NEQ);
}

/* (value & mask) ^ flip, once: a second one on top is not followed. */
static void on_bitwise(struct kr_rule_walk *w, const struct expr *x)
{
    size_t n, k;
    const uint8_t *mask = value(x->a.v[NFTA_BITWISE_MASK], &n),
                  *flip = value(x->a.v[NFTA_BITWISE_XOR], &k);
    const struct kr_reg *from = kr_reg_at(w, kr_nft_number(x->a.v[NFTA_BITWISE_SREG]));
    if (!from || !mask || !flip || n != k || n != from->len || from->masked || x->a.higher ||
        x->a.v[NFTA_BITWISE_MAX + 1] ||
        kr_nft_number(x->a.v[NFTA_BITWISE_OP]) != NFT_BITWISE_BOOL || from->from == KR_FROM_DATA) {
        kr_reg_forget(w);
        return;
    }
    struct kr_reg r = *from;
    r.masked = true;
    memcpy(r.mask, mask, n);
    memcpy(r.flip, flip, n);
    kr_reg_put(w, kr_nft_number(x->a.v[NFTA_BITWISE_DREG]), &r);
}

static void on_lookup(struct kr_rule_walk *w, const struct expr *x)
{
    if (x->a.v[NFTA_LOOKUP_DREG] && kr_nft_number(x->a.v[NFTA_LOOKUP_DREG]) == NFT_REG_VERDICT)
        w->jump(w->arg, NULL, w->may);
    else if (x->a.v[NFTA_LOOKUP_DREG])
        kr_reg_forget(w);
}

static void on_verdict(struct kr_rule_walk *w, const struct nlattr *nest)
{
    struct kr_nft_attrs in;
    char chain[256];
    if (!nest || kr_nft_attrs_in(nest, &in) || !in.v[NFTA_VERDICT_CODE]) {
        kr_rule_does(w, KR_DOES_UNKNOWN, "verdict without a code");
        return;
    }
    int code = (int)kr_nft_number(in.v[NFTA_VERDICT_CODE]);
    if (code == NFT_JUMP || code == NFT_GOTO) {
        if (kr_nft_string(in.v[NFTA_VERDICT_CHAIN], chain, sizeof chain))
            w->jump(w->arg, chain, w->may);
        else
            kr_rule_does(w, KR_DOES_UNKNOWN, "jump without a chain");
    } else if (code >= 0 && (code & NF_VERDICT_MASK) == NF_QUEUE) {
        kr_rule_does(w, KR_DOES_QUEUE, "verdict queue");
    } else if (code != NF_ACCEPT && (code < 0 || (code & NF_VERDICT_MASK) != NF_DROP) &&
               code != NFT_RETURN && code != NFT_CONTINUE && code != NFT_BREAK) {
        unknown(w, "verdict", (uint32_t)code);
    }
}

static void on_immediate(struct kr_rule_walk *w, const struct expr *x)
{
    struct kr_nft_attrs in;
    size_t len;
    struct kr_reg r = {.from = KR_FROM_DATA};
    const struct nlattr *nest = x->a.v[NFTA_IMMEDIATE_DATA];
    uint32_t to = kr_nft_number(x->a.v[NFTA_IMMEDIATE_DREG]);
    if (to == NFT_REG_VERDICT) {
        on_verdict(w, nest && !kr_nft_attrs_in(nest, &in) ? in.v[NFTA_DATA_VERDICT] : NULL);
        return;
    }
    const uint8_t *data = value(nest, &len);
    if (!data) {
        kr_reg_forget(w);
        return;
    }
    r.len = (uint32_t)len;
    memcpy(r.data, data, len);
    kr_reg_put(w, to, &r);
}

static void on_fib(struct kr_rule_walk *w, const struct expr *x)
{
    struct kr_reg r = {.from = KR_FROM_UNKNOWN, .len = KR_REG_BYTES};
    if (kr_nft_number(x->a.v[NFTA_FIB_RESULT]) == NFT_FIB_RESULT_ADDRTYPE &&
        (kr_nft_number(x->a.v[NFTA_FIB_FLAGS]) & NFTA_FIB_F_DADDR))
        r = (struct kr_reg){.from = KR_FROM_FIB_TYPE, .len = 4};
    kr_reg_put(w, kr_nft_number(x->a.v[NFTA_FIB_DREG]), &r);
}

/* By name, or out of a map, whose kind the table's sets tell. */
static void on_objref(struct kr_rule_walk *w, const struct expr *x)
{
    uint32_t type = kr_nft_number(x->a.v[NFTA_OBJREF_IMM_TYPE]);
    uint32_t kinds = x->a.v[NFTA_OBJREF_SET_NAME] ? w->objects : 1u << (type < 31 ? type : 31);
    const uint32_t harmless = 1u << NFT_OBJECT_COUNTER | 1u << NFT_OBJECT_QUOTA |
                              1u << NFT_OBJECT_CT_HELPER | 1u << NFT_OBJECT_LIMIT |
                              1u << NFT_OBJECT_CONNLIMIT | 1u << NFT_OBJECT_CT_TIMEOUT |
                              1u << NFT_OBJECT_SECMARK | 1u << NFT_OBJECT_CT_EXPECT;
    if (kinds & 1u << NFT_OBJECT_SYNPROXY)
        kr_rule_does(w, KR_DOES_SYNPROXY, "synproxy object");
    if (kinds & ~harmless & ~(1u << NFT_OBJECT_SYNPROXY))
        kr_rule_does(w, KR_DOES_UNKNOWN,
                     kinds & 1u << NFT_OBJECT_TUNNEL ? "tunnel object" : "object");
}

static void maps(struct kr_rule_walk *w, const char *what, const struct nlattr *min,
                 const struct nlattr *max)
{
    int64_t first = min ? kr_reg_port(w, kr_nft_number(min)) : 0;
    int64_t last = max ? kr_reg_port(w, kr_nft_number(max)) : first;
    kr_rule_maps(w, what, first == last ? (int)first : -1);
}

static void on_nat(struct kr_rule_walk *w, const struct expr *x)
{
    if (!x->a.v[NFTA_NAT_TYPE] || kr_nft_number(x->a.v[NFTA_NAT_TYPE]) != NFT_NAT_SNAT)
        maps(w, "dnat", x->a.v[NFTA_NAT_REG_PROTO_MIN], x->a.v[NFTA_NAT_REG_PROTO_MAX]);
}

static void on_redir(struct kr_rule_walk *w, const struct expr *x)
{
    (void)x;
    kr_rule_maps(w, "redirect", -1); /* to whatever listens here: it may be a proxy */
}

static void on_dup(struct kr_rule_walk *w, const struct expr *x)
{
    does_to(w, KR_DOES_DUP, x->name, kr_reg_index(w, kr_nft_number(x->a.v[NFTA_DUP_SREG_DEV])));
}

static void on_fwd(struct kr_rule_walk *w, const struct expr *x)
{
    does_to(w, KR_DOES_FWD, x->name, kr_reg_index(w, kr_nft_number(x->a.v[NFTA_FWD_SREG_DEV])));
}

static void on_queue(struct kr_rule_walk *w, const struct expr *x)
{
    kr_rule_does(w, KR_DOES_QUEUE, x->name);
}

static void on_notrack(struct kr_rule_walk *w, const struct expr *x)
{
    kr_rule_does(w, KR_DOES_NOTRACK, x->name);
}

static void on_tproxy(struct kr_rule_walk *w, const struct expr *x)
{
    kr_rule_does(w, KR_DOES_TPROXY, x->name);
}

static void on_synproxy(struct kr_rule_walk *w, const struct expr *x)
{
    kr_rule_does(w, KR_DOES_SYNPROXY, x->name);
}

static void on_offload(struct kr_rule_walk *w, const struct expr *x)
{
    (void)x;
    kr_rule_does(w, KR_DOES_OFFLOAD, "flow add");
}

static void on_ct(struct kr_rule_walk *w, const struct expr *x)
{
    uint32_t key = kr_nft_number(x->a.v[NFTA_CT_KEY]);
    if (!x->a.v[NFTA_CT_SREG])
        kr_reg_forget(w);
    else if (key == NFT_CT_ZONE)
        kr_rule_does(w, KR_DOES_ZONE, "ct zone set");
    else if (key != NFT_CT_MARK && key != NFT_CT_SECMARK && key != NFT_CT_LABELS &&
             key != NFT_CT_EVENTMASK)
        unknown(w, "ct set", key);
}

/* Writes TCP options only: the length of a segment, not where it goes. */
static void on_exthdr(struct kr_rule_walk *w, const struct expr *x)
{
    uint32_t op = kr_nft_number(x->a.v[NFTA_EXTHDR_OP]);
    if (!x->a.v[NFTA_EXTHDR_SREG] && x->a.v[NFTA_EXTHDR_DREG])
        kr_reg_forget(w);
    else if (op != NFT_EXTHDR_OP_TCPOPT)
        unknown(w, "exthdr set", op);
}

static bool xt(const struct nlattr *name, const struct nlattr *revision, const struct nlattr *info,
               struct kr_xt *x)
{
    if (!name || mnl_attr_validate(name, MNL_TYPE_NUL_STRING) < 0)
        return false;
    x->name = mnl_attr_get_str(name);
    x->revision = kr_nft_number(revision);
    x->info = info ? mnl_attr_get_payload(info) : NULL;
    x->len = info ? mnl_attr_get_payload_len(info) : 0;
    return true;
}

static void on_match(struct kr_rule_walk *w, const struct expr *x)
{
    struct kr_xt m;
    if (xt(x->a.v[NFTA_MATCH_NAME], x->a.v[NFTA_MATCH_REV], x->a.v[NFTA_MATCH_INFO], &m))
        kr_xt_match(w, &m);
}

static void on_target(struct kr_rule_walk *w, const struct expr *x)
{
    struct kr_xt t;
    if (xt(x->a.v[NFTA_TARGET_NAME], x->a.v[NFTA_TARGET_REV], x->a.v[NFTA_TARGET_INFO], &t))
        kr_xt_target(w, &t);
    else
        kr_rule_does(w, KR_DOES_UNKNOWN, "target without a name");
}

/* Every expression up to Linux 6.18. */
static const struct {
    const char *name;
    expr_fn *run;
} known[] = {
    {"cmp", on_cmp},
    {"meta", on_meta},
    {"payload", on_payload},
    {"immediate", on_immediate},
    {"counter", nothing},
    {"lookup", on_lookup},
    {"bitwise", on_bitwise},
    {"match", on_match},
    {"target", on_target},
    {"ct", on_ct},
    {"nat", on_nat},
    {"masq", nothing},
    {"redir", on_redir},
    {"reject", nothing},
    {"log", nothing},
    {"limit", nothing},
    {"range", on_range},
    {"fib", on_fib},
    {"objref", on_objref},
    {"dynset", nothing},
    {"connlimit", nothing},
    {"quota", nothing},
    {"last", nothing},
    {"byteorder", loads},
    {"numgen", loads},
    {"hash", loads},
    {"rt", loads},
    {"socket", loads},
    {"osf", loads},
    {"tunnel", loads},
    {"xfrm", loads},
    {"inner", loads},
    {"exthdr", on_exthdr},
    {"notrack", on_notrack},
    {"dup", on_dup},
    {"fwd", on_fwd},
    {"queue", on_queue},
    {"tproxy", on_tproxy},
    {"synproxy", on_synproxy},
    {"flow_offload", on_offload},
};

static int one(struct kr_rule_walk *w, const struct nlattr *elem)
{
    struct kr_nft_attrs outer;
    struct expr x = {.name = NULL};
    if (kr_nft_attrs_in(elem, &outer) || !outer.v[NFTA_EXPR_NAME] ||
        mnl_attr_validate(outer.v[NFTA_EXPR_NAME], MNL_TYPE_NUL_STRING) < 0 ||
        (outer.v[NFTA_EXPR_DATA] && kr_nft_attrs_in(outer.v[NFTA_EXPR_DATA], &x.a)))
        return -1;
    x.name = mnl_attr_get_str(outer.v[NFTA_EXPR_NAME]);
    if (!*x.name)
        return -1;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, x.name) == 0) {
            known[i].run(w, &x);
            return 0;
        }
    kr_reg_forget(w);
    kr_rule_does(w, KR_DOES_UNKNOWN, x.name);
    return 0;
}

static int on_elem(const struct nlattr *elem, void *arg)
{
    if (mnl_attr_get_type(elem) != NFTA_LIST_ELEM || one(arg, elem))
        return MNL_CB_ERROR;
    return MNL_CB_OK;
}

int kr_rule_reduce(struct kr_rule_walk *w, const struct nlattr *exprs)
{
    kr_reg_forget(w);
    return exprs && mnl_attr_parse_nested(exprs, on_elem, w) < 0 ? -1 : 0;
}

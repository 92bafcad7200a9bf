#include "nft_compare.h"

#include "nft_internal.h"

#include <kr/err.h>
#include <kr/mem.h>

#include <arpa/inet.h>
#include <endian.h>
#include <libmnl/libmnl.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ROOM 65536    /* bytes of a rule's message; our longest are below 2,000 */
#define MAX_LEAVES 16 /* attributes of an expression */

static void put_comment(struct nlmsghdr *m, const char *comment)
{
    struct nftnl_udata_buf *u = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);
    if (!u || !nftnl_udata_put_strz(u, NFTNL_UDATA_RULE_COMMENT, comment))
        _exit(KR_INTERNAL);
    mnl_attr_put(m, NFTA_RULE_USERDATA, nftnl_udata_buf_len(u), nftnl_udata_buf_data(u));
    nftnl_udata_buf_free(u);
}

void kr_nft_rule_put(struct nlmsghdr *m, const struct kr_nft_rule *r)
{
    mnl_attr_put_strz(m, NFTA_RULE_TABLE, r->chain->table->name);
    mnl_attr_put_strz(m, NFTA_RULE_CHAIN, r->chain->name);
    struct nlattr *list = mnl_attr_nest_start(m, NFTA_RULE_EXPRESSIONS);
    for (size_t i = 0; i < r->n; i++) {
        struct nlattr *elem = mnl_attr_nest_start(m, NFTA_LIST_ELEM);
        nftnl_expr_build_payload(m, r->v[i]);
        mnl_attr_nest_end(m, elem);
    }
    mnl_attr_nest_end(m, list);
    if (r->comment)
        put_comment(m, r->comment);
}

/* Every attribute of every expression of ours, by the path to it: 0x301 is 1 inside 3. */
enum how {
    EXACT,
    ZERO, /* left out, it is zero */
    NAME, /* of something, with or without the NUL */
    SET,  /* the name of a set, which the kernel may have numbered */
    ID    /* of a set within the transaction: never returned */
};
struct known {
    const char *expr;
    uint32_t path;
    enum how how;
    const char *name;
};
#define IN(outer, inner) ((uint32_t)(outer) << 8 | (inner))
#define IMMEDIATE_VERDICT IN(NFTA_IMMEDIATE_DATA, NFTA_DATA_VERDICT)
static const struct known known[] = {
    {"meta", NFTA_META_DREG, EXACT, "register"},
    {"meta", NFTA_META_KEY, EXACT, "key"},
    {"cmp", NFTA_CMP_SREG, EXACT, "register"},
    {"cmp", NFTA_CMP_OP, EXACT, "operator"},
    {"cmp", IN(NFTA_CMP_DATA, NFTA_DATA_VALUE), EXACT, "data"},
    {"payload", NFTA_PAYLOAD_DREG, EXACT, "register"},
    {"payload", NFTA_PAYLOAD_BASE, EXACT, "header"},
    {"payload", NFTA_PAYLOAD_OFFSET, EXACT, "offset"},
    {"payload", NFTA_PAYLOAD_LEN, EXACT, "length"},
    {"lookup", NFTA_LOOKUP_SREG, EXACT, "register"},
    {"lookup", NFTA_LOOKUP_DREG, EXACT, "target register"},
    {"lookup", NFTA_LOOKUP_FLAGS, ZERO, "flags"},
    {"lookup", NFTA_LOOKUP_SET, SET, "set"},
    {"lookup", NFTA_LOOKUP_SET_ID, ID, "set id"},
    {"objref", NFTA_OBJREF_IMM_TYPE, EXACT, "type"},
    {"objref", NFTA_OBJREF_IMM_NAME, NAME, "object"},
    {"immediate", NFTA_IMMEDIATE_DREG, EXACT, "register"},
    {"immediate", IN(NFTA_IMMEDIATE_DATA, NFTA_DATA_VALUE), EXACT, "data"},
    {"immediate", IN(IMMEDIATE_VERDICT, NFTA_VERDICT_CODE), EXACT, "verdict"},
    {"immediate", IN(IMMEDIATE_VERDICT, NFTA_VERDICT_CHAIN), NAME, "chain"},
    {"reject", NFTA_REJECT_TYPE, EXACT, "type"},
    {"reject", NFTA_REJECT_ICMP_CODE, ZERO, "code"},
    {"exthdr", NFTA_EXTHDR_DREG, EXACT, "register"},
    {"exthdr", NFTA_EXTHDR_TYPE, EXACT, "header"},
    {"exthdr", NFTA_EXTHDR_OFFSET, EXACT, "offset"},
    {"exthdr", NFTA_EXTHDR_LEN, EXACT, "length"},
    {"exthdr", NFTA_EXTHDR_FLAGS, ZERO, "flags"},
    {"exthdr", NFTA_EXTHDR_OP, ZERO, "kind"},
    {"bitwise", NFTA_BITWISE_SREG, EXACT, "register"},
    {"bitwise", NFTA_BITWISE_DREG, EXACT, "target register"},
    {"bitwise", NFTA_BITWISE_LEN, EXACT, "length"},
    {"bitwise", IN(NFTA_BITWISE_MASK, NFTA_DATA_VALUE), EXACT, "mask"},
    {"bitwise", IN(NFTA_BITWISE_XOR, NFTA_DATA_VALUE), EXACT, "xor"},
    {"bitwise", NFTA_BITWISE_OP, ZERO, "operation"},
    {"byteorder", NFTA_BYTEORDER_SREG, EXACT, "register"},
    {"byteorder", NFTA_BYTEORDER_DREG, EXACT, "target register"},
    {"byteorder", NFTA_BYTEORDER_OP, EXACT, "operation"},
    {"byteorder", NFTA_BYTEORDER_LEN, EXACT, "length"},
    {"byteorder", NFTA_BYTEORDER_SIZE, EXACT, "size"},
    {"hash", NFTA_HASH_SREG, EXACT, "register"},
    {"hash", NFTA_HASH_DREG, EXACT, "target register"},
    {"hash", NFTA_HASH_LEN, EXACT, "length"},
    {"hash", NFTA_HASH_MODULUS, EXACT, "modulus"},
    {"hash", NFTA_HASH_SEED, EXACT, "seed"},
    {"hash", NFTA_HASH_OFFSET, ZERO, "offset"},
    {"hash", NFTA_HASH_TYPE, ZERO, "kind"},
    {"nat", NFTA_NAT_TYPE, EXACT, "type"},
    {"nat", NFTA_NAT_FAMILY, EXACT, "family"},
    {"nat", NFTA_NAT_REG_ADDR_MIN, EXACT, "address register"},
    {"nat", NFTA_NAT_REG_ADDR_MAX, EXACT, "last address register"},
    {"nat", NFTA_NAT_REG_PROTO_MIN, EXACT, "port register"},
    {"nat", NFTA_NAT_REG_PROTO_MAX, EXACT, "last port register"},
    {"nat", NFTA_NAT_FLAGS, EXACT, "flags"},
    {"fib", NFTA_FIB_DREG, EXACT, "register"},
    {"fib", NFTA_FIB_RESULT, EXACT, "result"},
    {"fib", NFTA_FIB_FLAGS, EXACT, "flags"},
};
#define N_KNOWN (sizeof known / sizeof *known)

struct leaf {
    uint32_t path;
    uint16_t len;
    const uint8_t *data;
};
struct expr {
    const char *name;
    const struct known *known; /* its rows of the table, one after the other */
    size_t n_known;
    struct leaf v[MAX_LEAVES];
    size_t n;
    bool bad; /* malformed, or more than there is room for */
};

static bool is_of(const struct known *k, const char *name)
{
    return *k->expr == *name && strcmp(k->expr, name) == 0;
}

static void find_known(struct expr *x)
{
    size_t i = 0;
    while (i < N_KNOWN && !is_of(&known[i], x->name))
        i++;
    x->known = &known[i];
    while (i + x->n_known < N_KNOWN && is_of(&known[i + x->n_known], x->name))
        x->n_known++;
}

static bool is_nest(const struct expr *x, uint32_t path)
{
    for (size_t i = 0; i < x->n_known; i++)
        if (x->known[i].path >> 8 == path || x->known[i].path >> 16 == path)
            return true;
    return false;
}

/* Flattens the attributes in data; what has no entry in the table stays one leaf. */
static void flatten(struct expr *x, uint32_t outer, const char *data, size_t len)
{
    while (len > 0 && !x->bad) {
        const struct nlattr *a = (const void *)data;
        x->bad =
            !mnl_attr_ok(a, (int)len) || mnl_attr_get_type(a) > UINT8_MAX || x->n == MAX_LEAVES;
        if (x->bad)
            return;
        uint32_t path = IN(outer, mnl_attr_get_type(a));
        if (is_nest(x, path))
            flatten(x, path, mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
        else
            x->v[x->n++] =
                (struct leaf){path, mnl_attr_get_payload_len(a), mnl_attr_get_payload(a)};
        size_t step = MNL_ALIGN(a->nla_len);
        data += step < len ? step : len;
        len -= step < len ? step : len;
    }
}

static int on_expr_attr(const struct nlattr *a, void *arg)
{
    const struct nlattr **found = arg;
    uint16_t type = mnl_attr_get_type(a);
    if (type > NFTA_EXPR_DATA)
        return MNL_CB_ERROR;
    found[type] = a;
    return MNL_CB_OK;
}

/* Reads one list element. An expression without a name or without data is malformed. */
static void read_expr(const struct nlattr *elem, struct expr *x)
{
    const struct nlattr *found[NFTA_EXPR_DATA + 1] = {NULL};
    memset(x, 0, sizeof *x);
    x->name = "?";
    x->bad = mnl_attr_get_type(elem) != NFTA_LIST_ELEM ||
             mnl_attr_parse_nested(elem, on_expr_attr, found) < 0 || !found[NFTA_EXPR_NAME] ||
             mnl_attr_validate(found[NFTA_EXPR_NAME], MNL_TYPE_NUL_STRING) < 0;
    if (x->bad)
        return;
    x->name = mnl_attr_get_str(found[NFTA_EXPR_NAME]);
    find_known(x);
    x->bad = !found[NFTA_EXPR_DATA];
    if (!x->bad)
        flatten(x, 0, mnl_attr_get_payload(found[NFTA_EXPR_DATA]),
                mnl_attr_get_payload_len(found[NFTA_EXPR_DATA]));
}

static const struct leaf *leaf(const struct expr *x, uint32_t path)
{
    for (size_t i = 0; i < x->n; i++)
        if (x->v[i].path == path)
            return &x->v[i];
    return NULL;
}

/* A name may have been padded, or not be terminated at all. */
static const char *text(const struct leaf *l, char out[static 256])
{
    snprintf(out, 256, "%.*s", l ? (int)l->len : 0, l ? (const char *)l->data : "");
    return out;
}

static bool zero(const struct leaf *l)
{
    for (size_t i = 0; l && i < l->len; i++)
        if (l->data[i])
            return false;
    return true;
}

static void say(struct kr_buf *out, enum how how, const struct leaf *l)
{
    char name[256];
    kr_buf_printf(out, "%s", !l ? "absent" : how == NAME ? text(l, name) : "0x");
    for (size_t i = 0; l && how != NAME && i < l->len; i++)
        kr_buf_printf(out, "%02x", l->data[i]);
}

static size_t length(enum how how, const struct leaf *l)
{
    return how == NAME ? strnlen((const char *)l->data, l->len) : l->len;
}

static bool same_leaf(enum how how, const struct leaf *want, const struct leaf *got)
{
    if (want && got)
        return length(how, want) == length(how, got) &&
               memcmp(want->data, got->data, length(how, want)) == 0;
    return how == ZERO ? zero(want) && zero(got) : !want && !got;
}

struct rule_check {
    const struct kr_nft_rule *rule;
    kr_nft_lookup_cb same_set;
    void *arg;
    size_t nth; /* expression, from 1 */
    const char *expr;
    struct kr_buf why;
};

/* Where a difference is told; written only then, since most of what is compared is equal. */
static struct kr_buf *at(struct rule_check *c)
{
    kr_buf_printf(&c->why, "expression %zu (%s): ", c->nth, c->expr);
    return &c->why;
}

static bool same_lookup(struct rule_check *c, const struct expr *want, const struct expr *got)
{
    char a[256], b[256];
    const char *what = "set";
    const struct leaf *id = leaf(want, NFTA_LOOKUP_SET_ID);
    struct kr_nft_lookup l = {.rule = c->rule,
                              .want = text(leaf(want, NFTA_LOOKUP_SET), a),
                              .found = text(leaf(got, NFTA_LOOKUP_SET), b),
                              .arg = c->arg};
    if (id && id->len == sizeof l.id) {
        memcpy(&l.id, id->data, sizeof l.id);
        l.id = ntohl(l.id);
    }
    if (c->same_set(&l, &what))
        return true;
    kr_buf_printf(at(c), "set %s: other %s", l.found, what);
    return false;
}

static bool same_known(struct rule_check *c, const struct known *k, const struct expr *want,
                       const struct expr *got)
{
    const struct leaf *a = leaf(want, k->path), *b = leaf(got, k->path);
    if (k->how == SET)
        return same_lookup(c, want, got);
    if ((k->how == ID && !b) || same_leaf(k->how, a, b))
        return true;
    kr_buf_printf(at(c), "%s is ", k->name);
    say(&c->why, k->how, b);
    kr_buf_printf(&c->why, ", not ");
    say(&c->why, k->how, a);
    return false;
}

static bool is_known(const struct expr *x, uint32_t path)
{
    for (size_t i = 0; i < x->n_known; i++)
        if (x->known[i].path == path)
            return true;
    return false;
}

/* An attribute that comes twice is as strange as an unknown one. */
static bool all_known(struct rule_check *c, const struct expr *x)
{
    for (size_t i = 0; i < x->n; i++) {
        if (is_known(x, x->v[i].path) && leaf(x, x->v[i].path) == &x->v[i])
            continue;
        kr_buf_printf(at(c), "has attribute 0x%x, which we do not know", x->v[i].path);
        return false;
    }
    return true;
}

static bool same_expr(struct rule_check *c, const struct expr *want, const struct expr *got)
{
    if (got->bad || strcmp(want->name, got->name) != 0 || !want->n_known) {
        kr_buf_printf(at(c), "%s%.100s instead of %s", got->bad ? "unreadable " : "", got->name,
                      want->name);
        return false;
    }
    for (size_t i = 0; i < want->n_known; i++)
        if (!same_known(c, &want->known[i], want, got))
            return false;
    return all_known(c, got);
}

struct rule_attrs {
    const struct nlattr *v[NFTA_RULE_CHAIN_ID + 1];
    bool unknown;
};

static int on_rule_attr(const struct nlattr *a, void *arg)
{
    struct rule_attrs *r = arg;
    uint16_t type = mnl_attr_get_type(a);
    if (type > NFTA_RULE_CHAIN_ID)
        r->unknown = true;
    else
        r->v[type] = a;
    return MNL_CB_OK;
}

static struct rule_attrs rule_attrs(const struct nlmsghdr *m)
{
    struct rule_attrs r = {.unknown = false};
    if (mnl_nlmsg_get_payload_len(m) < sizeof(struct nfgenmsg) ||
        mnl_attr_parse(m, sizeof(struct nfgenmsg), on_rule_attr, &r) < 0)
        r.unknown = true;
    return r;
}

const char *kr_nft_rule_attr_str(const struct nlmsghdr *m, uint16_t type)
{
    struct rule_attrs r = rule_attrs(m);
    return r.v[type] && mnl_attr_validate(r.v[type], MNL_TYPE_NUL_STRING) >= 0
               ? mnl_attr_get_str(r.v[type])
               : NULL;
}

unsigned long long kr_nft_rule_handle(const struct nlmsghdr *m)
{
    const struct nlattr *a = rule_attrs(m).v[NFTA_RULE_HANDLE];
    return a && mnl_attr_validate(a, MNL_TYPE_U64) >= 0 ? be64toh(mnl_attr_get_u64(a)) : 0;
}

static bool same_attr(const struct nlattr *a, const struct nlattr *b)
{
    return !a == !b && (!a || (a->nla_len == b->nla_len &&
                               memcmp(mnl_attr_get_payload(a), mnl_attr_get_payload(b),
                                      mnl_attr_get_payload_len(a)) == 0));
}

/* The list elements of a rule, one after the other; NULL at the end. */
static const struct nlattr *next_elem(const struct nlattr *list, const struct nlattr *last)
{
    const char *end = list ? (const char *)list + list->nla_len : NULL;
    if (!list)
        return NULL;
    const struct nlattr *a = last ? mnl_attr_next(last) : mnl_attr_get_payload(list);
    return end > (const char *)a && mnl_attr_ok(a, (int)(end - (const char *)a)) ? a : NULL;
}

/* Word for word what was sent, but for NLA_F_NESTED, which the kernel leaves out
 * (nla_nest_start_noflag in net/netlink.h). `want` is well formed: we made it. */
static bool same_sent(const struct nlattr *want, const struct nlattr *got)
{
    if (want->nla_len != got->nla_len || mnl_attr_get_type(want) != mnl_attr_get_type(got))
        return false;
    if (!(want->nla_type & NLA_F_NESTED))
        return same_attr(want, got);
    const struct nlattr *a = mnl_attr_get_payload(want), *b = mnl_attr_get_payload(got);
    for (const char *end = (const char *)want + want->nla_len; (const char *)a < end;
         a = mnl_attr_next(a), b = mnl_attr_next(b))
        if (!same_sent(a, b))
            return false;
    return true;
}

/* A lookup has to be looked at all the same, for its set. */
static bool same_words(const struct nlattr *want, const struct nlattr *got)
{
    const struct nlattr *name = mnl_attr_get_payload(want);
    return same_sent(want, got) && mnl_attr_get_type(name) == NFTA_EXPR_NAME &&
           strcmp(mnl_attr_get_str(name), "lookup") != 0;
}

static bool other(struct rule_check *c, const char *what)
{
    kr_buf_printf(&c->why, "%s", what);
    return false;
}

static bool same_exprs(struct rule_check *c, const struct nlattr *want, const struct nlattr *got)
{
    const struct nlattr *a = next_elem(want, NULL), *b = next_elem(got, NULL);
    struct expr x, y;
    for (size_t n = 1; a && b; n++, a = next_elem(want, a), b = next_elem(got, b)) {
        if (same_words(a, b))
            continue;
        read_expr(a, &x);
        read_expr(b, &y);
        c->nth = n;
        c->expr = x.name;
        if (!same_expr(c, &x, &y))
            return false;
    }
    return (!a && !b) || other(c, a ? "expressions are missing" : "has more expressions");
}

static bool same_rule(struct rule_check *c, const struct nlmsghdr *want, const struct nlmsghdr *got)
{
    struct rule_attrs a = rule_attrs(want), b = rule_attrs(got);
    if (b.unknown || b.v[NFTA_RULE_COMPAT] || b.v[NFTA_RULE_ID] || b.v[NFTA_RULE_CHAIN_ID] ||
        !same_attr(a.v[NFTA_RULE_TABLE], b.v[NFTA_RULE_TABLE]) ||
        !same_attr(a.v[NFTA_RULE_CHAIN], b.v[NFTA_RULE_CHAIN]))
        return other(c, "its own attributes");
    return same_exprs(c, a.v[NFTA_RULE_EXPRESSIONS], b.v[NFTA_RULE_EXPRESSIONS]) &&
           (same_attr(a.v[NFTA_RULE_USERDATA], b.v[NFTA_RULE_USERDATA]) || other(c, "its comment"));
}

bool kr_nft_rule_equal(const struct kr_nft_rule *want, const struct nlmsghdr *got,
                       kr_nft_lookup_cb same_set, void *arg, char why[static 200])
{
    static char buf[ROOM] __attribute__((aligned(NLMSG_ALIGNTO))); /* zero between uses */
    struct rule_check c = {.rule = want, .same_set = same_set, .arg = arg};
    struct nlmsghdr *m = mnl_nlmsg_put_header(buf);
    mnl_nlmsg_put_extra_header(m, sizeof(struct nfgenmsg));
    kr_nft_rule_put(m, want);
    bool equal = same_rule(&c, m, got);
    memset(buf, 0, m->nlmsg_len);
    *why = '\0';
    if (!equal)
        snprintf(why, 200, "%s", kr_buf_str(&c.why));
    kr_buf_free(&c.why);
    return equal;
}

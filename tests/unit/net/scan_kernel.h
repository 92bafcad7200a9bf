/* Answers of nftables made up here: this stands in for <kr/nl.h>, so that the scan of other rules
 * reads them. What nft and iptables write themselves is tried by net/checks-nft. */
#ifndef KR_SCAN_KERNEL_H
#define KR_SCAN_KERNEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <kr/err.h>
#include <kr/nft_scan.h>
#include <kr/nl.h>

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* ---- the kernel ------------------------------------------------------------------------------ */

#define MOST 16
static struct nlmsghdr *said[MOST]; /* each in memory of its own size, for the sanitizer */
static size_t n_said;
static unsigned generations, again, asked; /* the first `again` dumps of rules are interrupted */
static int refusal;

int kr_nl_open(struct kr_nl *nl, int bus, struct kr_err *e)
{
    (void)e;
    nl->bus = bus;
    return 0;
}

void kr_nl_close(struct kr_nl *nl)
{
    nl->bus = 0;
}

static inline int say_generation(kr_nl_cb cb, void *arg)
{
    char room[64] = "";
    struct nlmsghdr *m = mnl_nlmsg_put_header(room);
    mnl_nlmsg_put_extra_header(m, sizeof(struct nfgenmsg));
    mnl_attr_put_u32(m, NFTA_GEN_ID, htonl(generations ? generations++ : 7));
    return cb(m, arg);
}

int kr_nl_ask(struct kr_nl *nl, struct nlmsghdr *req, kr_nl_cb cb, void *arg, struct kr_err *e)
{
    const bool hooks = req->nlmsg_type >> 8 == NFNL_SUBSYS_HOOK; /* answers as it is asked */
    int type = hooks ? req->nlmsg_type + 1 : req->nlmsg_type & 0xff, bad = 0;
    (void)nl;
    if (refusal)
        return refusal;
    if (type == NFT_MSG_GETGEN)
        bad = say_generation(cb, arg);
    for (size_t i = 0; i < n_said && !bad; i++)
        if ((said[i]->nlmsg_type & (hooks ? 0xffff : 0xff)) == type - 1)
            bad = cb(said[i], arg);
    if (bad)
        return kr_fail(e, KR_UNKNOWN, 0, "netlink answer that can't be read");
    return (hooks || type == NFT_MSG_GETRULE) && asked++ < again ? KR_NL_AGAIN : 0;
}

/* ---- what it says ---------------------------------------------------------------------------- */

static _Alignas(8) char room[8192];

static inline struct nlmsghdr *message(int type, int family)
{
    memset(room, 0, sizeof room);
    struct nlmsghdr *m = mnl_nlmsg_put_header(room);
    m->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
    struct nfgenmsg *g = mnl_nlmsg_put_extra_header(m, sizeof *g);
    g->nfgen_family = (uint8_t)family;
    return m;
}

static inline void say_message(const struct nlmsghdr *m)
{
    assert_true(n_said < MOST);
    said[n_said] = malloc(m->nlmsg_len);
    assert_non_null(said[n_said]);
    memcpy(said[n_said++], m, m->nlmsg_len);
}

static inline int forget(void **state)
{
    (void)state;
    while (n_said)
        free(said[--n_said]);
    generations = again = asked = 0;
    refusal = 0;
    return 0;
}

static inline void say_table(int family, const char *name, uint32_t flags)
{
    struct nlmsghdr *m = message(NFT_MSG_NEWTABLE, family);
    mnl_attr_put_strz(m, NFTA_TABLE_NAME, name);
    mnl_attr_put_u32(m, NFTA_TABLE_FLAGS, htonl(flags));
    say_message(m);
}

static inline struct nlattr *begin_hook(struct nlmsghdr *m, uint16_t attr, unsigned hook,
                                        int priority)
{
    struct nlattr *nest = mnl_attr_nest_start(m, attr);
    mnl_attr_put_u32(m, NFTA_HOOK_HOOKNUM, htonl(hook));
    mnl_attr_put_u32(m, NFTA_HOOK_PRIORITY, htonl((uint32_t)priority));
    return nest;
}

static inline void say_chain(int family, const char *table, const char *name, const char *type,
                             unsigned hook, int priority)
{
    struct nlmsghdr *m = message(NFT_MSG_NEWCHAIN, family);
    mnl_attr_put_strz(m, NFTA_CHAIN_TABLE, table);
    mnl_attr_put_strz(m, NFTA_CHAIN_NAME, name);
    if (type) {
        mnl_attr_nest_end(m, begin_hook(m, NFTA_CHAIN_HOOK, hook, priority));
        mnl_attr_put_strz(m, NFTA_CHAIN_TYPE, type);
    }
    say_message(m);
}

static struct nlmsghdr *rule;
static struct nlattr *list, *elem, *data;

static inline void rule_in(int family, const char *table, const char *chain)
{
    rule = message(NFT_MSG_NEWRULE, family);
    mnl_attr_put_strz(rule, NFTA_RULE_TABLE, table);
    mnl_attr_put_strz(rule, NFTA_RULE_CHAIN, chain);
    mnl_attr_put_u64(rule, NFTA_RULE_HANDLE, htobe64(41));
    list = mnl_attr_nest_start(rule, NFTA_RULE_EXPRESSIONS);
}

static inline void begin(const char *name)
{
    elem = mnl_attr_nest_start(rule, NFTA_LIST_ELEM);
    mnl_attr_put_strz(rule, NFTA_EXPR_NAME, name);
    data = mnl_attr_nest_start(rule, NFTA_EXPR_DATA);
}

static inline void number(uint16_t attr, uint32_t v)
{
    mnl_attr_put_u32(rule, attr, htonl(v));
}

static inline void end(void)
{
    mnl_attr_nest_end(rule, data);
    mnl_attr_nest_end(rule, elem);
}

static inline void bytes(uint16_t attr, const void *v, size_t len)
{
    struct nlattr *nest = mnl_attr_nest_start(rule, attr);
    mnl_attr_put(rule, NFTA_DATA_VALUE, len, v);
    mnl_attr_nest_end(rule, nest);
}

static inline void bare(const char *name)
{
    begin(name);
    end();
}

static inline void say_rule(void)
{
    mnl_attr_nest_end(rule, list);
    say_message(rule);
}

static inline void load(uint32_t base, uint32_t offset, uint32_t len, uint32_t reg)
{
    begin("payload");
    number(NFTA_PAYLOAD_DREG, reg);
    number(NFTA_PAYLOAD_BASE, base);
    number(NFTA_PAYLOAD_OFFSET, offset);
    number(NFTA_PAYLOAD_LEN, len);
    end();
}

static inline void store(uint32_t base, uint32_t offset, uint32_t len, uint32_t reg)
{
    begin("payload");
    number(NFTA_PAYLOAD_SREG, reg);
    number(NFTA_PAYLOAD_BASE, base);
    number(NFTA_PAYLOAD_OFFSET, offset);
    number(NFTA_PAYLOAD_LEN, len);
    end();
}

static inline void meta(uint32_t key, uint32_t reg)
{
    begin("meta");
    number(NFTA_META_DREG, reg);
    number(NFTA_META_KEY, key);
    end();
}

static inline void cmp(uint32_t reg, uint32_t op, const void *v, size_t len)
{
    begin("cmp");
    number(NFTA_CMP_SREG, reg);
    number(NFTA_CMP_OP, op);
    bytes(NFTA_CMP_DATA, v, len);
    end();
}

static inline void immediate(uint32_t reg, const void *v, size_t len)
{
    begin("immediate");
    number(NFTA_IMMEDIATE_DREG, reg);
    bytes(NFTA_IMMEDIATE_DATA, v, len);
    end();
}

static inline void mask(uint32_t reg, const void *and, const void * xor, size_t len)
{
    begin("bitwise");
    number(NFTA_BITWISE_SREG, reg);
    number(NFTA_BITWISE_DREG, reg);
    number(NFTA_BITWISE_LEN, (uint32_t)len);
    bytes(NFTA_BITWISE_MASK, and, len);
    bytes(NFTA_BITWISE_XOR, xor, len);
    end();
}

static inline void jump(const char *chain, int code)
{
    begin("immediate");
    number(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    struct nlattr *outer = mnl_attr_nest_start(rule, NFTA_IMMEDIATE_DATA);
    struct nlattr *verdict = mnl_attr_nest_start(rule, NFTA_DATA_VERDICT);
    number(NFTA_VERDICT_CODE, (uint32_t)code);
    if (chain)
        mnl_attr_put_strz(rule, NFTA_VERDICT_CHAIN, chain);
    mnl_attr_nest_end(rule, verdict);
    mnl_attr_nest_end(rule, outer);
    end();
}

/* ---- helpers of the tests -------------------------------------------------------------------- */

static const uint16_t ports[] = {25, 587};
#define PORTS (KR_MAY_PORT(0) | KR_MAY_PORT(1))

static inline struct kr_nftscan scanned(void)
{
    struct kr_nftscan s;
    struct kr_err e = {0};
    if (kr_nftscan_read("kumo_redirect", ports, 2, &s, &e))
        fail_msg("%s", e.msg);
    return s;
}

static inline int refused(struct kr_err *e)
{
    struct kr_nftscan s;
    assert_int_equal(kr_nftscan_read("kumo_redirect", ports, 2, &s, e), -1);
    assert_int_equal(s.n_tables + s.n_chains + s.n_acts + s.n_flowtables, 0);
    return (int)e->exit;
}

/* A table "t" with a chain "c" in output, and a rule that is begun. */
static inline void output_rule(int family)
{
    say_table(family, "t", 0);
    say_chain(family, "t", "c", "filter", NF_INET_LOCAL_OUT, 0);
    rule_in(family, "t", "c");
}

static inline void only(enum kr_nft_does does, uint32_t bits, uint32_t want)
{
    say_rule();
    struct kr_nftscan s = scanned();
    assert_int_equal(s.n_acts, 1);
    assert_int_equal(s.acts[0].does, does);
    assert_int_equal(s.acts[0].handle, 41);
    assert_int_equal(kr_nftscan_may(&s, &s.acts[0]) & bits, want);
    kr_nftscan_free(&s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, forget, forget)
#endif

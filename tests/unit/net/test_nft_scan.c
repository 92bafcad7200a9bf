/* The scan of other rules holds still, refuses what is malformed, and doubts what it does not know.
 */
#include "scan_kernel.h"

/* ---- consistency ----------------------------------------------------------------------------- */

static void interrupted(void **state)
{
    struct kr_err e = {0};
    (void)state;
    output_rule(NFPROTO_INET);
    bare("notrack");
    again = 3;
    only(KR_DOES_NOTRACK, KR_MAY_ALL & ~KR_MAY_PORTS, KR_MAY_ALL & ~KR_MAY_PORTS);
    assert_int_equal(asked, 4);
    asked = 0;
    again = 1000;
    assert_int_equal(refused(&e), KR_UNKNOWN);
    assert_int_equal(asked, 20);
}

static void generation_moves(void **state)
{
    struct kr_err e = {0};
    (void)state;
    generations = 1;
    assert_int_equal(refused(&e), KR_UNKNOWN);
    assert_non_null(strstr(e.msg, "kept changing"));
}

static void names_unlisted(void **state)
{
    struct kr_err e = {0};
    (void)state;
    output_rule(NFPROTO_INET);
    jump("nowhere", NFT_JUMP);
    say_rule();
    assert_int_equal(refused(&e), KR_UNKNOWN);
    forget(NULL);
    say_table(NFPROTO_INET, "t", 0);
    rule_in(NFPROTO_INET, "t", "c");
    say_rule();
    assert_int_equal(refused(&e), KR_UNKNOWN);
    forget(NULL);
    say_chain(NFPROTO_INET, "t", "c", "filter", 3, 0);
    assert_int_equal(refused(&e), KR_UNKNOWN);
}

static void refusals(void **state)
{
    struct kr_err e = {0};
    (void)state;
    refusal = EPERM;
    assert_int_equal(refused(&e), KR_CANNOT);
    refusal = ENOMEM;
    assert_int_equal(refused(&e), KR_UNKNOWN);
}

static void empty(void **state)
{
    (void)state;
    struct kr_nftscan s = scanned();
    assert_int_equal(s.n_tables + s.n_chains + s.n_acts, 0);
    assert_int_equal(s.generation, 7);
    kr_nftscan_free(&s);
}

static void ours(void **state)
{
    (void)state;
    say_table(NFPROTO_INET, "kumo_redirect", 0);
    say_chain(NFPROTO_INET, "kumo_redirect", "c", "filter", NF_INET_LOCAL_OUT, 0);
    rule_in(NFPROTO_INET, "kumo_redirect", "c");
    bare("notrack");
    say_rule();
    say_table(NFPROTO_IPV4, "kumo_redirect", 0); /* not ours: another family */
    struct kr_nftscan s = scanned();
    assert_int_equal(s.n_tables, 1);
    assert_int_equal(s.n_chains + s.n_acts + s.n_rules, 0);
    kr_nftscan_free(&s);
}

/* ---- malformed ------------------------------------------------------------------------------- */

static void rich_rule(void)
{
    static const char lo[16] = "lo";
    output_rule(NFPROTO_INET);
    meta(NFT_META_IIFNAME, NFT_REG_1);
    cmp(NFT_REG_1, NFT_CMP_NEQ, lo, sizeof lo);
    load(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG32_00);
    mask(NFT_REG32_00, "\377\377", "\0\0", 2);
    cmp(NFT_REG32_00, NFT_CMP_EQ, "\0\31", 2);
    immediate(NFT_REG_1, "\0\0\0\5", 4);
    store(NFT_PAYLOAD_NETWORK_HEADER, 16, 4, NFT_REG_1);
    begin("target");
    mnl_attr_put_strz(rule, NFTA_TARGET_NAME, "DNAT");
    number(NFTA_TARGET_REV, 2);
    mnl_attr_put(rule, NFTA_TARGET_INFO, 4, "\0\0\0\0");
    end();
    jump("c", NFT_JUMP);
    say_rule();
}

static void cut_short(void **state)
{
    (void)state;
    rich_rule();
    struct nlmsghdr *whole = said[n_said - 1];
    for (uint32_t len = NLMSG_HDRLEN; len < whole->nlmsg_len; len++) {
        struct kr_nftscan s;
        struct nlmsghdr *part = memcpy(malloc(len), whole, len);
        part->nlmsg_len = len;
        said[n_said - 1] = part;
        if (kr_nftscan_read(NULL, ports, 2, &s, NULL) == 0)
            kr_nftscan_free(&s);
        free(part);
    }
    said[n_said - 1] = whole;
}

/* Any byte, any of its bits: it ends, and reads nothing outside. */
static void turned(void **state)
{
    (void)state;
    rich_rule();
    struct nlmsghdr *m = said[n_said - 1];
    for (size_t at = NLMSG_HDRLEN; at < m->nlmsg_len; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            struct kr_nftscan s;
            ((uint8_t *)m)[at] ^= (uint8_t)(1u << bit);
            if (kr_nftscan_read(NULL, ports, 2, &s, NULL) == 0)
                kr_nftscan_free(&s);
            ((uint8_t *)m)[at] ^= (uint8_t)(1u << bit);
        }
}

static void nameless(void **state)
{
    struct kr_err e = {0};
    (void)state;
    output_rule(NFPROTO_INET);
    elem = mnl_attr_nest_start(rule, NFTA_LIST_ELEM);
    mnl_attr_nest_end(rule, elem);
    say_rule();
    assert_int_equal(refused(&e), KR_UNKNOWN);
    forget(NULL);
    say_message(message(NFT_MSG_NEWTABLE, NFPROTO_INET));
    assert_int_equal(refused(&e), KR_UNKNOWN);
    forget(NULL);
    say_table(NFPROTO_INET, "t", 0);
    struct nlmsghdr *m = message(NFT_MSG_NEWCHAIN, NFPROTO_INET);
    mnl_attr_put_strz(m, NFTA_CHAIN_TABLE, "t");
    mnl_attr_put_strz(m, NFTA_CHAIN_NAME, "c");
    mnl_attr_put_strz(m, NFTA_CHAIN_TYPE, "filter");
    mnl_attr_nest_end(m, mnl_attr_nest_start(m, NFTA_CHAIN_HOOK)); /* without a number */
    say_message(m);
    assert_int_equal(refused(&e), KR_UNKNOWN);
}

/* ---- what is not known ----------------------------------------------------------------------- */

static void unknown_expression(void **state)
{
    (void)state;
    output_rule(NFPROTO_INET);
    bare("teleport");
    say_rule();
    struct kr_nftscan s = scanned();
    assert_int_equal(s.n_acts, 1);
    assert_int_equal(s.acts[0].does, KR_DOES_UNKNOWN);
    assert_string_equal(s.acts[0].what, "teleport");
    assert_true(kr_nftscan_may(&s, &s.acts[0]) & KR_MAY_TCP);
    kr_nftscan_free(&s);
}

static void unknown_elsewhere(void **state)
{
    (void)state;
    say_table(NFPROTO_INET, "t", 0);
    say_chain(NFPROTO_INET, "t", "c", NULL, 0, 0);
    rule_in(NFPROTO_INET, "t", "c");
    bare("teleport");
    only(KR_DOES_UNKNOWN, KR_MAY_ALL, 0); /* nothing comes there */
}

static void unknown_target(void **state)
{
    (void)state;
    output_rule(NFPROTO_IPV4);
    begin("target");
    mnl_attr_put_strz(rule, NFTA_TARGET_NAME, "TELEPORT");
    end();
    only(KR_DOES_UNKNOWN, KR_MAY_V4 | KR_MAY_V6, KR_MAY_V4);
}

static void unknown_meta_and_object(void **state)
{
    (void)state;
    output_rule(NFPROTO_INET);
    begin("meta");
    number(NFTA_META_SREG, NFT_REG_1);
    number(NFTA_META_KEY, 99);
    end();
    only(KR_DOES_UNKNOWN, KR_MAY_TCP, KR_MAY_TCP);
    forget(NULL);
    output_rule(NFPROTO_INET);
    begin("objref");
    number(NFTA_OBJREF_IMM_TYPE, 33);
    mnl_attr_put_strz(rule, NFTA_OBJREF_IMM_NAME, "x");
    end();
    only(KR_DOES_UNKNOWN, KR_MAY_TCP, KR_MAY_TCP);
}

static void unknown_type_and_flags(void **state)
{
    (void)state;
    say_table(NFPROTO_INET, "t", 0x80);
    say_table(NFPROTO_INET, "u", NFT_TABLE_F_OWNER | 4);
    say_chain(NFPROTO_INET, "t", "flags", "filter", NF_INET_LOCAL_OUT, 0);
    say_chain(NFPROTO_INET, "u", "type", "shortcut", NF_INET_LOCAL_OUT, 0);
    say_chain(NFPROTO_INET, "u", "fine", "route", NF_INET_LOCAL_OUT, 0);
    struct kr_nftscan s = scanned();
    assert_int_equal(s.n_acts, 2);
    assert_string_equal(s.acts[0].what, "table flags 0x80");
    assert_string_equal(s.acts[1].what, "chain type shortcut");
    assert_int_equal(s.acts[1].handle, 0);
    kr_nftscan_free(&s);
}

/* After what is not known a register holds nothing that could prove anything. */
static void unknown_spoils_registers(void **state)
{
    (void)state;
    output_rule(NFPROTO_INET);
    load(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG_1);
    bare("numgen");
    cmp(NFT_REG_1, NFT_CMP_EQ, "\0\120", 2);
    bare("notrack");
    only(KR_DOES_NOTRACK, KR_MAY_PORTS, PORTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(interrupted),
        TEST(generation_moves),
        TEST(names_unlisted),
        TEST(refusals),
        TEST(empty),
        TEST(ours),
        TEST(cut_short),
        TEST(turned),
        TEST(nameless),
        TEST(unknown_expression),
        TEST(unknown_elsewhere),
        TEST(unknown_target),
        TEST(unknown_meta_and_object),
        TEST(unknown_type_and_flags),
        TEST(unknown_spoils_registers),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

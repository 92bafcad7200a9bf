/* The scan of other rules: what expressions prove and do, and which packets come to which chain. */
#include "scan_kernel.h"

/* ---- what registers prove -------------------------------------------------------------------- */

static void dport(uint32_t op, const char *v, uint32_t want)
{
    output_rule(NFPROTO_INET);
    load(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG32_00);
    cmp(NFT_REG_1, op, v, 2); /* the same register by its other number */
    bare("notrack");
    only(KR_DOES_NOTRACK, KR_MAY_PORTS, want);
    forget(NULL);
}

static void by_port(void **state)
{
    (void)state;
    dport(NFT_CMP_EQ, "\0\31", KR_MAY_PORT(0));
    dport(NFT_CMP_NEQ, "\0\31", KR_MAY_PORT(1));
    dport(NFT_CMP_LT, "\0\31", 0);
    dport(NFT_CMP_LTE, "\0\31", KR_MAY_PORT(0));
    dport(NFT_CMP_GT, "\0\31", KR_MAY_PORT(1));
    dport(NFT_CMP_GTE, "\2\113", KR_MAY_PORT(1));
    dport(99, "\0\31", PORTS);
}

static void overlapped(void **state)
{
    (void)state;
    output_rule(NFPROTO_INET);
    load(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG32_02); /* inside of register 1 */
    meta(NFT_META_IIFNAME, NFT_REG_1);
    cmp(NFT_REG32_02, NFT_CMP_EQ, "\0\120", 2);
    bare("notrack");
    only(KR_DOES_NOTRACK, KR_MAY_PORTS, PORTS);
    forget(NULL);
    output_rule(NFPROTO_INET);
    meta(NFT_META_OIFNAME, NFT_REG_1);
    immediate(NFT_REG32_03, "\0\0\0\0", 4); /* into its end */
    cmp(NFT_REG_1, NFT_CMP_EQ, "lo\0", 3);
    bare("notrack");
    only(KR_DOES_NOTRACK, KR_MAY_TO_DEV, KR_MAY_TO_DEV);
}

static void masked_port_proves_nothing(void **state)
{
    (void)state;
    output_rule(NFPROTO_INET);
    load(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG_1);
    mask(NFT_REG_1, "\0\1", "\0\0", 2);
    cmp(NFT_REG_1, NFT_CMP_EQ, "\0\0", 2);
    bare("notrack");
    only(KR_DOES_NOTRACK, KR_MAY_PORTS, PORTS);
}

static void writes_only_what_it_keeps(void **state)
{
    (void)state;
    output_rule(NFPROTO_IPV4);
    load(NFT_PAYLOAD_NETWORK_HEADER, 8, 2, NFT_REG_1); /* TTL and protocol */
    mask(NFT_REG_1, "\0\377", "\100\0", 2);
    store(NFT_PAYLOAD_NETWORK_HEADER, 8, 2, NFT_REG_1);
    say_rule();
    struct kr_nftscan s = scanned();
    assert_int_equal(s.n_acts, 0);
    kr_nftscan_free(&s);
    forget(NULL);
    output_rule(NFPROTO_IPV4);
    load(NFT_PAYLOAD_NETWORK_HEADER, 8, 2, NFT_REG_1);
    mask(NFT_REG_1, "\377\376", "\0\0", 2);
    store(NFT_PAYLOAD_NETWORK_HEADER, 8, 2, NFT_REG_1);
    only(KR_DOES_WRITE, KR_MAY_TCP, KR_MAY_TCP);
    forget(NULL);
    output_rule(NFPROTO_IPV4);
    store(99, 0, 4, NFT_REG_1); /* a base we do not know */
    only(KR_DOES_WRITE, KR_MAY_TCP, KR_MAY_TCP);
}

static void maps_to(void (*ports_of)(void), int want)
{
    output_rule(NFPROTO_IPV4);
    immediate(NFT_REG_2, "\11\336", 2); /* 2526 */
    immediate(NFT_REG_3, "\11\337", 2);
    begin("nat");
    number(NFTA_NAT_TYPE, NFT_NAT_DNAT);
    number(NFTA_NAT_REG_ADDR_MIN, NFT_REG_1);
    ports_of();
    end();
    say_rule();
    struct kr_nftscan s = scanned();
    assert_int_equal(s.n_acts, 1);
    assert_int_equal(s.acts[0].does, KR_DOES_MAP);
    assert_int_equal(s.acts[0].to_port, want);
    kr_nftscan_free(&s);
    forget(NULL);
}

static void no_port(void)
{
}
static void one_port(void)
{
    number(NFTA_NAT_REG_PROTO_MIN, NFT_REG_2);
}
static void two_ports(void)
{
    number(NFTA_NAT_REG_PROTO_MIN, NFT_REG_2);
    number(NFTA_NAT_REG_PROTO_MAX, NFT_REG_3);
}
static void some_port(void)
{
    number(NFTA_NAT_REG_PROTO_MIN, NFT_REG_4);
}

static void maps(void **state)
{
    (void)state;
    maps_to(no_port, 0);
    maps_to(one_port, 2526);
    maps_to(two_ports, -1);
    maps_to(some_port, -1);
}

static void maps_by_target(void **state)
{
    const struct nf_nat_ipv4_multi_range_compat v0 = {
        .rangesize = 1,
        .range = {{.flags = NF_NAT_RANGE_PROTO_SPECIFIED,
                   .min.all = htons(2526),
                   .max.all = htons(2526)}}};
    const struct nf_nat_range v1 = {.flags = NF_NAT_RANGE_MAP_IPS};
    const struct {
        uint32_t revision;
        const void *info;
        size_t len;
        int port;
    } rows[] = {{0, &v0, sizeof v0, 2526},
                {1, &v1, sizeof v1, 0},
                {2, &v1, sizeof v1, 0},
                {9, &v1, sizeof v1, -1},
                {2, &v1, 8, -1}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        output_rule(NFPROTO_IPV4);
        begin("target");
        mnl_attr_put_strz(rule, NFTA_TARGET_NAME, "DNAT");
        number(NFTA_TARGET_REV, rows[i].revision);
        mnl_attr_put(rule, NFTA_TARGET_INFO, rows[i].len, rows[i].info);
        end();
        say_rule();
        struct kr_nftscan s = scanned();
        assert_int_equal(s.acts[0].to_port, rows[i].port);
        kr_nftscan_free(&s);
        forget(NULL);
    }
}

static void queue_as_verdict(void **state)
{
    (void)state;
    output_rule(NFPROTO_INET);
    jump(NULL, NF_QUEUE | 5 << 16);
    only(KR_DOES_QUEUE, KR_MAY_TCP, KR_MAY_TCP);
    forget(NULL);
    output_rule(NFPROTO_INET);
    jump(NULL, -77);
    only(KR_DOES_UNKNOWN, KR_MAY_TCP, KR_MAY_TCP);
}

/* ---- jumps, devices, flowtables -------------------------------------------------------------- */

static void reached_by(const char *sub, uint32_t want)
{
    rule_in(NFPROTO_INET, "t", sub);
    bare("notrack");
    say_rule();
    struct kr_nftscan s = scanned();
    const struct kr_scan_act *a = &s.acts[0];
    assert_int_equal(s.n_acts, 1);
    assert_int_equal(kr_nftscan_may(&s, a) & (PORTS | KR_MAY_TCP), want);
    if (want) {
        assert_string_equal(s.chains[s.chains[a->chain].from].name, "c");
        assert_int_equal(s.chains[a->chain].on, 1u << NF_INET_LOCAL_OUT);
    }
    kr_nftscan_free(&s);
    free(said[--n_said]);
}

static void reach(void **state)
{
    (void)state;
    say_table(NFPROTO_INET, "t", 0);
    say_chain(NFPROTO_INET, "t", "c", "filter", NF_INET_LOCAL_OUT, 0);
    say_chain(NFPROTO_INET, "t", "mail", NULL, 0, 0);
    say_chain(NFPROTO_INET, "t", "nobody", NULL, 0, 0);
    say_chain(NFPROTO_INET, "t", "udp", NULL, 0, 0);
    rule_in(NFPROTO_INET, "t", "c");
    load(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG_1);
    cmp(NFT_REG_1, NFT_CMP_EQ, "\0\31", 2);
    jump("mail", NFT_GOTO);
    say_rule();
    rule_in(NFPROTO_INET, "t", "c");
    meta(NFT_META_L4PROTO, NFT_REG_1);
    cmp(NFT_REG_1, NFT_CMP_EQ, "\21", 1);
    jump("udp", NFT_JUMP);
    say_rule();
    reached_by("mail", KR_MAY_PORT(0) | KR_MAY_TCP);
    reached_by("nobody", 0);
    reached_by("udp", 0);
    rule_in(NFPROTO_INET, "t", "mail"); /* a verdict map: any chain of the table */
    begin("lookup");
    number(NFTA_LOOKUP_SREG, NFT_REG_1);
    number(NFTA_LOOKUP_DREG, NFT_REG_VERDICT);
    mnl_attr_put_strz(rule, NFTA_LOOKUP_SET, "__map0");
    end();
    say_rule();
    reached_by("nobody", KR_MAY_PORT(0) | KR_MAY_TCP);
}

static void object_maps(void **state)
{
    (void)state;
    for (uint32_t kind = NFT_OBJECT_COUNTER; kind <= NFT_OBJECT_SYNPROXY;
         kind += NFT_OBJECT_SYNPROXY - NFT_OBJECT_COUNTER) {
        say_table(NFPROTO_INET, "t", 0);
        say_chain(NFPROTO_INET, "t", "c", "filter", NF_INET_FORWARD, 0);
        struct nlmsghdr *m = message(NFT_MSG_NEWSET, NFPROTO_INET);
        mnl_attr_put_strz(m, NFTA_SET_TABLE, "t");
        mnl_attr_put_strz(m, NFTA_SET_NAME, "m");
        mnl_attr_put_u32(m, NFTA_SET_FLAGS, htonl(NFT_SET_OBJECT));
        mnl_attr_put_u32(m, NFTA_SET_OBJ_TYPE, htonl(kind));
        say_message(m);
        rule_in(NFPROTO_INET, "t", "c");
        begin("objref");
        number(NFTA_OBJREF_SET_SREG, NFT_REG_1);
        mnl_attr_put_strz(rule, NFTA_OBJREF_SET_NAME, "m");
        end();
        say_rule();
        struct kr_nftscan s = scanned();
        assert_int_equal(s.n_acts, kind == NFT_OBJECT_SYNPROXY);
        assert_true(!s.n_acts || s.acts[0].does == KR_DOES_SYNPROXY);
        kr_nftscan_free(&s);
        forget(NULL);
    }
}

static void say_flowtable(void)
{
    struct nlmsghdr *m = message(NFT_MSG_NEWFLOWTABLE, NFPROTO_INET);
    mnl_attr_put_strz(m, NFTA_FLOWTABLE_TABLE, "t");
    mnl_attr_put_strz(m, NFTA_FLOWTABLE_NAME, "f");
    mnl_attr_put_u32(m, NFTA_FLOWTABLE_FLAGS, htonl(NFT_FLOWTABLE_HW_OFFLOAD));
    struct nlattr *hook = begin_hook(m, NFTA_FLOWTABLE_HOOK, 0, 0);
    struct nlattr *devices = mnl_attr_nest_start(m, NFTA_HOOK_DEVS);
    mnl_attr_put_strz(m, NFTA_DEVICE_NAME, "eth0");
    mnl_attr_put_str(m, NFTA_DEVICE_NAME, "veth"); /* Linux 6.16: no end, all that begin so */
    mnl_attr_put_strz(m, 2, "br");                 /* Linux 6.17: NFTA_DEVICE_PREFIX */
    mnl_attr_nest_end(m, devices);
    mnl_attr_nest_end(m, hook);
    say_message(m);
}

static void flowtables(void **state)
{
    (void)state;
    say_table(NFPROTO_INET, "t", 0);
    say_flowtable();
    struct kr_nftscan s = scanned();
    assert_int_equal(s.n_flowtables, 1);
    assert_string_equal(s.flowtables[0].devices, "eth0 veth* br*");
    assert_int_equal(s.flowtables[0].flags, NFT_FLOWTABLE_HW_OFFLOAD);
    kr_nftscan_free(&s);
}

static void devices(void **state)
{
    (void)state;
    assert_true(kr_nftscan_on_device("eth0 veth*", "eth0"));
    assert_true(kr_nftscan_on_device("eth0 veth*", "veth1"));
    assert_false(kr_nftscan_on_device("eth0 veth*", "eth"));
    assert_false(kr_nftscan_on_device("eth0", "eth00"));
    assert_false(kr_nftscan_on_device("", "eth0"));
    assert_false(kr_nftscan_on_device(NULL, "eth0"));
}

static void late(void **state)
{
    (void)state;
    say_table(NFPROTO_NETDEV, "t", 0);
    say_table(NFPROTO_INET, "t", NFT_TABLE_F_DORMANT);
    say_table(NFPROTO_INET, "u", 0);
    say_chain(NFPROTO_NETDEV, "t", "out", "filter", NF_NETDEV_EGRESS, INT_MAX);
    say_chain(NFPROTO_NETDEV, "t", "in", "filter", NF_NETDEV_INGRESS, INT_MAX);
    say_chain(NFPROTO_INET, "t", "asleep", "filter", NF_INET_LOCAL_OUT, INT_MAX);
    say_chain(NFPROTO_INET, "u", "here", "filter", NF_INET_LOCAL_IN, INT_MAX);
    struct kr_nftscan s = scanned();
    const uint32_t want[] = {0, 1u << NF_INET_LOCAL_IN, KR_ON_INGRESS, KR_ON_EGRESS | KR_ON_LATE};
    assert_int_equal(s.n_chains, 4); /* by family and name */
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(s.chains[i].on, want[i]);
    kr_nftscan_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(by_port),
        TEST(overlapped),
        TEST(masked_port_proves_nothing),
        TEST(writes_only_what_it_keeps),
        TEST(maps),
        TEST(maps_by_target),
        TEST(queue_as_verdict),
        TEST(reach),
        TEST(object_maps),
        TEST(flowtables),
        TEST(devices),
        TEST(late),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

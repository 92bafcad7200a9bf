/* Reading entries, keys that name exactly one, and what the kernel's refusals mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../src/net/ct.c"

static const uint16_t ports[] = {25, 465};

static struct kr_addr addr(const char *text)
{
    struct kr_addr a;
    assert_int_equal(kr_addr_parse(text, &a, NULL), 0);
    return a;
}

static struct kr_tuple tuple(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
    return (struct kr_tuple){addr(src), addr(dst), sport, dport};
}

/* A message as ctnetlink sends it. */
static struct nlmsghdr *entry(char *buf, int l4, const struct kr_tuple *orig,
                              const struct kr_tuple *reply)
{
    AUTO_NFCT struct nf_conntrack *ct = nfct_new();
    struct nlmsghdr *nlh = request(buf, kr_addr_family(&orig->src), IPCTNL_MSG_CT_NEW, NLM_F_MULTI);
    set_tuple(ct, &original, orig);
    set_tuple(ct, &answers, reply);
    nfct_set_attr_u8(ct, ATTR_ORIG_L4PROTO, (uint8_t)l4);
    nfct_set_attr_u8(ct, ATTR_REPL_L4PROTO, (uint8_t)l4);
    nfct_set_attr_u16(ct, ATTR_ZONE, 7);
    assert_int_equal(nfct_nlmsg_build(nlh, ct), 0);
    mnl_attr_put_u32(nlh, CTA_ID, htonl(4711));
    return nlh;
}

static void entries_are_chosen_by_any_of_four_ports(void **state)
{
    static const struct {
        uint16_t sport, dport, rsport, rdport;
        bool taken;
    } rows[] = {
        {25, 1, 2, 3, true},      {1, 25, 2, 3, true}, {1, 2, 465, 3, true},
        {1, 2, 3, 465, true},     {1, 2, 3, 4, false}, {24, 26, 2525, 6400, false},
        {0x1900, 1, 2, 3, false}, /* 25 in the other byte order */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char buf[1024];
        struct kr_cts out = {0};
        struct reading r = {ports, 2, &out};
        struct kr_tuple a = tuple("10.0.0.1", rows[i].sport, "203.0.113.5", rows[i].dport);
        struct kr_tuple b = tuple("198.18.25.1", rows[i].rsport, "10.0.0.1", rows[i].rdport);
        assert_int_equal(on_entry(entry(buf, IPPROTO_TCP, &a, &b), &r), 0);
        if (out.n != rows[i].taken)
            fail_msg("row %zu", i);
        if (out.n) {
            assert_int_equal(kr_tuple_cmp(&out.v[0].orig, &a), 0);
            assert_int_equal(kr_tuple_cmp(&out.v[0].reply, &b), 0);
            assert_int_equal(out.v[0].id, 4711);
            assert_int_equal(out.v[0].zone, 7);
        }
        kr_cts_free(&out);
    }
}

static void only_tcp_and_both_families(void **state)
{
    char buf[1024];
    struct kr_cts out = {0};
    struct reading r = {ports, 2, &out};
    struct kr_tuple a = tuple("2001:db8::1", 1000, "2001:db8::5", 25);
    struct kr_tuple b = tuple("2001:db8::5", 25, "2001:db8::1", 1000);
    (void)state;
    assert_int_equal(on_entry(entry(buf, IPPROTO_UDP, &a, &b), &r), 0);
    assert_int_equal(out.n, 0);
    assert_int_equal(on_entry(entry(buf, IPPROTO_TCP, &a, &b), &r), 0);
    assert_int_equal(out.n, 1);
    assert_int_equal(kr_tuple_cmp(&out.v[0].orig, &a), 0);
    kr_cts_free(&out);
}

/* However a message ends, it is read to there and no further, and never taken for another. */
static void cut_messages(void **state)
{
    char buf[1024];
    struct kr_tuple a = tuple("10.0.0.1", 1000, "203.0.113.5", 25);
    struct kr_tuple b = tuple("203.0.113.5", 25, "10.0.0.1", 1000);
    const struct nlmsghdr *whole = entry(buf, IPPROTO_TCP, &a, &b);
    (void)state;
    for (uint32_t len = sizeof *whole; len < whole->nlmsg_len; len++) {
        struct kr_cts out = {0};
        struct reading r = {ports, 2, &out};
        struct nlmsghdr *cut = calloc(1, len + MNL_ALIGNTO); /* libmnl reads to its alignment */
        memcpy(cut, whole, len);
        cut->nlmsg_len = len;
        if (on_entry(cut, &r) == 0 && out.n)
            assert_int_equal(kr_tuple_cmp(&out.v[0].orig, &a), 0);
        kr_cts_free(&out);
        free(cut);
    }
}

static void a_key_holds_the_whole_tuple_and_the_zone(void **state)
{
    static const char *const ends[][2] = {{"10.0.0.1", "203.0.113.5"},
                                          {"2001:db8::1", "2001:db8::5"}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char buf[1024];
        struct kr_ct key = {.orig = tuple(ends[i][0], 1000, ends[i][1], 25), .zone = 9};
        struct kr_tuple got;
        AUTO_NFCT struct nf_conntrack *ct = nfct_new();
        struct nlmsghdr *nlh =
            request(buf, kr_addr_family(&key.orig.src), IPCTNL_MSG_CT_DELETE, NLM_F_ACK);
        assert_int_equal(put_key(nlh, &key, NULL), 0);
        assert_true(nfct_nlmsg_parse(nlh, ct) >= 0);
        assert_true(get_tuple(ct, &original, &got));
        assert_int_equal(kr_tuple_cmp(&got, &key.orig), 0);
        assert_int_equal(nfct_get_attr_u8(ct, ATTR_ORIG_L4PROTO), IPPROTO_TCP);
        assert_int_equal(nfct_get_attr_u16(ct, ATTR_ZONE), 9);
    }
}

static void refusals(void **state)
{
    static const struct {
        int got;
        enum kr_exit exit;
        const char *word;
    } rows[] = {
        {EINVAL, KR_CANNOT, "CONFIG_NF_CT_NETLINK"},
        {EOPNOTSUPP, KR_CANNOT, "ctnetlink"},
        {EPERM, KR_CANNOT, "not permitted"},
        {KR_NL_AGAIN, KR_UNKNOWN, "interrupted"},
        {EBUSY, KR_UNKNOWN, "busy"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct kr_err e = {0};
        assert_int_equal(judge(rows[i].got, "x", &e), -1);
        assert_int_equal(e.exit, rows[i].exit);
        assert_non_null(strstr(e.msg, rows[i].word));
    }
}

static void tuples_are_ordered(void **state)
{
    struct kr_tuple a = tuple("10.0.0.1", 1000, "203.0.113.5", 25), b = a;
    (void)state;
    assert_int_equal(kr_tuple_cmp(&a, &b), 0);
    b.dport = 26;
    assert_true(kr_tuple_cmp(&a, &b) < 0);
    b = a;
    b.sport = 999;
    assert_true(kr_tuple_cmp(&a, &b) > 0);
    b = a;
    b.dst = addr("203.0.113.6");
    assert_true(kr_tuple_cmp(&a, &b) < 0);
}

static int load(void **state)
{
    (void)state;
    return ct_lib_load(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_chosen_by_any_of_four_ports),
        cmocka_unit_test(only_tcp_and_both_families),
        cmocka_unit_test(cut_messages),
        cmocka_unit_test(a_key_holds_the_whole_tuple_and_the_zone),
        cmocka_unit_test(refusals),
        cmocka_unit_test(tuples_are_ordered),
    };
    return cmocka_run_group_tests(tests, load, NULL);
}

/* Elements of sets: what is written is what libnftnl reads, what comes back is compared whole, and
 * whatever an element has beyond ours is noticed. No kernel is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

#include <libnftnl/set.h>

#include "../../../src/net/nft_elems.h"

#define MANY 10000

static char buffer[1 << 17];

static struct nlmsghdr *start(void)
{
    memset(buffer, 0, sizeof buffer);
    struct nlmsghdr *m = mnl_nlmsg_put_header(buffer);
    mnl_nlmsg_put_extra_header(m, sizeof(struct nfgenmsg));
    return m;
}

static struct kr_nft_elems empty_like(const struct kr_nft_elems *s)
{
    return (struct kr_nft_elems){
        .key_len = s->key_len, .data_len = s->data_len, .ranges = s->ranges};
}

static void add(struct kr_nft_elems *s, uint32_t i)
{
    uint8_t key[20] = {0}, end[20] = {0}, data[16];
    uint32_t be = htonl(i);
    memcpy(key, &be, sizeof be < s->key_len ? sizeof be : s->key_len);
    memcpy(end, key, sizeof end);
    end[s->key_len - 1] = 0x7f;
    memset(data, (int)(i * 7), sizeof data);
    kr_nft_elems_add(s, key, s->ranges ? end : NULL, s->data_len ? data : NULL);
}

/* As the ports, the LAN of either family, the sinks of either family, the protocols. */
static const struct kr_nft_elems shapes[] = {
    {.key_len = 2},
    {.key_len = 8, .ranges = true},
    {.key_len = 20, .ranges = true},
    {.key_len = 4, .data_len = 4},
    {.key_len = 4, .data_len = 16},
    {.key_len = 1},
};
#define SHAPES (sizeof shapes / sizeof *shapes)

static void fill(struct kr_nft_elems *s, const struct kr_nft_elems *shape, uint32_t n)
{
    *s = empty_like(shape);
    for (uint32_t i = 0; i < n; i++)
        add(s, i);
}

/* Through messages and back, in as many as it takes. */
static unsigned there_and_back(const struct kr_nft_elems *s, struct kr_nft_elems *back)
{
    unsigned messages = 0;
    *back = empty_like(s);
    for (size_t i = 0; i < s->n; messages++) {
        struct nlmsghdr *m = start();
        size_t next = kr_nft_elems_put(m, s, i);
        assert_true(next > i && m->nlmsg_len < UINT16_MAX + 100u);
        assert_int_equal(kr_nft_elems_take(back, m), 0);
        i = next;
    }
    return messages;
}

static void comes_back(void **state)
{
    (void)state;
    for (size_t k = 0; k < SHAPES; k++) {
        struct kr_nft_elems s, back;
        fill(&s, &shapes[k], 9);
        assert_int_equal(there_and_back(&s, &back), 1);
        assert_int_equal(back.n, 9);
        assert_null(kr_nft_elems_differ(&s, &back));
        kr_nft_elems_free(&s);
        kr_nft_elems_free(&back);
    }
}

static void reverse(struct kr_nft_elems *s)
{
    for (size_t i = 0; i < s->n / 2; i++) {
        struct kr_nft_elem x = s->v[i];
        s->v[i] = s->v[s->n - 1 - i];
        s->v[s->n - 1 - i] = x;
    }
}

static void many_in_any_order(void **state)
{
    (void)state;
    struct kr_nft_elems s, back;
    fill(&s, &shapes[2], MANY);
    assert_true(there_and_back(&s, &back) > 5);
    reverse(&back);
    assert_null(kr_nft_elems_differ(&s, &back));
    back.v[MANY / 2].end[3] ^= 1;
    assert_non_null(kr_nft_elems_differ(&s, &back));
    back.n--;
    assert_non_null(kr_nft_elems_differ(&s, &back));
    assert_non_null(kr_nft_elems_differ(&back, &s));
    kr_nft_elems_free(&s);
    kr_nft_elems_free(&back);
}

static int same_as_ours(struct nftnl_set_elem *x, void *arg)
{
    const struct kr_nft_elem **next = arg;
    uint32_t len;
    const void *key = nftnl_set_elem_get(x, NFTNL_SET_ELEM_KEY, &len);
    assert_int_equal(len, 8);
    assert_memory_equal(key, (*next)->key, len);
    key = nftnl_set_elem_get(x, NFTNL_SET_ELEM_KEY_END, &len);
    assert_int_equal(len, 8);
    assert_memory_equal(key, (*next)->end, len);
    ++*next;
    return 0;
}

static void libnftnl_reads_it(void **state)
{
    (void)state;
    struct kr_nft_elems s;
    struct nftnl_set *set = nftnl_set_alloc();
    fill(&s, &shapes[1], 40);
    const struct kr_nft_elem *next = s.v;
    struct nlmsghdr *m = start();
    kr_nft_elems_put(m, &s, 0);
    assert_int_equal(nftnl_set_elems_nlmsg_parse(m, set), 0);
    nftnl_set_elem_foreach(set, same_as_ours, &next);
    assert_ptr_equal(next, s.v + s.n);
    nftnl_set_free(set);
    kr_nft_elems_free(&s);
}

static void every_byte_counts(void **state)
{
    (void)state;
    for (size_t k = 0; k < SHAPES; k++) {
        struct kr_nft_elems s, other, back;
        fill(&s, &shapes[k], 3);
        fill(&other, &shapes[k], 3);
        uint8_t *b = (uint8_t *)other.v;
        for (size_t i = 0; i < 3 * sizeof *other.v; i++) {
            b[i] ^= 1;
            there_and_back(&other, &back);
            bool carried = memcmp(back.v, s.v, 3 * sizeof *s.v) != 0;
            assert_int_equal(kr_nft_elems_differ(&s, &back) != NULL, carried);
            size_t at = i % sizeof *s.v;
            bool key = at < s.key_len, end = at >= 20 && at < 20 + s.key_len && s.ranges;
            assert_int_equal(carried, key || end || (at >= 40 && at < 40 + s.data_len));
            b[i] ^= 1;
            kr_nft_elems_free(&back);
            kr_nft_elems_free(&s);
            fill(&s, &shapes[k], 3);
        }
        kr_nft_elems_free(&s);
        kr_nft_elems_free(&other);
    }
}

static void value(struct nlmsghdr *m, uint16_t type, const void *data, size_t len)
{
    struct nlattr *outer = mnl_attr_nest_start(m, type);
    mnl_attr_put(m, NFTA_DATA_VALUE, len, data);
    mnl_attr_nest_end(m, outer);
}

enum spoiler {
    NOTHING,
    NO_KEY,
    LONG_KEY,
    TWO_KEYS,
    NO_DATA,
    LONG_DATA,
    VERDICT,
    TAIL,
    OTHER_ELEMENT,
    SPOILERS,
};

static int take_spoiled(enum spoiler what, struct kr_nft_elems *out)
{
    static const uint8_t key[5] = {0}, data[17] = {0};
    struct nlmsghdr *m = start();
    *out = (struct kr_nft_elems){.key_len = 4, .data_len = 16};
    struct nlattr *list = mnl_attr_nest_start(m, NFTA_SET_ELEM_LIST_ELEMENTS);
    struct nlattr *elem =
        mnl_attr_nest_start(m, what == OTHER_ELEMENT ? NFTA_LIST_ELEM + 1 : NFTA_LIST_ELEM);
    if (what != NO_KEY)
        value(m, NFTA_SET_ELEM_KEY, key, what == LONG_KEY ? 5 : 4);
    if (what == TWO_KEYS)
        value(m, NFTA_SET_ELEM_KEY, key, 4);
    struct nlattr *outer = mnl_attr_nest_start(m, NFTA_SET_ELEM_DATA);
    mnl_attr_put(m, what == VERDICT ? NFTA_DATA_VERDICT : NFTA_DATA_VALUE,
                 what == LONG_DATA ? 17 : 16, data);
    if (what == TAIL)
        mnl_attr_put_u32(m, NFTA_DATA_VERDICT, 0);
    mnl_attr_nest_end(m, outer);
    if (what == NO_DATA)
        mnl_attr_nest_cancel(m, outer);
    mnl_attr_nest_end(m, elem);
    mnl_attr_nest_end(m, list);
    return kr_nft_elems_take(out, m);
}

static void notices_strange_ones(void **state)
{
    (void)state;
    struct kr_nft_elems s, got;
    fill(&s, &shapes[4], 1);
    for (enum spoiler what = NOTHING; what < SPOILERS; what++) {
        int bad = take_spoiled(what, &got);
        assert_int_equal(!bad && !kr_nft_elems_differ(&s, &got), what == NOTHING);
        kr_nft_elems_free(&got);
    }
    kr_nft_elems_free(&s);
}

/* Flags, timeouts, counters, objects, what is not known yet: all attributes but the three. */
static void notices_other_attributes(void **state)
{
    (void)state;
    for (uint16_t type = 0; type < 64; type++) {
        struct kr_nft_elems got = {.key_len = 4};
        struct nlmsghdr *m = start();
        struct nlattr *list = mnl_attr_nest_start(m, NFTA_SET_ELEM_LIST_ELEMENTS);
        struct nlattr *elem = mnl_attr_nest_start(m, NFTA_LIST_ELEM);
        value(m, NFTA_SET_ELEM_KEY, "abcd", 4);
        if (type != NFTA_SET_ELEM_KEY_END)
            value(m, type, "abcd", 4);
        mnl_attr_nest_end(m, elem);
        mnl_attr_nest_end(m, list);
        kr_nft_elems_take(&got, m);
        assert_int_equal(got.strange, type != NFTA_SET_ELEM_KEY_END);
        kr_nft_elems_free(&got);
    }
}

static void notices_torn_messages(void **state)
{
    (void)state;
    struct kr_nft_elems s, got;
    fill(&s, &shapes[2], 3);
    struct nlmsghdr *m = start();
    kr_nft_elems_put(m, &s, 0);
    uint32_t whole = m->nlmsg_len;
    for (uint32_t len = NLMSG_HDRLEN; len <= whole; len++) {
        got = empty_like(&s);
        m->nlmsg_len = len;
        int bad = kr_nft_elems_take(&got, m);
        assert_int_equal(!bad && !kr_nft_elems_differ(&s, &got), (len + 3) / 4 == whole / 4);
        kr_nft_elems_free(&got);
    }
    kr_nft_elems_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(many_in_any_order),
        cmocka_unit_test(libnftnl_reads_it),
        cmocka_unit_test(every_byte_counts),
        cmocka_unit_test(notices_strange_ones),
        cmocka_unit_test(notices_other_attributes),
        cmocka_unit_test(notices_torn_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

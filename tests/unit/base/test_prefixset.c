#include "cmocka_all.h"

#include <kr/err.h>
#include <kr/prefixset.h>

#include <string.h>

/* A little universe of eight cells: three bits of the address, from bit `at` on, choose the cell;
 * its 15 prefixes are those of length at..at+3 over `base`. What a set holds is then one byte. */
struct universe {
    struct kr_addr base;
    unsigned at;
};
#define PREFIXES 15u

static struct kr_addr cell(const struct universe *u, unsigned i)
{
    struct kr_addr a = u->base;
    for (unsigned k = 0; k < 3; k++)
        if (i >> (2 - k) & 1)
            a.b[(u->at + k) / 8] |= (uint8_t)(1u << (7 - (u->at + k) % 8));
    return a;
}

/* Prefix n of 0..14 (the whole, two halves, four quarters, eight cells) and the cells it holds. */
static struct kr_prefix nth(const struct universe *u, unsigned n, unsigned *cells)
{
    unsigned depth = n == 0 ? 0 : n < 3 ? 1 : n < 7 ? 2 : 3;
    unsigned first = (n + 1 - (1u << depth)) << (3 - depth), width = 8u >> depth;
    struct kr_addr a = cell(u, first);
    *cells = ((1u << width) - 1) << first;
    return kr_prefix_make(&a, (uint8_t)(u->at + depth));
}

/* How few prefixes hold exactly these cells. */
static unsigned fewest(unsigned cells, unsigned width)
{
    unsigned all = (1u << width) - 1, half = width / 2;
    if (cells == 0 || cells == all)
        return cells != 0;
    return fewest(cells & ((1u << half) - 1), half) + fewest(cells >> half, half);
}

static void check_shape(const struct kr_prefixset *s, unsigned cells)
{
    assert_int_equal(s->n, fewest(cells, 8));
    for (size_t i = 1; i < s->n; i++) {
        struct kr_addr last = kr_prefix_last(&s->v[i - 1]);
        assert_true(kr_addr_cmp(&last, &s->v[i].addr) < 0);
    }
}

static void check_answers(const struct universe *u, const struct kr_prefixset *s, unsigned cells)
{
    for (unsigned i = 0; i < 8; i++) {
        struct kr_addr a = cell(u, i);
        struct kr_prefix whole = kr_prefix_make(&a, (uint8_t)(u->at + 3));
        struct kr_addr last = kr_prefix_last(&whole);
        const struct kr_prefix *p = kr_prefixset_find(s, &a), *q = kr_prefixset_find(s, &last);
        assert_true(p == q && (p != NULL) == (cells >> i & 1));
        assert_true(!p || kr_prefix_has(p, &a));
    }
    for (unsigned n = 0; n < PREFIXES; n++) {
        unsigned of;
        struct kr_prefix p = nth(u, n, &of);
        assert_true(kr_prefixset_covers(s, &p) == ((cells & of) == of));
        assert_true(kr_prefixset_overlaps(s, &p) == ((cells & of) != 0));
    }
}

/* All 32,768 sets of the 15 prefixes, added from the last to the first. */
static void check_universe(const struct universe *u)
{
    struct kr_prefixset s = {0};
    for (unsigned set = 0; set < 1u << PREFIXES; set++) {
        unsigned cells = 0, of;
        s.n = 0;
        for (unsigned n = PREFIXES; n-- > 0;)
            if (set >> n & 1) {
                struct kr_prefix p = nth(u, n, &of);
                kr_prefixset_add(&s, &p);
                cells |= of;
            }
        kr_prefixset_normalize(&s);
        check_shape(&s, cells);
        check_answers(u, &s, cells);
    }
    kr_prefixset_free(&s);
}

static void test_every_set(void **state)
{
    static const struct {
        const char *base;
        unsigned at;
    } rows[] = {{"::", 0},
                {"0.0.0.0", 96},
                {"10.0.0.0", 104},
                {"192.0.2.8", 125},
                {"255.255.255.248", 125},
                {"2001:db8::", 62},
                {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff8", 125}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct universe u = {.at = rows[i].at};
        assert_int_equal(kr_addr_parse(rows[i].base, &u.base, NULL), 0);
        check_universe(&u);
    }
}

/* A bitmap of 65,536 addresses as the model of random sets. */
#define MODEL 65536u
static struct kr_addr model_addr(unsigned i)
{
    const uint8_t raw[4] = {172, 16, (uint8_t)(i >> 8), (uint8_t)i};
    return kr_addr_make(AF_INET, raw);
}

static uint32_t next_random(uint32_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    *x ^= *x << 5;
    return *x;
}

static struct kr_prefix random_prefix(uint32_t *x, unsigned *first, unsigned *width)
{
    unsigned bits = next_random(x) % 17;
    bits = bits > 10 ? bits % 5 : bits;
    *width = 1u << bits;
    *first = next_random(x) % MODEL / *width * *width;
    struct kr_addr a = model_addr(*first);
    return kr_prefix_make(&a, (uint8_t)(128 - bits));
}

static void check_model(const struct kr_prefixset *s, const bool *model, uint32_t *x)
{
    for (unsigned i = 0; i < MODEL; i++) {
        struct kr_addr a = model_addr(i);
        assert_true((kr_prefixset_find(s, &a) != NULL) == model[i]);
    }
    for (unsigned i = 0; i < 500; i++) {
        unsigned first, width, held = 0;
        struct kr_prefix p = random_prefix(x, &first, &width);
        for (unsigned k = first; k < first + width; k++)
            held += model[k];
        assert_true(kr_prefixset_covers(s, &p) == (held == width));
        assert_true(kr_prefixset_overlaps(s, &p) == (held != 0));
    }
}

static void test_random_sets(void **state)
{
    static bool model[MODEL];
    uint32_t x = 20261124;
    (void)state;
    for (unsigned round = 0; round < 24; round++) {
        struct kr_prefixset s = {0};
        memset(model, 0, sizeof model);
        for (unsigned i = 0; i < round * round * 3; i++) {
            unsigned first, width;
            struct kr_prefix p = random_prefix(&x, &first, &width);
            kr_prefixset_add(&s, &p);
            memset(model + first, 1, width);
        }
        kr_prefixset_normalize(&s);
        check_model(&s, model, &x);
        size_t n = s.n;
        kr_prefixset_normalize(&s);
        assert_int_equal(s.n, n);
        kr_prefixset_free(&s);
    }
}

static struct kr_prefix prefix(const char *text)
{
    struct kr_prefix p;
    struct kr_err e = {0};
    if (kr_prefix_parse(text, &p, &e))
        fail_msg("%s", e.msg);
    return p;
}

/* The shortest IPv4 prefix has a neighbour in the mapped space that is no IPv4. */
static void test_families_do_not_join(void **state)
{
    struct kr_prefix v4 = prefix("0.0.0.0/0"), v6 = prefix("::fffe:0:0/96");
    struct kr_prefixset s = {0};
    (void)state;
    kr_prefixset_add(&s, &v4);
    kr_prefixset_add(&s, &v6);
    kr_prefixset_normalize(&s);
    assert_int_equal(s.n, 2);
    assert_int_equal(kr_prefix_cmp(&s.v[0], &v6), 0);
    assert_int_equal(kr_prefix_cmp(&s.v[1], &v4), 0);
    kr_prefixset_free(&s);
}

static void test_empty(void **state)
{
    struct kr_prefixset s = {0};
    struct kr_prefix all = prefix("::/0");
    (void)state;
    kr_prefixset_normalize(&s);
    assert_null(kr_prefixset_find(&s, &all.addr));
    assert_false(kr_prefixset_covers(&s, &all));
    assert_false(kr_prefixset_overlaps(&s, &all));
    kr_prefixset_free(&s);
}

static void test_well_known(void **state)
{
    static const struct {
        const char *text;
        bool private, documentation;
    } rows[] = {
        {"10.0.0.0/8", true, false},      {"10.255.255.255", true, false},
        {"10.0.0.0/7", false, false},     {"9.255.255.255", false, false},
        {"11.0.0.0", false, false},       {"172.16.0.0/12", true, false},
        {"172.31.255.255", true, false},  {"172.15.255.255", false, false},
        {"172.32.0.0", false, false},     {"172.0.0.0/11", false, false},
        {"192.168.0.0/16", true, false},  {"192.167.255.255", false, false},
        {"192.169.0.0", false, false},    {"169.254.0.0/16", true, false},
        {"169.255.0.0", false, false},    {"fc00::/7", true, false},
        {"fdff:ffff::1", true, false},    {"fc00::/6", false, false},
        {"fe00::", false, false},         {"fe80::/10", true, false},
        {"febf::1", true, false},         {"fec0::", false, false},
        {"192.0.2.0/24", false, true},    {"192.0.2.255", false, true},
        {"192.0.2.0/23", false, false},   {"192.0.3.0", false, false},
        {"198.51.100.0/24", false, true}, {"198.51.101.0", false, false},
        {"203.0.113.77", false, true},    {"203.0.112.255", false, false},
        {"2001:db8::/32", false, true},   {"2001:db9::", false, false},
        {"3fff::/20", false, true},       {"3fff:fff::1", false, true},
        {"3fff:1000::", false, false},    {"0.0.0.0/0", false, false},
        {"::/0", false, false},           {"100.64.0.0/10", false, false},
        {"127.0.0.1", false, false},      {"::1", false, false},
        {"198.18.0.0/15", false, false},  {"2001:2::/48", false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct kr_prefix p = prefix(rows[i].text);
        if (kr_prefix_is_private(&p) != rows[i].private ||
            kr_prefix_is_documentation(&p) != rows[i].documentation)
            fail_msg("%s", rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_set),
        cmocka_unit_test(test_random_sets),
        cmocka_unit_test(test_families_do_not_join),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_well_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

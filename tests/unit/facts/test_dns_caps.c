/* What an answer made to be dear costs (KeyTrap, CVE-2023-50387): however many signatures, and keys
 * that share their tag, few are tried. */
#include "../base/cmocka_all.h"

#include "../../../src/facts/dns_rrset.h"

#include <stdlib.h>
#include <string.h>

#define ALGORITHM 13 /* ECDSAP256SHA256 */

static const uint8_t owner[] = "\1d\7example", zone[] = "\7example";
static struct {
    uint8_t b[65536];
    size_t n;
} m;

static void put(const void *p, size_t n)
{
    memcpy(m.b + m.n, p, n);
    m.n += n;
}

static void put16(unsigned v)
{
    put((uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2);
}

static void record(uint16_t type, const uint8_t *data, size_t n)
{
    put(owner, sizeof owner);
    put16(type);
    put16(1);
    put("\0\0\0\74", 4);
    put16((unsigned)n);
    put(data, n);
}

/* Appendix B of RFC 4034. */
static uint16_t tag_of(const uint8_t *key, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += i & 1 ? key[i] : (uint32_t)key[i] << 8;
    return (uint16_t)(sum + (sum >> 16));
}

/* An MX record and so many signatures over it, good for a century, none of them right. */
static void answer(unsigned signatures, uint16_t tag, struct kr_packet *p)
{
    uint8_t sig[18 + sizeof zone + 64] = {0, 15, ALGORITHM, 2, [7] = 60, [8] = 0xf0};
    sig[16] = (uint8_t)(tag >> 8);
    sig[17] = (uint8_t)tag;
    memcpy(sig + 18, zone, sizeof zone);
    m.n = 0;
    put("\0\1\x81\x80\0\1", 6);
    put16(1 + signatures);
    put("\0\0\0\0", 4);
    put(owner, sizeof owner);
    put("\0\17\0\1", 4);
    record(KR_DNS_MX, (const uint8_t *)"\0\12\1m", 5);
    for (unsigned i = 0; i < signatures; i++) {
        sig[sizeof sig - 1] = (uint8_t)i;
        record(KR_DNS_RRSIG, sig, sizeof sig);
    }
    assert_int_equal(kr_packet_open(p, m.b, m.n), 0);
}

/* So many keys of the zone, all the same; *tag: theirs. */
static struct kr_keys *keys(unsigned n, uint16_t *tag)
{
    uint8_t key[4 + 64] = {1, 0, 3, ALGORITHM};
    memset(key + 4, 0x5a, sizeof key - 4);
    *tag = tag_of(key, sizeof key);
    m.n = 0;
    for (unsigned i = 0; i < n; i++) {
        put(zone, sizeof zone);
        put("\0\60\0\1\0\0\0\74", 8);
        put16(sizeof key);
        put(key, sizeof key);
    }
    struct kr_keys *k = calloc(1, sizeof *k + m.n);
    assert_non_null(k);
    memcpy(k->wire, m.b, m.n);
    k->len = m.n;
    k->n = n;
    return k;
}

static void few_signatures(void **state)
{
    (void)state;
    struct kr_sig v[KR_SIGS_MOST];
    struct kr_packet p;
    bool any;
    answer(0, 1, &p);
    assert_int_equal(kr_sigs_find(&p, owner, KR_DNS_MX, 0, v, &any), 0);
    assert_false(any);
    answer(3, 1, &p);
    assert_int_equal(kr_sigs_find(&p, owner, KR_DNS_MX, 0, v, &any), 3);
    answer(500, 1, &p);
    assert_int_equal(kr_sigs_find(&p, owner, KR_DNS_MX, 0, v, &any), KR_SIGS_MOST);
    assert_true(any);
}

static void few_keys(void **state)
{
    (void)state;
    struct kr_sig v[KR_SIGS_MOST];
    struct kr_packet p;
    uint16_t tag;
    bool any;
    struct kr_keys *two = keys(2, &tag), *many = keys(KR_KEYS_MOST, &tag);
    answer(1, tag, &p);
    assert_int_equal(kr_sigs_find(&p, owner, KR_DNS_MX, 0, v, &any), 1);
    int work = 100;
    assert_false(kr_sig_good(&p, owner, KR_DNS_MX, 0, v, two, 1, &work));
    assert_int_equal(work, 98);
    assert_false(kr_sig_good(&p, owner, KR_DNS_MX, 0, v, many, 1, &work));
    assert_int_equal(work, 98 - KR_SIGS_MOST);
    work = 1;
    assert_false(kr_sig_good(&p, owner, KR_DNS_MX, 0, v, many, 1, &work));
    assert_true(work <= 0);
    free(two);
    free(many);
}

/* A set of keys as large as a message may be is cut, too. */
static void few_of_many_keys(void **state)
{
    (void)state;
    struct kr_packet p;
    m.n = 0;
    put("\0\1\x81\x80\0\1", 6);
    put16(400);
    put("\0\0\0\0", 4);
    put(owner, sizeof owner);
    put("\0\60\0\1", 4);
    uint8_t key[4 + 64] = {1, 0, 3, ALGORITHM};
    for (unsigned i = 0; i < 400; i++) {
        key[5] = (uint8_t)i;
        record(KR_DNS_DNSKEY, key, sizeof key);
    }
    assert_int_equal(kr_packet_open(&p, m.b, m.n), 0);
    struct kr_keys *k = kr_keys_copy(&p, owner, KR_DNS_DNSKEY);
    assert_non_null(k);
    assert_int_equal(k->n, KR_KEYS_MOST);
    free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(few_signatures), cmocka_unit_test(few_keys),
                                       cmocka_unit_test(few_of_many_keys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

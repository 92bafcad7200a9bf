/* Messages: names with and without pointers, what a reply says, proofs of absence, frames. */
#include "../base/cmocka_all.h"

#include <kr/dns_denial.h>
#include <kr/dns_query.h>
#include <kr/dns_record.h>
#include <kr/dns_reply.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct built {
    uint8_t b[4096];
    size_t n;
};

static void put(struct built *m, const void *p, size_t n)
{
    memcpy(m->b + m->n, p, n);
    m->n += n;
}

static void name(struct built *m, const char *text)
{
    uint8_t n[KR_NAME_MAX];
    assert_int_equal(kr_name_from_text(text, n), 0);
    put(m, n, kr_name_len(n));
}

static void begin(struct built *m, const char *q, uint16_t type, unsigned answers,
                  unsigned authority)
{
    uint8_t head[12] = {0x12, 0x34, 0x81, 0x80, 0, 1, 0, (uint8_t)answers, 0, (uint8_t)authority,
                        0,    0};
    const uint8_t tail[4] = {(uint8_t)(type >> 8), (uint8_t)type, 0, 1};
    m->n = 0;
    put(m, head, sizeof head);
    name(m, q);
    put(m, tail, sizeof tail);
}

static void record(struct built *m, const char *owner, uint16_t type, const void *data, size_t n)
{
    const uint8_t fixed[10] = {(uint8_t)(type >> 8), (uint8_t)type, 0, 1, 0, 0, 0, 60,
                               (uint8_t)(n >> 8),    (uint8_t)n};
    name(m, owner);
    put(m, fixed, sizeof fixed);
    put(m, data, n);
}

static void test_pointers(void **state)
{
    (void)state;
    static const struct {
        uint8_t at[8];
        size_t n;
        int want;
    } cases[] = {
        {{0xc0, 0x0c}, 2, 0},          /* the question's name */
        {{1, 'a', 0xc0, 0x0c}, 4, 0},  /* a label before it */
        {{0xc0, 0x1c}, 2, -1},         /* itself */
        {{1, 'a', 0xc0, 0x1c}, 4, -1}, /* its own beginning */
        {{0xc0, 0x30}, 2, -1},         /* forward */
        {{0xc0, 0x02}, 2, -1},         /* into the header */
        {{0xc0}, 1, -1},               /* cut */
        {{3, 'a', 'b'}, 3, -1},        /* cut */
        {{0x40, 'a', 0}, 3, -1},       /* no kind of label that there is */
        {{0x80, 'a', 0}, 3, -1},
        {{0}, 1, 0}, /* the root */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct built m;
        struct kr_packet p;
        uint8_t out[KR_NAME_MAX];
        size_t end;
        begin(&m, "x.example", 15, 0, 0);
        assert_int_equal(m.n, 0x1b);
        put(&m, "", 1);
        put(&m, cases[i].at, cases[i].n);
        assert_int_equal(kr_packet_open(&p, m.b, m.n), 0);
        if (kr_packet_name(&p, 0x1c, out, &end) != cases[i].want)
            fail_msg("case %zu", i);
        if (cases[i].want == 0)
            assert_int_equal(end, 0x1c + cases[i].n);
    }
}

/* A name of 255 bytes is one; of 256, put together by a pointer, none. */
static void test_longest(void **state)
{
    (void)state;
    struct built m = {.n = 0};
    struct kr_packet p;
    uint8_t out[KR_NAME_MAX];
    char text[300] = "";
    for (int i = 0; i < 62; i++)
        strcat(text, "abc.");
    begin(&m, text, 15, 0, 0);
    size_t at = m.n;
    put(&m, "\5abcde\300\14", 8); /* 6 + 249 */
    assert_int_equal(kr_packet_open(&p, m.b, m.n), 0);
    assert_int_equal(kr_packet_name(&p, at, out, NULL), 0);
    assert_int_equal(kr_name_len(out), 255);
    at = m.n;
    put(&m, "\6abcdef\300\14", 9);
    assert_int_equal(kr_packet_open(&p, m.b, m.n), 0);
    assert_int_equal(kr_packet_name(&p, at, out, NULL), -1);
}

static void test_query(void **state)
{
    (void)state;
    uint8_t q[KR_DNS_QUERY_MAX], n[KR_NAME_MAX];
    kr_name_from_text("a.example", n);
    size_t len = kr_query_write(q, 0xabcd, n, 15, KR_ASK_AD);
    assert_int_equal(len, 12 + 11 + 4 + 11);
    assert_memory_equal(
        q, "\xab\xcd\x01\x20\0\1\0\0\0\0\0\1\1a\7example\0\0\17\0\1\0\0\51\4\320\0\0\0\0\0\0", len);
    assert_int_equal(kr_query_write(q, 1, n, 15, KR_ASK_DO | KR_ASK_CD), len);
    assert_int_equal(q[3], 0x10);
    assert_int_equal(q[len - 4], 0x80);
    assert_int_equal(kr_query_write(q, 1, n, 15, KR_ASK_PLAIN), len - 11);
    assert_int_equal(q[11], 0);
}

static void read_reply(const struct built *m, const char *q, struct kr_packet *p,
                       struct kr_reply *r)
{
    uint8_t n[KR_NAME_MAX];
    kr_name_from_text(q, n);
    assert_int_equal(kr_packet_open(p, m->b, m->n), 0);
    kr_dns_reply_read(p, n, r);
}

static void test_reply(void **state)
{
    (void)state;
    struct built m;
    struct kr_packet p;
    struct kr_reply r;
    static const uint8_t soa[22] = {0};
    begin(&m, "a.example", 1, 2, 0);
    record(&m, "A.Example", 5, "\1b\7EXAMPLE\0", 11);
    record(&m, "b.example", 1, "\300\0\2\1", 4);
    read_reply(&m, "a.example", &p, &r);
    assert_int_equal(r.kind, KR_REPLY_DATA);
    assert_int_equal(r.links, 1);
    begin(&m, "a.example", 1, 1, 0); /* an alias whose target nobody speaks of */
    record(&m, "a.example", 5, "\1b\7example\0", 11);
    read_reply(&m, "a.example", &p, &r);
    assert_int_equal(r.kind, KR_REPLY_ALIAS);
    assert_memory_equal(r.name, "\1b\7example", 11);
    begin(&m, "a.example", 1, 2, 0); /* in a circle */
    record(&m, "a.example", 5, "\1b\7example\0", 11);
    record(&m, "b.example", 5, "\1a\7example\0", 11);
    read_reply(&m, "a.example", &p, &r);
    assert_int_equal(r.kind, KR_REPLY_BROKEN);
    begin(&m, "a.example", 1, 0, 1);
    record(&m, "example", 6, soa, sizeof soa);
    read_reply(&m, "a.example", &p, &r);
    assert_int_equal(r.kind, KR_REPLY_NODATA);
    assert_true(r.soa);
    m.b[3] = 0x83;
    read_reply(&m, "a.example", &p, &r);
    assert_int_equal(r.kind, KR_REPLY_NXDOMAIN);
    m.b[3] = 0x82;
    read_reply(&m, "a.example", &p, &r);
    assert_int_equal(r.kind, KR_REPLY_FAILED);
    begin(&m, "a.example", 1, 0, 1); /* a zone that has nothing to do with it */
    record(&m, "other", 6, soa, sizeof soa);
    read_reply(&m, "a.example", &p, &r);
    assert_false(r.soa);
    m.n -= 3;
    read_reply(&m, "a.example", &p, &r);
    assert_int_equal(r.kind, KR_REPLY_BROKEN);
}

static void test_tlsa(void **state)
{
    (void)state;
    static const struct {
        uint8_t usage, selector, matching;
        size_t n;
        enum kr_tlsa_set want;
    } cases[] = {
        {3, 1, 1, 32, KR_TLSA_SET_USABLE},   {2, 0, 2, 64, KR_TLSA_SET_USABLE},
        {3, 0, 0, 400, KR_TLSA_SET_USABLE},  {3, 0, 0, 0, KR_TLSA_SET_UNUSABLE},
        {0, 1, 1, 32, KR_TLSA_SET_UNUSABLE}, {1, 0, 1, 32, KR_TLSA_SET_UNUSABLE},
        {4, 0, 1, 32, KR_TLSA_SET_UNUSABLE}, {3, 2, 1, 32, KR_TLSA_SET_UNUSABLE},
        {3, 1, 3, 32, KR_TLSA_SET_UNUSABLE}, {3, 1, 1, 31, KR_TLSA_SET_UNUSABLE},
        {3, 1, 2, 32, KR_TLSA_SET_UNUSABLE}, {2, 1, 1, 33, KR_TLSA_SET_UNUSABLE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct built m;
        struct kr_packet p;
        struct kr_reply r;
        uint8_t data[512] = {cases[i].usage, cases[i].selector, cases[i].matching};
        begin(&m, "_25._tcp.a.example", 52, 1, 0);
        record(&m, "_25._tcp.a.example", 52, data, 3 + cases[i].n);
        read_reply(&m, "_25._tcp.a.example", &p, &r);
        if (kr_reply_tlsa(&p, &r) != cases[i].want)
            fail_msg("%u %u %u, %zu bytes", cases[i].usage, cases[i].selector, cases[i].matching,
                     cases[i].n);
    }
}

static void test_order(void **state)
{
    (void)state;
    /* RFC 4034 section 6.1 */
    static const char *const sorted[] = {"example",     "a.example",      "yljkjljk.a.example",
                                         "z.a.example", "zabc.a.example", "z.example"};
    for (size_t i = 0; i < 6; i++)
        for (size_t k = 0; k < 6; k++) {
            uint8_t a[KR_NAME_MAX], b[KR_NAME_MAX];
            kr_name_from_text(sorted[i], a);
            kr_name_from_text(sorted[k], b);
            int got = kr_name_order(a, b);
            assert_int_equal(got < 0 ? -1 : got > 0, i < k ? -1 : i > k);
        }
}

/* NSEC: "\0\1" window 0, one byte: A; NS is bit 2, SOA 6. */
static void deny(struct built *m, const char *owner, const char *next, const uint8_t *map,
                 size_t len, struct kr_denial *d, struct kr_packet *p, const uint8_t *zone)
{
    struct built data = {.n = 0};
    struct kr_walk w;
    name(&data, next);
    put(&data, map, len);
    begin(m, "q.example", 15, 0, 1);
    record(m, owner, 47, data.b, data.n);
    assert_int_equal(kr_packet_open(p, m->b, m->n), 0);
    *d = (struct kr_denial){.p = p, .zone = zone, .n = 1};
    kr_walk_begin(p, &w);
    assert_int_equal(kr_walk_next(p, &w, &d->v[0]), 1);
}

static void test_nsec(void **state)
{
    (void)state;
    static const uint8_t a_only[] = {0, 1, 0x40}, ns[] = {0, 1, 0x20}, mx[] = {0, 2, 0x40, 0x01};
    struct built m;
    struct kr_packet p;
    struct kr_denial d;
    uint8_t zone[KR_NAME_MAX], b[KR_NAME_MAX], c[KR_NAME_MAX], sub[KR_NAME_MAX];
    bool cut;
    kr_name_from_text("example", zone);
    kr_name_from_text("b.example", b);
    kr_name_from_text("c.example", c);
    kr_name_from_text("x.b.example", sub);
    deny(&m, "b.example", "d.example", a_only, sizeof a_only, &d, &p, zone);
    assert_int_equal(kr_denial_nodata(&d, b, 15, &cut), KR_DENIED_SURELY);
    assert_false(cut);
    assert_int_equal(kr_denial_nodata(&d, b, 1, NULL), KR_DENIED_NOT);
    assert_int_equal(kr_denial_nxdomain(&d, c), KR_DENIED_NOT); /* nothing about *.example */
    assert_int_equal(kr_denial_wildcard(&d, c, 1), KR_DENIED_SURELY);
    deny(&m, "b.example", "d.example", mx, sizeof mx, &d, &p, zone);
    assert_int_equal(kr_denial_nodata(&d, b, 15, NULL), KR_DENIED_NOT);
    deny(&m, "b.example", "d.example", ns, sizeof ns, &d, &p, zone);
    assert_int_equal(kr_denial_nodata(&d, b, KR_DNS_DS, &cut), KR_DENIED_SURELY);
    assert_true(cut);
    assert_int_equal(kr_denial_nodata(&d, b, 15, NULL), KR_DENIED_NOT); /* the parent's side */
    assert_int_equal(kr_denial_wildcard(&d, sub, 1), KR_DENIED_NOT);    /* behind a delegation */
    deny(&m, "example", "example", a_only, sizeof a_only, &d, &p, zone);
    assert_int_equal(kr_denial_nxdomain(&d, c), KR_DENIED_SURELY); /* the last one covers all */
    deny(&m, "a.example", "x.b.example", a_only, sizeof a_only, &d, &p, zone);
    assert_int_equal(kr_denial_nodata(&d, b, 15, NULL), KR_DENIED_SURELY); /* empty non-terminal */
    assert_int_equal(kr_denial_nxdomain(&d, b), KR_DENIED_NOT);
    deny(&m, "b.other", "d.other", a_only, sizeof a_only, &d, &p, zone);
    kr_name_from_text("c.other", c);
    assert_int_equal(kr_denial_wildcard(&d, c, 1), KR_DENIED_NOT); /* of another zone */
}

static void write_all(int fd, const struct kr_buf *b)
{
    assert_int_equal(write(fd, b->s, b->len), (ssize_t)b->len);
}

static void test_frames(void **state)
{
    (void)state;
    KR_AUTO_BUF struct kr_buf b = {0};
    struct kr_frame_reader *r = calloc(1, sizeof *r);
    struct kr_domain_facts in = {.name = "a.example",
                                 .weight = 2.5,
                                 .mx = KR_MX_HOSTS,
                                 .sts = KR_ANNOUNCED_VALID,
                                 .n_hosts = 2,
                                 .more_hosts = true},
                           out;
    in.hosts[0] = (struct kr_host_facts){"mx1.example", 1, 2, 3, 4, 1};
    in.hosts[1] = (struct kr_host_facts){"\\032x.example", 0, 0, 0, 0, 0};
    enum kr_frame type;
    const uint8_t *data;
    size_t len;
    int p[2];
    assert_int_equal(pipe(p), 0);
    kr_frame_domain(&b, &in);
    kr_frame_add(&b, KR_FRAME_NOTE, "note", 4);
    write_all(p[1], &b);
    assert_int_equal(kr_frame_read(r, p[0], &type, &data, &len), 1);
    assert_int_equal(type, KR_FRAME_DOMAIN);
    assert_int_equal(kr_record_read(data, len, &out), 0);
    assert_string_equal(out.name, in.name);
    assert_string_equal(out.hosts[1].name, in.hosts[1].name);
    assert_int_equal(out.hosts[0].tlsa, 3);
    assert_true(out.more_hosts);
    /* Whatever byte is another one, and wherever it ends: it is read or refused, never beyond its
     * end. */
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *copy = malloc(cut ? cut : 1);
        memcpy(copy, data, cut);
        assert_int_equal(kr_record_read(copy, cut, &out), -1);
        free(copy);
    }
    for (size_t i = 0; i < len; i++) {
        uint8_t *copy = malloc(len);
        memcpy(copy, data, len);
        copy[i] ^= 0xff;
        if (kr_record_read(copy, len, &out) == 0)
            assert_true(out.n_hosts <= KR_HOSTS_MOST && out.mx < KR_MX_KINDS);
        free(copy);
    }
    assert_int_equal(kr_frame_read(r, p[0], &type, &data, &len), 1);
    assert_int_equal(type, KR_FRAME_NOTE);
    assert_memory_equal(data, "note", 4);
    assert_int_equal(write(p[1], "dxxx\377\377\377\377", 8), 8);
    assert_int_equal(kr_frame_read(r, p[0], &type, &data, &len), -1);
    assert_int_equal(errno, EBADMSG);
    close(p[0]);
    close(p[1]);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pointers), cmocka_unit_test(test_longest),
        cmocka_unit_test(test_query),    cmocka_unit_test(test_reply),
        cmocka_unit_test(test_tlsa),     cmocka_unit_test(test_order),
        cmocka_unit_test(test_nsec),     cmocka_unit_test(test_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

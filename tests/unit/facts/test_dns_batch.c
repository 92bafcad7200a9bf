/* Queries that leave together arrive as they are, each for itself, whether the kernel takes
 * messages apart or not. */
#include "../base/cmocka_all.h"

#include <kr/dns_batch.h>

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

struct line {
    int from, to;
    struct kr_batch batch;
};

static int set_up(void **state)
{
    static struct line l;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    struct timeval patience = {.tv_sec = 5};
    l = (struct line){.from = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0),
                      .to = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (bind(l.to, (struct sockaddr *)&at, len) ||
        getsockname(l.to, (struct sockaddr *)&at, &len) ||
        connect(l.from, (struct sockaddr *)&at, len) ||
        setsockopt(l.to, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience))
        return -1;
    *state = &l;
    return 0;
}

static int take_down(void **state)
{
    struct line *l = *state;
    close(l->from);
    close(l->to);
    return 0;
}

/* The first octet is its number, which tells what the others are. */
static size_t query(unsigned i, unsigned lengths, uint8_t b[static KR_DNS_QUERY_MAX])
{
    size_t n = 20 + i * 7 % lengths;
    memset(b, (int)(i * 31), n);
    b[0] = (uint8_t)i;
    return n;
}

static void add(struct kr_batch *o, unsigned n, unsigned lengths)
{
    uint8_t b[KR_DNS_QUERY_MAX];
    for (unsigned i = 0; i < n; i++)
        kr_batch_add(o, b, query(i, lengths, b));
}

static void arrive(const struct line *l, unsigned n, unsigned lengths)
{
    uint8_t got[1024], want[KR_DNS_QUERY_MAX];
    bool seen[KR_BATCH] = {false};
    for (unsigned k = 0; k < n; k++) {
        ssize_t len = recv(l->to, got, sizeof got, 0);
        assert_true(len > 0);
        assert_true(got[0] < n && !seen[got[0]]);
        seen[got[0]] = true;
        assert_int_equal(len, query(got[0], lengths, want));
        assert_memory_equal(got, want, (size_t)len);
    }
    assert_int_equal(recv(l->to, got, sizeof got, MSG_DONTWAIT), -1);
}

/* Some lengths, one alone, none like another; a few and as many as there may be. */
static void each_arrives(void **state)
{
    struct line *l = *state;
    static const unsigned counts[] = {1, 2, 3, 17, KR_BATCH}, lengths[] = {1, 2, 5, 64, 262};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
            add(&l->batch, counts[c], lengths[k]);
            kr_batch_send(&l->batch, l->from);
            assert_int_equal(l->batch.n, 0);
            arrive(l, counts[c], lengths[k]);
        }
}

static void of_one_length_are_one(void **state)
{
    struct line *l = *state;
    add(&l->batch, KR_BATCH, 1);
    kr_batch_send(&l->batch, l->from);
    assert_false(l->batch.single);
    assert_int_equal(l->batch.m[0].msg_hdr.msg_iovlen, KR_BATCH);
    arrive(l, KR_BATCH, 1);
}

/* A socket without checksums takes nothing apart (udp_send_skb() of the kernel). */
static void where_nothing_is_taken_apart(void **state)
{
    struct line *l = *state;
    int on = 1;
    assert_int_equal(setsockopt(l->from, SOL_SOCKET, SO_NO_CHECK, &on, sizeof on), 0);
    for (int times = 0; times < 2; times++) {
        add(&l->batch, KR_BATCH, 5);
        kr_batch_send(&l->batch, l->from);
        assert_true(l->batch.single);
        arrive(l, KR_BATCH, 5);
    }
}

/* What is refused is lost, and does not come again with the next. */
static void nobody_there(void **state)
{
    struct line *l = *state;
    close(l->to);
    for (int times = 0; times < 3; times++) {
        add(&l->batch, KR_BATCH, 262);
        kr_batch_send(&l->batch, l->from);
        assert_int_equal(l->batch.n, 0);
    }
    assert_false(l->batch.single);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_arrives, set_up, take_down),
        cmocka_unit_test_setup_teardown(of_one_length_are_one, set_up, take_down),
        cmocka_unit_test_setup_teardown(where_nothing_is_taken_apart, set_up, take_down),
        cmocka_unit_test_setup_teardown(nobody_there, set_up, take_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What is cut and when it is enough, against a kernel that follows a script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <kr/ct.h>
#include <kr/nl.h>
#include <kr/sock.h>

struct kr_err;
int fake_socks_read(const uint16_t *want, size_t n, struct kr_socks *out, struct kr_err *e);
int fake_sock_destroy(struct kr_nl *nl, const struct kr_sock *s, struct kr_err *e);
int fake_cts_read(const uint16_t *want, size_t n, struct kr_cts *out, struct kr_err *e);
int fake_ct_delete(struct kr_nl *nl, const struct kr_ct *ct, struct kr_err *e);

#define kr_socks_read fake_socks_read
#define kr_sock_destroy fake_sock_destroy
#define kr_cts_read fake_cts_read
#define kr_ct_delete fake_ct_delete
#include "../../../src/act/cut.c"
#undef kr_socks_read
#undef kr_sock_destroy
#undef kr_cts_read
#undef kr_ct_delete

#include <errno.h>
#include <string.h>

/* The fake kernel: what it holds; `stays` is how often something survives its end. */
static struct {
    struct kr_sock socks[8];
    struct kr_ct entries[8];
    unsigned sock_stays[8], entry_stays[8];
    size_t n_socks, n_entries;
    unsigned scans, walks, destroys; /* of the entries, of the sockets */
    int fate;                        /* what destroying any socket returns */
    int read_fails, delete_fails;
} k;

static int reset(void **state)
{
    (void)state;
    memset(&k, 0, sizeof k);
    k.fate = 0;
    return 0;
}

int fake_socks_read(const uint16_t *want, size_t n, struct kr_socks *out, struct kr_err *e)
{
    assert_int_equal(n, 1);
    assert_int_equal(want[0], 25);
    k.walks++;
    if (k.read_fails)
        return kr_fail(e, KR_UNKNOWN, 0, "torn");
    for (size_t i = 0; i < k.n_socks; i++) {
        if (!k.sock_stays[i])
            continue;
        out->v = kr_grow(out->v, &out->cap, out->n + 1, sizeof *out->v);
        out->v[out->n++] = k.socks[i];
    }
    return 0;
}

int fake_sock_destroy(struct kr_nl *nl, const struct kr_sock *s, struct kr_err *e)
{
    (void)nl;
    k.destroys++;
    for (size_t i = 0; i < k.n_socks; i++)
        if (k.socks[i].local_port == s->local_port && k.fate != EOPNOTSUPP)
            k.sock_stays[i]--;
    return k.fate < 0 ? kr_fail(e, KR_CANNOT, 0, "not allowed") : k.fate;
}

int fake_cts_read(const uint16_t *want, size_t n, struct kr_cts *out, struct kr_err *e)
{
    (void)want, (void)n, (void)e;
    k.scans++;
    for (size_t i = 0; i < k.n_entries; i++) {
        if (!k.entry_stays[i])
            continue;
        out->v = kr_grow(out->v, &out->cap, out->n + 1, sizeof *out->v);
        out->v[out->n++] = k.entries[i];
    }
    return 0;
}

int fake_ct_delete(struct kr_nl *nl, const struct kr_ct *ct, struct kr_err *e)
{
    (void)nl;
    if (k.delete_fails)
        return kr_fail(e, KR_UNKNOWN, 0, "refused");
    for (size_t i = 0; i < k.n_entries; i++)
        if (memcmp(&k.entries[i], ct, sizeof *ct) == 0)
            k.entry_stays[i]--;
    return 1;
}

static struct kr_addr addr(const char *text)
{
    struct kr_addr a;
    assert_int_equal(kr_addr_parse(text, &a, NULL), 0);
    return a;
}

static bool keep(const struct kr_addr *a, void *arg)
{
    struct kr_addr lan = addr("192.168.1.10");
    (void)arg;
    return kr_addr_cmp(a, &lan) == 0;
}

static bool sink(const struct kr_addr *a, void *arg)
{
    struct kr_addr s = addr("198.18.25.1");
    (void)arg;
    return kr_addr_cmp(a, &s) == 0;
}

static const uint16_t ports[] = {25};
static const struct kr_flow_policy policy = {
    .ports = ports, .n_ports = 1, .keep = keep, .is_sink = sink};

static struct kr_sock *add_socket(const char *peer, uint16_t local_port, uint8_t state)
{
    struct kr_sock *s = &k.socks[k.n_socks];
    *s = (struct kr_sock){.local = addr("10.0.0.1"),
                          .peer = addr(peer),
                          .local_port = local_port,
                          .peer_port = 25,
                          .state = state};
    k.sock_stays[k.n_socks++] = 1;
    return s;
}

static struct kr_tuple tuple(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
    return (struct kr_tuple){addr(src), addr(dst), sport, dport};
}

static void add_entry(struct kr_tuple orig, struct kr_tuple reply)
{
    struct kr_ct *c = &k.entries[k.n_entries];
    memset(c, 0, sizeof *c);
    c->orig = orig;
    c->reply = reply;
    c->id = (uint32_t)k.n_entries + 1;
    k.entry_stays[k.n_entries++] = 1;
}

static void add_redirected(uint16_t local_port)
{
    add_entry(tuple("10.0.0.1", local_port, "203.0.113.5", 25),
              tuple("198.18.25.1", 2026, "10.0.0.1", local_port));
}

static struct kr_cut_count cut_with(bool redirected)
{
    struct kr_cut_count done = {77, 77, true};
    struct kr_err e = {0};
    assert_int_equal(redirected ? kr_cut_redirected(&policy, &done, &e)
                                : kr_cut_flows(&policy, false, &done, &e),
                     0);
    return done;
}

static void every_end_of_an_entry_is_judged(void **state)
{
    static const struct {
        const char *src, *dst, *rsrc, *rdst;
        uint16_t sport, dport, rsport, rdport;
        bool bad;
    } rows[] = {
        {"10.0.0.1", "203.0.113.5", "203.0.113.5", "10.0.0.1", 1000, 25, 25, 1000, true},
        {"203.0.113.5", "10.0.0.1", "10.0.0.1", "203.0.113.5", 25, 1000, 1000, 25, true},
        {"10.0.0.1", "10.0.0.9", "203.0.113.5", "10.0.0.1", 1000, 2525, 25, 1000, true},
        {"10.0.0.1", "10.0.0.9", "10.0.0.9", "203.0.113.5", 1000, 2525, 2525, 25, true},
        {"2001:db8::1", "2001:db8::5", "2001:db8::5", "2001:db8::1", 1000, 25, 25, 1000, true},
        {"10.0.0.1", "203.0.113.5", "198.18.25.1", "10.0.0.1", 1000, 25, 2026, 1000, false},
        {"10.0.0.1", "192.168.1.10", "192.168.1.10", "10.0.0.1", 1000, 25, 25, 1000, false},
        {"192.168.1.10", "10.0.0.1", "10.0.0.1", "192.168.1.10", 25, 1000, 1000, 25, false},
        {"10.0.0.1", "203.0.113.5", "203.0.113.5", "10.0.0.1", 1000, 2525, 2525, 1000, false},
        /* Out of a real host's port 25 to the sink's host: what the sink answers leaves. */
        {"203.0.113.5", "198.18.25.1", "198.18.25.1", "203.0.113.5", 25, 1000, 1000, 25, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reset(NULL);
        add_entry(tuple(rows[i].src, rows[i].sport, rows[i].dst, rows[i].dport),
                  tuple(rows[i].rsrc, rows[i].rsport, rows[i].rdst, rows[i].rdport));
        struct kr_cut_count done = cut_with(false);
        if (done.entries != rows[i].bad)
            fail_msg("row %zu: %zu entries cut", i, done.entries);
        assert_int_equal(k.scans, rows[i].bad ? 3 : 2);
    }
}

static void redirected_ones_stay_until_the_end(void **state)
{
    (void)state;
    add_socket("203.0.113.5", 1000, TCP_ESTABLISHED);
    add_socket("203.0.113.5", 1001, TCP_ESTABLISHED);
    add_redirected(1000);
    struct kr_cut_count done = cut_with(false);
    assert_int_equal(done.sockets, 1);
    assert_int_equal(done.entries, 0);
    assert_int_equal(k.sock_stays[0], 1);
    assert_int_equal(k.sock_stays[1], 0);
    done = cut_with(true);
    assert_int_equal(done.sockets, 1);
    assert_int_equal(done.entries, 1);
}

static void at_the_end_a_lost_entry_spares_nobody(void **state)
{
    (void)state;
    add_socket("203.0.113.5", 1000, TCP_ESTABLISHED);
    add_socket("192.168.1.10", 1001, TCP_ESTABLISHED);
    assert_int_equal(cut_with(true).sockets, 1);
    assert_int_equal(k.sock_stays[1], 1);
}

/* The host of a foreign sink has other business too. */
static void only_redirected_business_of_the_sink_ends(void **state)
{
    (void)state;
    add_entry(tuple("10.0.0.1", 1000, "198.18.25.1", 22),
              tuple("198.18.25.1", 22, "10.0.0.1", 1000));
    add_entry(tuple("10.0.0.1", 1001, "198.18.25.1", 25),
              tuple("198.18.25.1", 25, "10.0.0.1", 1001));
    add_redirected(1002);
    assert_int_equal(cut_with(true).entries, 1);
    assert_int_equal(k.entry_stays[0], 1);
    assert_int_equal(k.entry_stays[1], 1);
}

static void two_quiet_scans_in_a_row(void **state)
{
    (void)state;
    add_socket("203.0.113.5", 1000, TCP_ESTABLISHED);
    k.sock_stays[0] = 7;
    assert_int_equal(cut_with(false).sockets, 7);
    assert_int_equal(k.scans, 9);
    assert_int_equal(k.walks, 8); /* the last listed none */
}

/* A socket that is kept is no answer of "none". */
static void a_walk_ahead_is_not_repeated(void **state)
{
    struct kr_cut_count done;
    struct kr_err e = {0};
    (void)state;
    assert_int_equal(kr_cut_look(policy.ports, policy.n_ports, &e), 1);
    assert_int_equal(kr_cut_flows(&policy, true, &done, &e), 0);
    assert_int_equal(k.walks, 1);
    assert_int_equal(k.scans, 2); /* the entries all the same */
    add_socket("192.168.1.10", 1001, TCP_ESTABLISHED);
    assert_int_equal(kr_cut_look(policy.ports, policy.n_ports, &e), 0);
}

static void sockets_are_walked_again_unless_there_are_none(void **state)
{
    (void)state;
    cut_with(false);
    assert_int_equal(k.scans, 2);
    assert_int_equal(k.walks, 1);
    add_socket("192.168.1.10", 1001, TCP_ESTABLISHED);
    cut_with(false);
    assert_int_equal(k.scans, 4);
    assert_int_equal(k.walks, 3);
}

static void flows_that_keep_coming_are_unknown(void **state)
{
    (void)state;
    struct kr_cut_count done;
    struct kr_err e = {0};
    add_redirected(1000);
    k.entries[0].reply.src = addr("203.0.113.5");
    k.entry_stays[0] = 1000;
    assert_int_equal(kr_cut_flows(&policy, false, &done, &e), -1);
    assert_int_equal(e.exit, KR_UNKNOWN);
    assert_int_equal(k.scans, 50);
}

static void a_busy_mta_and_orphans_do_not_hold_it_up(void **state)
{
    (void)state;
    add_socket("203.0.113.5", 1000, TCP_SYN_SENT);
    add_socket("203.0.113.5", 1001, TCP_FIN_WAIT1)->orphan = true;
    k.sock_stays[0] = k.sock_stays[1] = 1000;
    cut_with(false);
    assert_int_equal(k.scans, 2);
    assert_int_equal(k.destroys, 4);
}

static void without_sock_destroy_they_are_counted_once(void **state)
{
    (void)state;
    add_socket("203.0.113.5", 1000, TCP_ESTABLISHED);
    add_socket("203.0.113.5", 1001, TCP_ESTABLISHED);
    add_socket("203.0.113.5", 1002, TCP_TIME_WAIT)->time_wait = true;
    add_entry(tuple("10.0.0.1", 1000, "203.0.113.5", 25),
              tuple("203.0.113.5", 25, "10.0.0.1", 1000));
    k.fate = EOPNOTSUPP;
    struct kr_cut_count done = cut_with(false);
    assert_true(done.no_sock_destroy);
    assert_int_equal(done.sockets, 2);
    assert_int_equal(done.entries, 1);
    assert_int_equal(k.scans, 3);
}

static void time_wait_that_stays_is_no_missing_feature(void **state)
{
    (void)state;
    add_socket("203.0.113.5", 1002, TCP_TIME_WAIT)->time_wait = true;
    k.fate = EOPNOTSUPP;
    struct kr_cut_count done = cut_with(false);
    assert_false(done.no_sock_destroy);
    assert_int_equal(done.sockets, 0);
    assert_int_equal(k.scans, 2);
}

static void every_failure_is_passed_on(void **state)
{
    struct kr_cut_count done;
    struct kr_err e = {0};
    (void)state;
    k.read_fails = 1;
    assert_int_equal(kr_cut_flows(&policy, false, &done, &e), -1);
    assert_int_equal(e.exit, KR_UNKNOWN);
    reset(NULL);
    add_socket("203.0.113.5", 1000, TCP_ESTABLISHED);
    k.fate = -1;
    assert_int_equal(kr_cut_flows(&policy, false, &done, &e), -1);
    assert_int_equal(e.exit, KR_CANNOT);
    reset(NULL);
    add_redirected(1000);
    k.delete_fails = 1;
    assert_int_equal(kr_cut_redirected(&policy, &done, &e), -1);
    assert_string_equal(e.msg, "refused");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_end_of_an_entry_is_judged, reset),
        cmocka_unit_test_setup(redirected_ones_stay_until_the_end, reset),
        cmocka_unit_test_setup(at_the_end_a_lost_entry_spares_nobody, reset),
        cmocka_unit_test_setup(only_redirected_business_of_the_sink_ends, reset),
        cmocka_unit_test_setup(two_quiet_scans_in_a_row, reset),
        cmocka_unit_test_setup(a_walk_ahead_is_not_repeated, reset),
        cmocka_unit_test_setup(sockets_are_walked_again_unless_there_are_none, reset),
        cmocka_unit_test_setup(flows_that_keep_coming_are_unknown, reset),
        cmocka_unit_test_setup(a_busy_mta_and_orphans_do_not_hold_it_up, reset),
        cmocka_unit_test_setup(without_sock_destroy_they_are_counted_once, reset),
        cmocka_unit_test_setup(time_wait_that_stays_is_no_missing_feature, reset),
        cmocka_unit_test_setup(every_failure_is_passed_on, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The sink's processes: this test stands in for them. */
#include "../../../src/facts/checks_exempt_internal.h"
#include "networks.h"

#include <kr/flowscan.h>
#include <kr/mem.h>

#include <netinet/tcp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct view world;
static struct kr_sock sock;
static struct kr_flowscan flows;
static struct kr_endpoint sink;
static struct kr_scene scene;
static struct kr_result result;
static pid_t worker;

static int begin(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    memset(&flows, 0, sizeof flows);
    loopback(&world);
    flows.socks.v = &sock;
    scene = (struct kr_scene){.view = &world.v,
                              .flows = &flows,
                              .sink4 = &sink,
                              .standing = true,
                              .builtin = true,
                              .sink_pid = getpid()};
    return 0;
}

static void start_worker(void)
{
    worker = fork();
    if (worker == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pause();
        _exit(0);
    }
    assert_true(worker > 0);
}

static int end(void **state)
{
    (void)state;
    if (worker) {
        kill(worker, SIGKILL);
        waitpid(worker, NULL, 0);
        worker = 0;
    }
    kr_result_free(&result);
    return 0;
}

static enum kr_verdict run(void)
{
    struct kr_err e = {0};
    kr_result_free(&result);
    if (kr_check_sink_relay(&scene, &result, &e))
        kr_result_add(&result, KR_IN_DOUBT, "check", "%s", e.msg);
    return result.verdict;
}

static void a_worker_without_its_filter_is_in_doubt(void **state)
{
    (void)state;
    assert_int_equal(run(), KR_IN_DOUBT);
    assert_non_null(strstr(result.v[0].detail, "no worker"));
    start_worker();
    assert_int_equal(run(), KR_IN_DOUBT);
    assert_int_equal(result.v[0].pid, worker);
}

static void a_sink_that_is_not_known_is_in_doubt(void **state)
{
    (void)state;
    scene.sink_pid = 0;
    assert_int_equal(run(), KR_IN_DOUBT);
    scene.standing = false;
    assert_int_equal(run(), KR_HOLDS);
}

static void a_connection_of_the_sink_is_a_relay(void **state)
{
    (void)state;
    struct stat st;
    KR_AUTO_FD int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(fstat(fd, &st), 0);
    start_worker();
    sock =
        (struct kr_sock){.peer_port = 25, .state = TCP_ESTABLISHED, .inode = (uint32_t)st.st_ino};
    assert_int_equal(kr_addr_parse("203.0.113.5", &sock.peer, NULL), 0);
    flows.socks.n = 1;
    assert_int_equal(run(), KR_BROKEN);
    sock.inode = 1; /* somebody else's */
    assert_int_equal(run(), KR_IN_DOUBT);
}

static void another_host_is_said_only(void **state)
{
    (void)state;
    scene.builtin = false;
    assert_int_equal(kr_endpoint_parse("192.168.1.10:2525", &sink, NULL), 0);
    assert_int_equal(run(), KR_HOLDS);
    assert_int_equal(result.n, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_worker_without_its_filter_is_in_doubt),
        TEST(a_sink_that_is_not_known_is_in_doubt),
        TEST(a_connection_of_the_sink_is_a_relay),
        TEST(another_host_is_said_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

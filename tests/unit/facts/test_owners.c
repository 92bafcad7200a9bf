/* Which sockets a process holds: all of them, however many. */
#include <kr/owners.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MANY 5000

static uint32_t inode_of(int fd)
{
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    return (uint32_t)st.st_ino;
}

static void test_all_are_found(void **state)
{
    static int fds[MANY];
    struct rlimit room;
    struct kr_inodes l = {0};
    (void)state;
    getrlimit(RLIMIT_NOFILE, &room);
    room.rlim_cur = room.rlim_max < MANY + 100 ? room.rlim_max : MANY + 100;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &room), 0);
    size_t n = room.rlim_cur < MANY + 100 ? (size_t)room.rlim_cur / 2 : MANY;
    for (size_t i = 0; i < n; i++) {
        fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fds[i] >= 0);
    }
    uint32_t closed = inode_of(fds[0]);
    close(fds[0]);
    assert_int_equal(kr_inodes_add(getpid(), &l), 0);
    kr_inodes_sort(&l);
    assert_true(l.n >= n - 1);
    assert_false(kr_inodes_have(&l, closed));
    for (size_t i = 1; i < n; i++) {
        assert_true(kr_inodes_have(&l, inode_of(fds[i])));
        close(fds[i]);
    }
    kr_inodes_free(&l);
}

/* Another one's are added to those that are there already. */
static void test_lists_add_up(void **state)
{
    struct kr_inodes l = {0};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)state;
    assert_int_equal(kr_inodes_add(getpid(), &l), 0);
    size_t first = l.n;
    assert_int_equal(kr_inodes_add(getpid(), &l), 0);
    assert_int_equal(l.n, 2 * first);
    close(fd);
    kr_inodes_free(&l);
    assert_false(kr_inodes_have(&l, 1));
}

static void test_nobody(void **state)
{
    struct kr_inodes l = {0};
    (void)state;
    assert_int_equal(kr_inodes_add(0x7ffffffe, &l), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(l.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_are_found),
        cmocka_unit_test(test_lists_add_up),
        cmocka_unit_test(test_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A kernel made up: programs, links, maps and cgroups as bpf(2) says them, and its refusals. */
#include "../base/cmocka_all.h"

#include <kr/bpf.h>
#include <kr/bpf_cgroup.h>
#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST 8

/* Descriptors are real (of /dev/null), so that they can be closed; `what` says what each stands
 * for.
 */
static struct kernel {
    struct bpf_prog_info progs[MOST];
    struct bpf_map_info maps[MOST];
    struct bpf_link_info links[MOST];
    uint32_t attached[MOST]; /* by map: the program at its msg verdict */
    int refusal[64];         /* by command: an errno value */
    int busy;                /* BPF_LINK_GET_FD_BY_ID: EAGAIN so many times */
    uint32_t vanished;       /* the id of a program that is gone when it is opened */
    bool stuck;              /* the next id is always 1 */
    const void *what[64];
} k;

static long refuse(int err)
{
    errno = err;
    return -1;
}

static uint32_t id_of(int cmd, size_t i)
{
    return cmd == BPF_PROG_GET_NEXT_ID  ? k.progs[i].id
           : cmd == BPF_MAP_GET_NEXT_ID ? k.maps[i].id
                                        : k.links[i].id;
}

static long next(int cmd, union bpf_attr *a)
{
    uint32_t best = 0;
    if (k.stuck) {
        a->next_id = 1;
        return 0;
    }
    for (size_t i = 0; i < MOST; i++)
        if (id_of(cmd, i) > a->start_id && (!best || id_of(cmd, i) < best))
            best = id_of(cmd, i);
    a->next_id = best;
    return best ? 0 : refuse(ENOENT);
}

static long opened(const void *what)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_in_range(fd, 0, 63);
    k.what[fd] = what;
    return fd;
}

static long open_id(int cmd, const union bpf_attr *a)
{
    if (cmd == BPF_LINK_GET_FD_BY_ID && k.busy-- > 0)
        return refuse(EAGAIN);
    for (size_t i = 0; i < MOST && a->prog_id != k.vanished; i++) {
        if (cmd == BPF_PROG_GET_FD_BY_ID && k.progs[i].id == a->prog_id)
            return opened(&k.progs[i]);
        if (cmd == BPF_MAP_GET_FD_BY_ID && k.maps[i].id == a->map_id)
            return opened(&k.maps[i]);
        if (cmd == BPF_LINK_GET_FD_BY_ID && k.links[i].id == a->link_id)
            return opened(&k.links[i]);
    }
    return refuse(ENOENT);
}

static bool is_in(const void *p, const void *array, size_t len)
{
    return (const char *)p >= (const char *)array && (const char *)p < (const char *)array + len;
}

static long info(const union bpf_attr *a)
{
    const void *what = k.what[a->info.bpf_fd];
    void *out = (void *)(uintptr_t)a->info.info;
    if (is_in(what, k.progs, sizeof k.progs)) {
        struct bpf_prog_info *p = out;
        uint32_t *ids = (uint32_t *)(uintptr_t)p->map_ids;
        const struct bpf_prog_info *known = what;
        if (ids && known->nr_map_ids)
            ids[0] = (uint32_t)known->map_ids; /* here: the id of its only map */
        memcpy(out, what, sizeof *p);
    } else if (is_in(what, k.maps, sizeof k.maps)) {
        memcpy(out, what, sizeof(struct bpf_map_info));
    } else {
        memcpy(out, what, sizeof(struct bpf_link_info));
    }
    return 0;
}

static long query(union bpf_attr *a)
{
    const struct bpf_map_info *m = k.what[a->query.target_fd];
    uint32_t prog = k.attached[m - k.maps];
    a->query.prog_cnt = prog && a->query.attach_type == BPF_SK_MSG_VERDICT;
    if (a->query.prog_cnt)
        *(uint32_t *)(uintptr_t)a->query.prog_ids = prog;
    return 0;
}

static long fake(int cmd, union bpf_attr *a, unsigned size)
{
    assert_int_equal(size, sizeof *a);
    if (k.refusal[cmd])
        return refuse(k.refusal[cmd]);
    if (cmd == BPF_PROG_GET_NEXT_ID || cmd == BPF_MAP_GET_NEXT_ID || cmd == BPF_LINK_GET_NEXT_ID)
        return next(cmd, a);
    if (cmd == BPF_OBJ_GET_INFO_BY_FD)
        return info(a);
    return cmd == BPF_PROG_QUERY ? query(a) : open_id(cmd, a);
}

static int begin(void **state)
{
    (void)state;
    memset(&k, 0, sizeof k);
    kr_bpf_call = fake;
    k.progs[0] = (struct bpf_prog_info){.id = 30, .type = BPF_PROG_TYPE_SOCK_OPS, .name = "ops"};
    k.progs[1] = (struct bpf_prog_info){.id = 12, .type = BPF_PROG_TYPE_XDP, .name = "tab\there"};
    k.links[0] = (struct bpf_link_info){
        .id = 5, .type = BPF_LINK_TYPE_NETNS, .prog_id = 30, .netns = {.netns_ino = 99}};
    return 0;
}

static struct kr_bpf read_all(void)
{
    struct kr_bpf b;
    struct kr_err e = {0};
    if (kr_bpf_read(&b, &e))
        fail_msg("%s", e.msg);
    return b;
}

static void unknown(const char *says)
{
    struct kr_bpf b;
    struct kr_err e = {0};
    assert_int_equal(kr_bpf_read(&b, &e), -1);
    assert_int_equal(e.exit, KR_UNKNOWN);
    assert_non_null(strstr(e.msg, says));
    assert_int_equal(b.n_progs, 0);
}

static void lists(void **state)
{
    (void)state;
    struct kr_bpf b = read_all();
    assert_int_equal(b.n_progs, 2);
    assert_string_equal(kr_bpf_prog(&b, 30)->name, "ops");
    assert_string_equal(kr_bpf_prog(&b, 12)->name, "tab?here");
    assert_null(kr_bpf_prog(&b, 13));
    assert_int_equal(b.n_links, 1);
    assert_int_equal(b.links[0].where, 99);
    assert_int_equal(b.links[0].prog, 30);
    kr_bpf_free(&b);
}

static void device_maps(void **state)
{
    static const uint32_t types[] = {BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_DEVMAP_HASH,
                                     BPF_MAP_TYPE_PROG_ARRAY};
    (void)state;
    k.progs[1].nr_map_ids = 1;
    k.progs[1].map_ids = 7;
    for (size_t i = 0; i < 3; i++) {
        k.maps[0] = (struct bpf_map_info){.id = 7, .type = types[i]};
        struct kr_bpf b = read_all();
        assert_int_equal(kr_bpf_prog(&b, 12)->devmap, i > 0);
        kr_bpf_free(&b);
    }
    k.maps[0].id = 8; /* its map can't be seen */
    struct kr_bpf b = read_all();
    assert_true(kr_bpf_prog(&b, 12)->devmap);
    kr_bpf_free(&b);
}

static void sockmaps(void **state)
{
    (void)state;
    k.progs[2] = (struct bpf_prog_info){.id = 40, .type = BPF_PROG_TYPE_SK_MSG};
    k.progs[3] = (struct bpf_prog_info){.id = 41, .type = BPF_PROG_TYPE_SK_MSG};
    k.maps[0] = (struct bpf_map_info){.id = 7, .type = BPF_MAP_TYPE_HASH};
    k.maps[1] = (struct bpf_map_info){.id = 8, .type = BPF_MAP_TYPE_SOCKHASH};
    k.attached[0] = 41;
    k.attached[1] = 40;
    struct kr_bpf b = read_all();
    assert_int_equal(kr_bpf_prog(&b, 40)->sockmap, 8);
    assert_int_equal(kr_bpf_prog(&b, 41)->sockmap, 0);
    kr_bpf_free(&b);
    k.refusal[BPF_PROG_QUERY] = EINVAL; /* before Linux 5.18 */
    b = read_all();
    assert_int_equal(kr_bpf_prog(&b, 40)->sockmap, 0);
    kr_bpf_free(&b);
}

static void what_goes_is_left_out(void **state)
{
    (void)state;
    k.vanished = 12;
    struct kr_bpf b = read_all();
    assert_int_equal(b.n_progs, 1);
    kr_bpf_free(&b);
}

static void a_link_in_the_making(void **state)
{
    (void)state;
    k.busy = 3;
    struct kr_bpf b = read_all();
    assert_int_equal(b.n_links, 1);
    kr_bpf_free(&b);
    k.busy = 100;
    unknown("links");
}

static void refusals(void **state)
{
    static const int commands[] = {BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID,
                                   BPF_OBJ_GET_INFO_BY_FD, BPF_LINK_GET_NEXT_ID,
                                   BPF_LINK_GET_FD_BY_ID};
    (void)state;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        k.refusal[commands[i]] = EPERM;
        unknown("CAP_SYS_ADMIN");
        k.refusal[commands[i]] = 0;
    }
    k.stuck = true;
    unknown("programs");
}

static void without_links(void **state)
{
    (void)state;
    k.refusal[BPF_LINK_GET_NEXT_ID] = EINVAL;
    struct kr_bpf b = read_all();
    assert_int_equal(b.n_links, 0);
    assert_int_equal(b.n_progs, 2);
    kr_bpf_free(&b);
}

static void no_such_call(void **state)
{
    (void)state;
    k.refusal[BPF_PROG_GET_NEXT_ID] = ENOSYS;
    kr_bpf_sysctl = "/proc/self/stat";
    unknown("kept from this process");
    kr_bpf_sysctl = "/proc/self/no-such-file";
    struct kr_bpf b = read_all();
    assert_true(b.absent);
    kr_bpf_free(&b);
}

/* ---- cgroups: a tree of folders, and answers by the name of the last one ------------------------
 */

static struct {
    int known[2];          /* 0, or the refusal at the root for the first and second kind */
    int refusal;           /* below the root */
    unsigned flags_at_top; /* of the last question at the root */
} g;
static char top[] = "/tmp/kr-cgroups-XXXXXX";
static const uint32_t both[] = {BPF_CGROUP_INET4_CONNECT, BPF_CGROUP_SOCK_OPS};

static long asked(int cmd, union bpf_attr *a, unsigned size)
{
    char link[64], path[256] = "";
    (void)size;
    assert_int_equal(cmd, BPF_PROG_QUERY);
    snprintf(link, sizeof link, "/proc/self/fd/%u", a->query.target_fd);
    assert_true(readlink(link, path, sizeof path - 1) > 0);
    bool root = strcmp(path, top) == 0, connect = a->query.attach_type == both[0];
    if (root)
        g.flags_at_top = a->query.query_flags;
    if (root && g.known[!connect])
        return refuse(g.known[!connect]);
    if (!root && g.refusal)
        return refuse(g.refusal);
    a->query.prog_cnt = connect && strcmp(path + strlen(path) - 3, "bad") == 0;
    if (a->query.prog_cnt)
        *(uint32_t *)(uintptr_t)a->query.prog_ids = 66;
    return 0;
}

static void make(const char *name, bool folder)
{
    char path[64];
    snprintf(path, sizeof path, "%s/%s", top, name);
    assert_int_equal(folder ? mkdir(path, 0700) : close(creat(path, 0600)), 0);
}

static int plant(void **state)
{
    (void)state;
    memset(&g, 0, sizeof g);
    kr_bpf_call = asked;
    strcpy(top + sizeof top - 7, "XXXXXX");
    assert_non_null(mkdtemp(top));
    make("a", true);
    make("a/b", true);
    make("a/b/bad", true);
    make("c", true);
    make("cgroup.procs", false);
    return 0;
}

static int fell(void **state)
{
    static const char *const all[] = {"cgroup.procs", "cgroup.type", "c", "a/b/bad",
                                      "a/b",          "a",           ""};
    char path[64];
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        snprintf(path, sizeof path, "%s/%s", top, all[i]);
        if (unlink(path))
            rmdir(path);
    }
    return 0;
}

static int look(struct kr_cgroups *c, struct kr_err *e)
{
    KR_AUTO_FD int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return kr_cgroups_read_at(fd, both, 2, c, e);
}

static void every_cgroup(void **state)
{
    struct kr_cgroups c;
    (void)state;
    assert_int_equal(look(&c, NULL), 0);
    assert_int_equal(c.seen, 5);
    assert_int_equal(c.n, 1);
    assert_string_equal(c.v[0].path, "/a/b/bad");
    assert_int_equal(c.v[0].attach, BPF_CGROUP_INET4_CONNECT);
    assert_int_equal(c.v[0].prog, 66);
    assert_int_equal(g.flags_at_top, BPF_F_QUERY_EFFECTIVE);
    assert_false(c.absent || c.partial);
    kr_cgroups_free(&c);
}

static void kinds_unknown_to_the_kernel(void **state)
{
    struct kr_cgroups c;
    (void)state;
    g.known[1] = EINVAL;
    assert_int_equal(look(&c, NULL), 0);
    assert_int_equal(c.seen, 5);
    assert_int_equal(c.n, 1);
    kr_cgroups_free(&c);
    g.known[0] = EINVAL;
    assert_int_equal(look(&c, NULL), 0);
    assert_true(c.absent);
    kr_cgroups_free(&c);
}

static void refused_cgroups(void **state)
{
    struct kr_cgroups c;
    struct kr_err e = {0};
    (void)state;
    g.known[0] = EPERM;
    assert_int_equal(look(&c, &e), -1);
    assert_int_equal(e.exit, KR_UNKNOWN);
    g.known[0] = 0;
    g.refusal = EPERM;
    assert_int_equal(look(&c, &e), -1);
    g.refusal = ENODEV; /* gone */
    assert_int_equal(look(&c, &e), 0);
    assert_int_equal(c.n, 0);
    kr_cgroups_free(&c);
}

static void a_container(void **state)
{
    struct kr_cgroups c;
    (void)state;
    make("cgroup.type", false);
    assert_int_equal(look(&c, NULL), 0);
    assert_true(c.partial);
    kr_cgroups_free(&c);
}

#define TEST(f) cmocka_unit_test_setup(f, begin)
#define TREE(f) cmocka_unit_test_setup_teardown(f, plant, fell)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lists),
        TEST(device_maps),
        TEST(sockmaps),
        TEST(what_goes_is_left_out),
        TEST(a_link_in_the_making),
        TEST(refusals),
        TEST(without_links),
        TEST(no_such_call),
        TREE(every_cgroup),
        TREE(kinds_unknown_to_the_kernel),
        TREE(refused_cgroups),
        TREE(a_container),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What sysfs and /proc say of hardware and kernel modules, in made-up folders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../src/facts/checks_link_host.c"

#include <stdlib.h>
#include <sys/stat.h>

static char root[64];

static void make_folders(char *path)
{
    for (char *s = path + 1; (s = strchr(s, '/')); s++) {
        *s = '\0';
        mkdir(path, 0700);
        *s = '/';
    }
}

static void put(const char *path, const char *text)
{
    char full[PATH];
    snprintf(full, sizeof full, "%s%s", root, path);
    make_folders(full);
    FILE *f = fopen(full, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int new_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/kr-sysfs-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

static struct kr_result found;

static enum kr_verdict handed(bool virtual_functions, bool ours)
{
    struct handed h = {
        .r = &found, .root = root, .virtual_functions = virtual_functions, .ours = ours};
    kr_result_free(&found);
    assert_int_equal(list_handed(&h, NULL), 0);
    return found.verdict;
}

static void without_sysfs_it_is_unknown(void **state)
{
    struct handed h = {.r = &found, .root = root};
    struct kr_err e = {0};
    (void)state;
    assert_int_equal(list_handed(&h, &e), -1);
    assert_int_equal(e.exit, KR_UNKNOWN);
}

static void cards_that_are_handed_out(void **state)
{
    (void)state;
    put("/sys/bus/pci/drivers/e1000e/0000:00:19.0/class", "0x020000\n");
    put("/sys/bus/pci/drivers/vfio-pci/bind", "");
    put("/sys/bus/pci/drivers/vfio-pci/0000:01:00.0/class", "0x030000\n"); /* graphics */
    assert_int_equal(handed(false, true), KR_HOLDS);
    assert_int_equal(found.n, 0);
    put("/sys/bus/pci/drivers/vfio-pci/0000:03:00.0/class", "0x020000\n");
    assert_int_equal(handed(false, true), KR_BROKEN);
    assert_string_equal(found.v[0].object, "0000:03:00.0");
    assert_int_equal(handed(true, true), KR_HOLDS);
    assert_int_equal(handed(false, false), KR_HOLDS);
    assert_int_equal(found.n, 1); /* said for the record */
    put("/sys/bus/pci/drivers/mlx5_vfio_pci/0000:04:00.1/class", "0x020700\n");
    put("/sys/bus/pci/drivers/mlx5_vfio_pci/0000:04:00.1/physfn/class", "0x020700\n");
    assert_int_equal(handed(true, true), KR_BROKEN);
    assert_int_equal(found.n, 1);
    put("/sys/bus/pci/drivers/igb_uio/0000:05:00.0/x", "");
    put("/sys/bus/vdpa/drivers/vhost_vdpa/vdpa0/x", "");
    put("/sys/bus/vmbus/drivers/uio_hv_generic/0a-1b-2c/x", "");
    assert_int_equal(handed(false, true), KR_BROKEN);
    assert_int_equal(found.n, 4); /* what has no class counts as a card */
    kr_result_free(&found);
}

static void who_can_open_them(void **state)
{
    (void)state;
    assert_false(can_be_opened(root));
    put("/dev/vfio/vfio", "");
    assert_false(can_be_opened(root));
    put("/dev/vfio/12", "");
    assert_true(can_be_opened(root));
}

static void rdma_ports(void **state)
{
    (void)state;
    kr_result_free(&found);
    assert_int_equal(list_rdma(root, &found, NULL), 0);
    put("/sys/class/infiniband/mlx5_0/ports/1/state", "1: DOWN\n");
    assert_int_equal(list_rdma(root, &found, NULL), 0);
    assert_int_equal(found.n, 0);
    put("/sys/class/infiniband/mlx5_0/ports/1/state", "4: ACTIVE\n");
    assert_int_equal(list_rdma(root, &found, NULL), 0);
    assert_int_equal(found.verdict, KR_HOLDS);
    put("/dev/infiniband/uverbs0", "");
    assert_int_equal(list_rdma(root, &found, NULL), 0);
    assert_int_equal(found.verdict, KR_IN_DOUBT);
    assert_string_equal(found.v[1].object, "mlx5_0 port 1");
    kr_result_free(&found);
}

static void modules_and_protocols(void **state)
{
    (void)state;
    kr_result_free(&found);
    assert_false(module_line("pktgen2 16384 0 - Live 0x0000000000000000\n", &found));
    assert_false(module_line("nf_nat 57344 3 - Live 0x0\n", &found));
    assert_true(module_line("pktgen 57344 0 - Live 0x0\n", &found));
    assert_int_equal(found.verdict, KR_HOLDS);
    assert_true(module_line("chtls 114688 0 - Live 0x0\n", &found));
    assert_int_equal(found.verdict, KR_IN_DOUBT);
    assert_false(smc_line("protocol  size sockets  memory press\n", &found));
    assert_false(smc_line("SMC       1024      0      -1   NI\n", &found));
    assert_false(smc_line("TCP       2432      7      -1   NI\n", &found));
    assert_true(smc_line("SMC6      1024      3      -1   NI\n", &found));
    kr_result_free(&found);
}

int main(void)
{
#define IN_ROOT(f) cmocka_unit_test_setup_teardown(f, new_root, remove_root)
    const struct CMUnitTest tests[] = {
        IN_ROOT(without_sysfs_it_is_unknown), IN_ROOT(cards_that_are_handed_out),
        IN_ROOT(who_can_open_them),           IN_ROOT(rdma_ports),
        IN_ROOT(modules_and_protocols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

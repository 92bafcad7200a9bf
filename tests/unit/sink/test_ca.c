#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <kr/err.h>
#include <kr/sink_ca.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define AT_ONCE 8
#define ROUNDS 12

static char folder[] = "/tmp/kr-test-ca.XXXXXX", ca_dir[64], cert_path[80], key_path[80];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(ca_dir, sizeof ca_dir, "%s/ca", folder);
    snprintf(cert_path, sizeof cert_path, "%s/ca.pem", ca_dir);
    snprintf(key_path, sizeof key_path, "%s/ca.key", ca_dir);
    return 0;
}

static int remove_authority(void **state)
{
    (void)state;
    unlink(cert_path);
    unlink(key_path);
    return rmdir(ca_dir);
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

/* Opens it when `go` ends, and tells the digest of what it got; ends. */
static void opener(int go, int told)
{
    struct kr_ca ca;
    unsigned char digest[32];
    unsigned n = sizeof digest;
    char octet;
    bool good = read(go, &octet, 1) == 0 && kr_ca_open(&ca, ca_dir, true, NULL) == 0 &&
                X509_check_private_key(ca.cert, ca.key) == 1 &&
                X509_digest(ca.cert, EVP_sha256(), digest, &n) == 1 &&
                write(told, digest, n) == (ssize_t)n;
    _exit(good ? 0 : 1);
}

static void test_made_at_once(void **state)
{
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        int go[2], told[2], status;
        pid_t pid[AT_ONCE];
        unsigned char first[32], next[32];
        assert_int_equal(pipe(go) | pipe(told), 0);
        for (size_t i = 0; i < AT_ONCE; i++) {
            pid[i] = fork();
            if (pid[i] == 0) {
                close(go[1]);
                opener(go[0], told[1]);
            }
            assert_true(pid[i] > 0);
        }
        close(go[0]);
        close(go[1]);
        for (size_t i = 0; i < AT_ONCE; i++) {
            assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
            assert_int_equal(status, 0);
            assert_int_equal(read(told[0], i ? next : first, sizeof first), sizeof first);
            assert_true(i == 0 || memcmp(first, next, sizeof first) == 0);
        }
        close(told[0]);
        close(told[1]);
        assert_int_equal(remove_authority(NULL), 0); /* nothing else is in it */
    }
}

static void test_none(void **state)
{
    (void)state;
    struct kr_ca ca;
    struct kr_err e = {0};
    assert_int_equal(kr_ca_open(&ca, ca_dir, false, &e), -1);
    assert_non_null(strstr(e.msg, cert_path));
    assert_int_equal(access(ca_dir, F_OK), -1);
}

static void test_key_open_to_others(void **state)
{
    (void)state;
    struct kr_ca ca;
    struct kr_err e = {0};
    assert_int_equal(kr_ca_open(&ca, ca_dir, true, NULL), 0);
    kr_ca_close(&ca);
    assert_int_equal(chmod(key_path, 0644), 0);
    assert_int_equal(kr_ca_open(&ca, ca_dir, true, &e), -1);
    kr_ca_close(&ca);
    assert_non_null(strstr(e.msg, key_path));
    assert_int_equal(chmod(key_path, 0600), 0);
    assert_int_equal(kr_ca_open(&ca, ca_dir, true, NULL), 0);
    kr_ca_close(&ca);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_made_at_once),
        cmocka_unit_test_teardown(test_key_open_to_others, remove_authority),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

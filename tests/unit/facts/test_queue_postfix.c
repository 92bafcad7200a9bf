/* Postfix's messages are counted once each, whatever queue they are met in. */
#include "../base/cmocka_all.h"

#include "../../../src/facts/queue_postfix.c"

#include <stdlib.h>
#include <unistd.h>

static char spool[] = "/tmp/kr-queue-XXXXXX";

static void put(const char *queue, const char *id)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", spool, queue);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/%s/%s", spool, queue, id);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
}

static int make_spool(void **state)
{
    (void)state;
    return mkdtemp(spool) ? 0 : -1;
}

static int remove_spool(void **state)
{
    char command[320];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", spool);
    return system(command);
}

static struct kr_queue count(void)
{
    static struct kr_mta mta = {.pid = 1};
    struct kr_queue q = {.queued = 0};
    struct instance x = {.there = true};
    KR_AUTO_FD int root = open("/", O_RDONLY | O_DIRECTORY);
    struct kr_queue_asking a = {.mta = &mta, .root = root};
    snprintf(x.spool, sizeof x.spool, "%s", spool);
    count_files(&a, &q, &x);
    return q;
}

static void test_files(void **state)
{
    (void)state;
    assert_int_equal(count().state, KR_QUEUE_UNKNOWN);
    put("active", "4Ab");
    put("deferred", "4Ab"); /* moved while it was counted */
    put("deferred", "4Ac");
    put("incoming", "4Ad");
    put("hold", "4Ae");
    put("maildrop", ".odd");
    struct kr_queue q = count();
    assert_int_equal(q.state, KR_QUEUE_HOLDS);
    assert_int_equal(q.queued, 4);
    assert_int_equal(q.held, 1);
}

static bool say(struct listing *l, const char *line)
{
    return on_message(line, strlen(line), line[strlen(line) - 1], l);
}

static void test_lines(void **state)
{
    (void)state;
    struct listing l = {.held = 0};
    assert_true(say(&l, "{\"queue_name\": \"active\", \"queue_id\": \"4A\", \"x\": 1}"));
    assert_true(say(&l, "{\"queue_name\": \"hold\", \"queue_id\": \"4B\"}"));
    assert_true(say(&l, "{\"queue_name\": \"deferred\", \"queue_id\": \"4A\", \"x\": 1}"));
    assert_int_equal(kr_queue_ids_count(&l.ids), 2);
    assert_int_equal(l.held, 1);
    assert_false(say(&l, "{\"queue_name\": \"deferred\"}"));
    assert_true(l.odd);
    kr_queue_ids_free(&l.ids);
}

/* A million ids are told apart, and sorted out when they come twice. */
static void test_million(void **state)
{
    (void)state;
    struct kr_queue_ids ids = {.n = 0};
    for (unsigned i = 0; i < 2000000; i++) {
        char id[16];
        int n = snprintf(id, sizeof id, "4b%X", i / 2);
        kr_queue_ids_add(&ids, id, (size_t)n);
    }
    assert_int_equal(kr_queue_ids_count(&ids), 1000000);
    kr_queue_ids_free(&ids);
}

static struct kr_queue commanded(const char *where, bool same)
{
    static struct kr_mta mta = {.pid = 7};
    struct kr_queue q = {.queued = 0};
    struct kr_queue_asking a = {.mta = &mta, .same = same};
    snprintf(q.where, sizeof q.where, "%s", where);
    commands(&a, &q);
    return q;
}

static void test_commands(void **state)
{
    char out[8], path[256];
    (void)state;
    assert_string_equal(commanded("/etc/postfix", true).purge, "postsuper -d ALL");
    assert_string_equal(commanded("/etc/postfix-2", false).hold,
                        "nsenter -a -t 7 postsuper -c /etc/postfix-2 -h ALL");
    assert_string_equal(commanded("/tmp/x;id", true).look, "postqueue -c '/tmp/x;id' -p");
    assert_string_equal(commanded("/tmp/x\033[2K", true).purge, "");
    memset(path, 'a', sizeof path);
    path[255] = '\0';
    struct kr_queue q = commanded(path, true);
    assert_int_equal(strlen(q.purge), strlen("postsuper -c  -d ALL") + 255);
    assert_non_null(strstr(q.purge, "a -d ALL"));
    memset(path, '\'', 255); /* four octets each */
    assert_string_equal(commanded(path, true).purge, "");
    kr_queue_command(out, sizeof out, "%s", "1234567");
    assert_string_equal(out, "1234567");
    kr_queue_command(out, sizeof out, "%s", "12345678");
    assert_string_equal(out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_files), cmocka_unit_test(test_lines),
                                       cmocka_unit_test(test_million),
                                       cmocka_unit_test(test_commands)};
    return cmocka_run_group_tests(tests, make_spool, remove_spool);
}

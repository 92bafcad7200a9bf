/* What is read out of the configuration of mail servers. */
#include "../../../src/facts/mta_internal.h"
#include "../base/cmocka_all.h"
#include "mta_rows.h"

#include <kr/buf.h>

#include <errno.h>
#include <fcntl.h>
#include <time.h>

#define MAIN "== /etc/postfix/main.cf\n"
#define MASTER                                 \
    "== /etc/postfix/master.cf\n"              \
    "smtp inet n - y - - smtpd\n"              \
    "smtp unix - - y - - smtp\n"               \
    "relay unix - - y - - smtp\n"              \
    "  -o syslog_name=postfix/$service_name\n" \
    "lmtp unix - - y - - lmtp\n"               \
    "local unix - n n - - local\n"             \
    "uucp unix - n n - - pipe\n"               \
    "  flags=Fqhu user=uucp argv=uux -r -n -z -a$sender - $nexthop!rmail ($recipient)\n"

static void postfix_main(void **state)
{
    static const struct row rows[] = {
        {"nothing set", MAIN "myhostname = a.example\n" MASTER, "hhhhh", NULL},
        {"no file at all", "== /etc/hostname\na\n", "hhhhh", NULL},
        {"587", MAIN "# relayhost = [x]:25\n\nrelayhost = [smtp.relay.example]:587\n" MASTER,
         "hbhhh", "main.cf:3 relayhost: smtp.relay.example port 587"},
        {"a service's name", MAIN "relayhost = smtp.relay.example:submission\n", "hbhhh", "587"},
        {"an unknown service", MAIN "relayhost = smtp.relay.example:odd\n", "huhhh",
         "can't be told"},
        {"the last one counts", MAIN "relayhost = [a]:587\nrelayhost =\n", "hhhhh", NULL},
        {"continued", MAIN "relayhost =\n# no\n\n   [203.0.113.9]:465\n", "hbhhh", "main.cf:1 "},
        {"variables", MAIN "port = 587\nto=[203.0.113.9]:${port}\nrelayhost = $to\n", "hbhhh",
         "203.0.113.9 port 587"},
        {"a condition", MAIN "relayhost = ${mine?{[a]:587}:{[203.0.113.9]:25}}\n", "hhhhh",
         "redirected"},
        {"the other side of it", MAIN "mine = 1\nrelayhost = ${mine?{[a]:587}:{[b]:25}}\n", "hbhhh",
         NULL},
        {"a port of a variable that is none", MAIN "relayhost = [a]:$odd\n", "huhhh", NULL},
        {"variables in a circle", MAIN "a=$b\nb=$a\nrelayhost=[203.0.113.9]:$a\n", "huhhh", NULL},
        {"25 by address", MAIN "relayhost = [203.0.113.9]\n", "hhhhh", "redirected"},
        {"25 by name, with exemptions", MAIN "relayhost = [smtp.relay.example]\n", "hhhuh",
         "not resolved"},
        {"a blocked port", MAIN "relayhost = [203.0.113.9]:2525\n", "hhhhh", "blocked"},
        {"an exempt host", MAIN "relayhost = 192.168.1.10\n", "hhhbh", "exempt 192.168.1.0/24"},
        {"an exempt host, other port", MAIN "relayhost = [192.168.1.10]:587\n", "hhhbh", NULL},
        {"loopback", MAIN "relayhost = [127.0.0.1]:10587\n", "hhhuh", "nobody listens"},
        {"own address", MAIN "relayhost = [192.0.2.2]:587\n", "hhhuh", "on this host"},
        {"IPv6", MAIN "relayhost = [IPv6:2001:db8::1]:587\n", "hbhhh", "2001:db8::1 port 587"},
        {"two of them", MAIN "relayhost = [203.0.113.9], [203.0.113.8]:587\n", "hbhhh", NULL},
        {"fallback", MAIN "smtp_fallback_relay = [203.0.113.9]:587\n", "hbhhh", NULL},
        {"the client's port", MAIN "smtp_tcp_port = 2526\n" MASTER, "hbhhh", "2526"},
        {"a transport", MAIN "default_transport = smtp:[203.0.113.9]:465\n" MASTER, "hbhhh", "465"},
        {"a program", MAIN "default_transport = uucp\n" MASTER, "hhhhu", "uux"},
        {"no such transport", MAIN "default_transport = nope:x\n" MASTER, "hhhhu", "nope"},
        {"LMTP to mailboxes", MAIN "mailbox_transport = lmtp:unix:private/l\n" MASTER, "hhhhh",
         "a socket on this host"},
        {"LMTP by TCP", MAIN "virtual_transport = lmtp:inet:203.0.113.9:24\n" MASTER, "hhhhb",
         "LMTP"},
        {"a filter on this host", MAIN "content_filter = smtp:[127.0.0.1]:10024\n" MASTER, "hhhhh",
         "on this host"},
        {"a filter elsewhere", MAIN "content_filter = smtp:[203.0.113.9]:10024\n" MASTER, "hbhhh",
         NULL},
        {"passwords", MAIN "smtp_sasl_auth_enable = yes\n", "hhhhh", "passwords"},
        {"another instance",
         MAIN "multi_instance_directories = /etc/postfix-two\n"
              "== /etc/postfix-two/main.cf\nrelayhost = [203.0.113.9]:587\n",
         "hbhhh", "/etc/postfix-two/main.cf:1"},
    };
    TRY(rows);
}

static void postfix_master(void **state)
{
    static const struct row rows[] = {
        {"a port of a transport",
         MAIN "default_transport = out\n" MASTER "out unix - - y - - smtp\n -o smtp_tcp_port=587\n",
         "hbhhh", "587"},
        {"a transport nobody uses",
         MAIN "\n" MASTER "out unix - - y - - smtp -o smtp_tcp_port=587\n", "hhhhh", NULL},
        {"a relayhost of a service",
         MAIN "\n" MASTER
              "rewrite unix - - y - - trivial-rewrite\n -o relayhost=[203.0.113.9]:587\n",
         "hbhhh", "master.cf:9"},
        {"with braces",
         MAIN "\n" MASTER
              "two inet n - y - - smtpd -o { content_filter = smtp:[203.0.113.9]:26 }\n",
         "hbhhh", "port 26"},
        {"a fallback of the client",
         MAIN "\n" MASTER "smtp unix - - y - - smtp -o smtp_fallback_relay=[203.0.113.9]:588\n",
         "hhhhh", NULL}, /* Postfix refuses a second one; the first counts */
        {"a fallback of the relay client",
         MAIN "default_transport = again\n" MASTER
              "again unix - - y - - /usr/lib/postfix/sbin/smtp -o "
              "smtp_fallback_relay=[203.0.113.9]:588\n",
         "hbhhh", "588"},
        {"a proxy filter",
         MAIN "\n" MASTER "10025 inet n - y - - smtpd -o smtpd_proxy_filter=127.0.0.1:10026\n",
         "hhhhh", "10026"},
    };
    TRY(rows);
}

#define MAP "== /etc/postfix/transport\n"
static void postfix_maps(void **state)
{
    static const struct row rows[] = {
        {"the text of a hash",
         MAIN "transport_maps = hash:$config_directory/transport\n" MASTER MAP
              "# to\nexample.com  smtp:[203.0.113.9]:587\nexample.org :\nexample.net error:no\n",
         "hbhhh", "/etc/postfix/transport:2 transport_maps: 203.0.113.9 port 587"},
        {"the default type",
         MAIN "transport_maps = /etc/postfix/transport\n" MASTER MAP
              "example.com smtp:[203.0.113.9]:587\n",
         "hbhhh", NULL},
        {"only the default",
         MAIN "transport_maps = texthash:/etc/postfix/transport\n" MASTER MAP
              "* :\n.example.com :\nexample.com smtp:\n",
         "hhhhh", NULL},
        {"it isn't there", MAIN "transport_maps = hash:/etc/postfix/gone\n" MASTER, "uhhhh",
         "gone"},
        {"a database", MAIN "transport_maps = proxy:mysql:/etc/postfix/sql.cf\n" MASTER, "uhhhh",
         "mysql"},
        {"by a proxy",
         MAIN "transport_maps = proxy:hash:/etc/postfix/transport\n" MASTER MAP
              "example.com smtp:[203.0.113.9]:587\n",
         "hbhhh", NULL},
        {"inline",
         MAIN
         "transport_maps = inline:{ a.example=smtp:[203.0.113.9]:587, { b = smtp: } }\n" MASTER,
         "hbhhh", NULL},
        {"static", MAIN "transport_maps = static:{smtp:[203.0.113.9]:587}\n" MASTER, "hbhhh", NULL},
        {"random",
         MAIN "sender_dependent_relayhost_maps = randmap:{[203.0.113.9],[203.0.113.9]:26}\n",
         "hbhhh", "26"},
        {"a union",
         MAIN
         "transport_maps = unionmap:{static:{smtp:}, static:{smtp:[203.0.113.9]:587}}\n" MASTER,
         "hbhhh", NULL},
        {"regular expressions",
         MAIN "transport_maps = regexp:/etc/postfix/transport\n" MASTER MAP
              "if /x y/\n/^a b@(.*)$/i  smtp:[203.0.113.9]:587\nendif\n",
         "hbhhh", NULL},
        {"a host out of the expression",
         MAIN "transport_maps = pcre:/etc/postfix/transport\n" MASTER MAP "/@(.*)$/ smtp:[$1]:$2\n",
         "huhhh", NULL},
        {"a sender's relay",
         MAIN "sender_dependent_relayhost_maps = hash:/etc/postfix/transport\n" MASTER MAP
              "a@example.com [203.0.113.9]:submission\n",
         "hbhhh", NULL},
        {"programs",
         MAIN "transport_maps = hash:/etc/postfix/transport\n" MASTER MAP "example.com uucp:host\n",
         "hhhhu", NULL},
        {"an exempt relay",
         MAIN "transport_maps = hash:/etc/postfix/transport\n" MASTER MAP
              "example.com relay:[192.168.1.9]\n",
         "hhhbh", NULL},
    };
    TRY(rows);
}

#define EXIM "== /etc/exim4/exim4.conf\n"
#define SMTP "begin transports\nremote_smtp:\n  driver = smtp\n"
#define BY_DNS "begin routers\ndns:\n  driver = dnslookup\n  transport = remote_smtp\n"
static void exim(void **state)
{
    static const struct row rows[] = {
        {"by DNS", EXIM BY_DNS SMTP, "hhhhh", NULL},
        {"a port", EXIM BY_DNS SMTP "  port = 587\n", "hbhhh", "exim4.conf:8 port: port 587"},
        {"a protocol", EXIM BY_DNS SMTP "  protocol = smtps\n", "hbhhh", "465"},
        {"a computed port", EXIM BY_DNS SMTP "  port = ${if eq{a}{b}{25}{587}}\n", "huhhh", NULL},
        {"a macro", EXIM "P = 587\n" BY_DNS SMTP "  port = P\n", "hbhhh", NULL},
        {"a condition", EXIM ".ifdef NO\nP=587\n.else\nP=25\n.endif\n" BY_DNS SMTP " port=P\n",
         "hhhhh", NULL},
        {"what Exim may have",
         EXIM ".ifdef _HAVE_X\nP=587\n.else\nP=25\n.endif\n" BY_DNS SMTP
              ".ifndef _Y\n port=587\n.endif\n",
         "hbhhh", NULL},
        {"included", EXIM BY_DNS ".include /etc/exim4/more\n== /etc/exim4/more\n" SMTP "port=26\n",
         "hbhhh", "/etc/exim4/more:4"},
        {"not to be included", EXIM ".include /etc/exim4/gone\n" BY_DNS SMTP, "uhhhh", "gone"},
        {"need not be there", EXIM ".include_if_exists /etc/exim4/gone\n" BY_DNS SMTP, "hhhhh",
         NULL},
        {"in a circle", EXIM ".include /etc/exim4/exim4.conf\n", "uhhhh", NULL},
        {"a smart host",
         EXIM "begin routers\nr:\n  driver = manualroute\n  transport = remote_smtp\n"
              "  route_list = * smtp.relay.example::587 byname\n" SMTP,
         "hbhhh", "exim4.conf:5 route_list: smtp.relay.example port 587"},
        {"two rules",
         EXIM "begin routers\nr:\n driver=manualroute\n transport=remote_smtp\n"
              " route_list = a.example \"203.0.113.9:203.0.113.8::26\"; \\\n"
              "   # a comment\n  b.example 203.0.113.7\n" SMTP,
         "hbhhh", "203.0.113.8 port 26"},
        {"the transport's port",
         EXIM "begin routers\nr:\n driver=manualroute\n transport=remote_smtp\n"
              " route_list = * 203.0.113.9\n" SMTP " port = 2526\n",
         "hbhhh", "203.0.113.9 port 2526"},
        {"another separator",
         EXIM "begin routers\nr:\n driver=manualroute\n transport=remote_smtp\n"
              " route_data = <; [2001:db8::1]:26 ; [203.0.113.9]\n" SMTP,
         "hbhhh", "2001:db8::1 port 26"},
        {"a file",
         EXIM "begin routers\nr:\n driver=manualroute\n transport=remote_smtp\n"
              " route_data = ${lookup{$domain}partial-lsearch{/etc/exim4/hubs}}\n" SMTP
              "== /etc/exim4/hubs\n# x\na.example: 203.0.113.9::587\n",
         "hbhhh", "/etc/exim4/hubs:2"},
        {"a file that is not there",
         EXIM "begin routers\nr:\n driver=manualroute\n transport=remote_smtp\n"
              " route_data = ${lookup{$domain}lsearch{/etc/exim4/hubs}}\n" SMTP,
         "hhhhh", NULL},
        {"a database",
         EXIM "begin routers\nr:\n driver=manualroute\n transport=remote_smtp\n"
              " route_data = ${lookup mysql{SELECT h}}\n" SMTP,
         "hhhuh", "computed"},
        {"an exempt host",
         EXIM "begin routers\nr:\n driver=manualroute\n transport=remote_smtp\n"
              " route_list = * 192.168.1.9\n" SMTP,
         "hhhbh", NULL},
        {"a proxy", EXIM BY_DNS SMTP " socks_proxy = 192.168.1.5 port=1080 pass=secret\n", "hhbhh",
         NULL},
        {"hosts of the transport", EXIM BY_DNS SMTP " hosts = 203.0.113.9\n port = 26\n", "hbhhh",
         NULL},
        {"LMTP", EXIM BY_DNS SMTP " protocol = lmtp\n hosts = 203.0.113.9\n", "hhhhb", NULL},
        {"a program",
         EXIM "begin routers\nr:\n driver=accept\n transport=p\nbegin transports\np:\n"
              " driver=pipe\n command = /usr/bin/thing\n",
         "hhhhu", NULL},
        {"a program for mailboxes",
         EXIM "begin routers\nr:\n driver=accept\n check_local_user\n transport=p\n"
              "begin transports\np:\n driver=pipe\n command = /usr/bin/thing\n",
         "hhhhh", NULL},
        {"a transport nobody uses", EXIM BY_DNS SMTP "x:\n driver=smtp\n port=587\n", "hhhhh",
         NULL},
        {"Debian's answers",
         "== /etc/exim4/update-exim4.conf.conf\n# x\ndc_eximconfig_configtype='smarthost'\n"
         "dc_smarthost='smtp.relay.example::587'\n",
         "hbhhh", "conf:3 dc_smarthost"},
        {"no smart host by Debian's answers",
         "== /etc/exim4/update-exim4.conf.conf\ndc_eximconfig_configtype='internet'\n"
         "dc_smarthost='smtp.relay.example::587'\n",
         "hhhhh", NULL},
    };
    TRY(rows);
}

#define LUA "== /opt/kumomta/etc/policy/init.lua\nlocal kumo = require 'kumo'\n"
static void files_that_are_none(void **state)
{
    struct host *h = *state;
    char path[128], got[KR_MTA_TOPICS + 1];
    host_files(h, MAIN "relayhost =\n");
    snprintf(path, sizeof path, "%s/etc/postfix/master.cf", h->root);
    assert_int_equal(mkfifo(path, 0600), 0);
    host_read(h);
    assert_string_equal(host_verdicts(h, got), "uhhhh");
    assert_true(host_says(h, "no file"));
    unlink(path);
    assert_int_equal(symlink("master.cf", path), 0);
    host_read(h);
    assert_string_equal(host_verdicts(h, got), "uhhhh");
}

/* A container's links lead to its own files. */
static void links_stay_inside(void **state)
{
    struct host *h = *state;
    char path[128], got[KR_MTA_TOPICS + 1];
    host_files(h, "== /etc/real\nrelayhost = [203.0.113.9]:587\n== /etc/postfix/master.cf\n\n");
    snprintf(path, sizeof path, "%s/etc/postfix/main.cf", h->root);
    assert_int_equal(symlink("/etc/real", path), 0);
    host_read(h);
    assert_string_equal(host_verdicts(h, got), "hbhhh");
    unlink(path);
    assert_int_equal(symlink("../../../../../../../../../etc/passwd", path), 0);
    host_read(h);
    assert_string_equal(host_verdicts(h, got), "hhhhh");
    assert_false(host_says(h, "passwd"));
}

/* The same without openat2(2), step by step. */
static void links_stay_inside_stepwise(void **state)
{
    static const struct {
        const char *link, *to, *open;
        bool there;
    } rows[] = {
        {"/a/abs", "/etc/real", "/a/abs", true},
        {"/a/rel", "../etc/real", "a/rel", true},
        {"/a/up", "../../../../../etc/real", "/a/up", true},
        {"/a/folder", "/etc", "/a/folder/../etc/./real", true},
        {"/a/out", "../../../../../../../../etc/passwd", "/a/out", false},
        {"/a/self", "self", "/a/self", false},
        {"/a/chain", "/a/folder/real", "/a/chain", true},
        {"/a/none", "/nowhere", "/a/none", false},
        {"/a/file", "/etc/real/", "/a/file/x", false},
    };
    struct host *h = *state;
    host_files(h, "== /etc/real\nx\n== /a/b\ny\n");
    KR_AUTO_FD int root = open(h->root, O_PATH | O_DIRECTORY);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s%s", h->root, rows[i].link);
        assert_int_equal(symlink(rows[i].to, path), 0);
        KR_AUTO_FD int fd = kr_mta_open_below(root, rows[i].open, O_RDONLY);
        if ((fd >= 0) != rows[i].there)
            fail_msg("%s -> %s: %d", rows[i].open, rows[i].to, errno);
    }
    KR_AUTO_FD int top = kr_mta_open_below(root, "..//.", O_RDONLY | O_DIRECTORY);
    assert_true(top >= 0);
    char back[128] = "", self[64];
    snprintf(self, sizeof self, "/proc/self/fd/%d", top);
    assert_true(readlink(self, back, sizeof back - 1) > 0);
    assert_string_equal(back, h->root);
}

static void compiled_map_is_older(void **state)
{
    struct host *h = *state;
    char path[128], got[KR_MTA_TOPICS + 1];
    const struct timespec old[2] = {{1000, 0}, {1000, 0}};
    host_files(h, MAIN "transport_maps = hash:/etc/postfix/transport\n" MASTER MAP "a smtp:\n");
    host_file(h, "/etc/postfix/transport.db", "x", 1);
    host_read(h);
    assert_string_equal(host_verdicts(h, got), "hhhhh");
    snprintf(path, sizeof path, "%s/etc/postfix/transport.db", h->root);
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    host_read(h);
    assert_string_equal(host_verdicts(h, got), "uhhhh");
    assert_true(host_says(h, "run postmap"));
}

static void many_findings(void **state)
{
    struct host *h = *state;
    struct kr_buf map = {0};
    for (int i = 0; i < 100000; i++)
        kr_buf_printf(&map, "d%d.example smtp:[203.0.113.9]:%d\n", i, i < 99000 ? 25 : 26);
    host_files(h, MAIN "transport_maps = texthash:/etc/postfix/transport\n" MASTER);
    host_file(h, "/etc/postfix/transport", map.s, map.len);
    kr_buf_free(&map);
    assert_int_equal(host_read(h), 0);
    assert_int_equal(h->found.count[KR_MTA_PORTS][KR_BROKEN], 1000);
    assert_true(host_says(h, "transport:99001"));
    assert_true(h->found.n_ways < 100);
}

static void servers_by_files(void **state)
{
    struct host *h = *state;
    host_files(h, "== /etc/smtpd.conf\n\n" EXIM "\n" MAIN "\n" LUA);
    host_read(h);
    assert_int_equal(h->found.n, 4);
    for (size_t i = 0; i < h->found.n; i++)
        assert_int_equal(h->found.v[i].pid, 0);
    assert_int_equal(h->found.count[KR_MTA_UNKNOWN][KR_IN_DOUBT], 0);
}

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* The list of processes is read once for all checks; this is what comes on top. */
static void two_thousand_processes(void **state)
{
    struct host *h = *state;
    struct kr_procs *p = h->scene.procs;
    double best = 1e9;
    p->v = kr_grow(p->v, &p->cap, 2000, sizeof *p->v);
    for (p->n = 0; p->n < 2000; p->n++)
        p->v[p->n] = (struct kr_proc){.pid = (pid_t)(4000000 + p->n), .netns = 1, .name = "worker"};
    host_files(h, MAIN "relayhost =\n" MASTER LUA EXIM BY_DNS SMTP);
    for (int i = 0; i < 5; i++) {
        double begin = cpu_ms();
        assert_int_equal(host_read(h), 0);
        best = cpu_ms() - begin < best ? cpu_ms() - begin : best;
    }
    print_message("# %.2f ms of CPU time\n", best);
    assert_true(best < (getenv("WRAP") && *getenv("WRAP") ? 500 : 20));
    kr_procs_free(p);
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, stop)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(postfix_main),
        T(postfix_master),
        T(postfix_maps),
        T(exim),

        T(files_that_are_none),
        T(links_stay_inside),
        T(links_stay_inside_stepwise),
        T(compiled_map_is_older),
        T(many_findings),
        T(servers_by_files),
        T(two_thousand_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Configuration that was damaged at random: whatever is made of it, nothing breaks and it ends. */
#include "../base/cmocka_all.h"
#include "mta.h"

#include <time.h>

#define ROUNDS 400
#define MOST_MS 3000

static const struct sample {
    const char *path, *text;
} samples[] = {
    {"/etc/postfix/main.cf",
     "a = ${b?{c}:{$d}}\nb = $(a) $$ ${a:{x}}\nrelayhost = [IPv6:2001:db8::1]:587, ${c} $d\n"
     "transport_maps = hash:$config_directory/transport, inline:{ {a=smtp:[b]:1}, c=d }\n"
     " unionmap:{static:{smtp:x:26}, pipemap:{proxy:regexp:/etc/postfix/re,fail:}}\n"
     "content_filter=lmtp:unix:x\nmulti_instance_directories = /etc/postfix /etc/two\n"},
    {"/etc/postfix/master.cf",
     "smtp unix - - y - - smtp\n -o { smtp_fallback_relay = [a]:1 } -o x=y\n"
     "uucp unix - n n - - pipe\n flags=F user=a argv=uux -r $nexthop\n"},
    {"/etc/postfix/transport", "a smtp:[b]:587\n# c\n d\n.e uucp:x\n"},
    {"/etc/postfix/re", "if /a\\/b/\n!/^c(.*)$/i smtp:[$1]:26\nendif\n"},
    {"/etc/exim4/exim4.conf",
     "A = x\nAB == A A\n.ifdef A\n.include /etc/exim4/more\n.else\nC=1\n.endif\n"
     ".include_if_exists /etc/exim4/exim4.conf\nbegin routers\nr:\n driver = manualroute\n"
     " transport = t\n route_list = * \"a::1:b\" byname ; c <; d;e ; *.x [2001:db8::1]:9\n"
     " route_data = ${lookup{$domain}partial-lsearch{/etc/exim4/hubs}}\nbegin transports\nt:\n"
     " driver = smtp\n hosts = <; a;b;;c\n port = A\\\n  B\n"},
    {"/etc/exim4/more", "D = AB\n.ifndef E\nE=D D D\n.endif\n"},
    {"/etc/exim4/hubs", "a: b::1\n c\n*.d <; x;y\n"},
    {"/opt/kumomta/etc/policy/init.lua",
     "x = { remote_port = 587, mx_list = { 'a:1', [[b]], {name=\"c\", addr='d'} } } -- e\n"
     "--[==[ f ]=] ]==] y['smtp_port'] = 26 .. z\nset('routing_domain', \"a\\\"b\")\n"
     "f '/opt/kumomta/etc/x.toml'\n"},
    {"/opt/kumomta/etc/x.toml", "[a.'b']\nmx_list = [\"\"\"a\n:1\"\"\", 'c']\nremote_port = 1\n"},
    {"/opt/kumomta/etc/x.json", "{\"mx_list\": [\"a:1\", {\"b\": \"c\"}], \"smtp_port\": 26}\n"},
};
#define N_SAMPLES (sizeof samples / sizeof *samples)

static uint64_t seed = 25;

static size_t below(size_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (size_t)(seed % n);
}

static const char signs[] = "{}[]()$:=,;\"'\\/<#-. \n\t\r";

/* One change: a byte, a sign, a part cut out, doubled or moved from somewhere else. */
static size_t change(char *s, size_t len, size_t room)
{
    size_t at = below(len + 1), n = below(12) + 1, from = below(len + 1);
    switch (below(5)) {
    case 0:
        if (at < len)
            s[at] = (char)below(256);
        return len;
    case 1:
        if (at < len)
            s[at] = signs[below(sizeof signs - 1)];
        return len;
    case 2:
        n = at + n < len ? n : len - at;
        memmove(s + at, s + at + n, len - at - n);
        return len - n;
    default:
        n = from + n < len ? n : len - from;
        if (len + n > room)
            return len;
        memmove(s + at + n, s + at, len - at);
        memmove(s + at, s + (from < at ? from : from + n < len ? from + n : from), n);
        return len + n;
    }
}

static void damage(const struct host *h, const struct sample *m)
{
    char text[4096] = "";
    size_t len = strlen(m->text);
    memcpy(text, m->text, len);
    for (size_t n = below(12); n > 0; n--)
        len = change(text, len, sizeof text);
    host_file(h, m->path, text, below(20) ? len : below(len + 1));
}

/* CPU time to bound what a reading may take; the wall clock to bound the test. */
static uint64_t ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void damaged(void **state)
{
    (void)state;
    struct host h;
    uint64_t begin = ms(CLOCK_MONOTONIC), longest = 0;
    size_t rounds = 0;
    host_init(&h);
    for (; rounds < ROUNDS && ms(CLOCK_MONOTONIC) - begin < MOST_MS; rounds++) {
        for (size_t i = 0; i < N_SAMPLES; i++)
            damage(&h, &samples[i]);
        uint64_t from = ms(CLOCK_PROCESS_CPUTIME_ID);
        assert_int_equal(host_read(&h), 0);
        longest = ms(CLOCK_PROCESS_CPUTIME_ID) - from > longest
                      ? ms(CLOCK_PROCESS_CPUTIME_ID) - from
                      : longest;
    }
    fprintf(stderr, "# %zu rounds, the longest %llu ms\n", rounds, (unsigned long long)longest);
    assert_true(rounds > 0);
    assert_true(longest < 2000);
    host_free(&h);
}

/* What grows by itself is cut off, and said. */
static void bombs(void **state)
{
    (void)state;
    struct host h;
    char text[8192] = "relayhost = $a0\n", *end = text + strlen(text);
    host_init(&h);
    for (int i = 0; i < 30; i++)
        end += sprintf(end, "a%d = $a%d$a%d$a%d$a%d x\n", i, i + 1, i + 1, i + 1, i + 1);
    host_file(&h, "/etc/postfix/main.cf", text, strlen(text));
    end = text;
    for (int i = 0; i < 40; i++)
        end += sprintf(end, "M%cX%d = %s\n", 'A' + i % 26, i, "MAX0 MAX0 MAX0 MAX0");
    strcpy(end, "begin routers\nr:\n driver=manualroute\n route_list=* MBX1 MCX2\n");
    host_file(&h, "/etc/exim4/exim4.conf", text, strlen(text));
    uint64_t from = ms(CLOCK_PROCESS_CPUTIME_ID);
    assert_int_equal(host_read(&h), 0);
    assert_true(ms(CLOCK_PROCESS_CPUTIME_ID) - from < 2000);
    host_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(damaged), cmocka_unit_test(bombs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

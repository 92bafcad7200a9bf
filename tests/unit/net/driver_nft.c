/* What tests/net/nft-equal.sh drives: one call of kr/nft_kernel.h in the namespace it is started
 * in, with a ruleset made here.
 *
 *   driver_nft text|load|replace|compare RULESET [NUMBER]
 *   driver_nft remove|counters|exists inet|netdev
 *   driver_nft chains
 *
 * RULESET: canonical (every term the tool uses, on eth0 and eth1), lan (NUMBER exempt prefixes),
 * map (NUMBER sink addresses), random (drawn from seed NUMBER), broken (asks for what is not
 * there: NUMBER 0 a device, 1 a counter, 2 a set). Exit status: 0 done or equal, 1 different, 4 an
 * error, which is printed as "error EXIT MESSAGE"; load and replace print microseconds. */
#include <kr/buf.h>
#include <kr/err.h>
#include <kr/nft_chains.h>
#include <kr/nft_kernel.h>
#include <kr/nft_rule.h>

#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rulesets.h"

static int failed(const struct kr_err *e)
{
    printf("error %d %s\n", (int)e->exit, e->msg);
    return 4;
}

static long now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

static const struct kr_nft_name ours[] = {{NFPROTO_INET, "kumo_redirect"},
                                          {NFPROTO_NETDEV, "kumo_redirect"}};

static int do_text(struct kr_nft *r)
{
    KR_AUTO_BUF struct kr_buf text = {0};
    kr_nft_text(r, &text);
    fputs(kr_buf_str(&text), stdout);
    return 0;
}

static int load(struct kr_nft *r, size_t n_old)
{
    struct kr_err e = {0};
    long from = now_us();
    if (kr_nft_load(r, ours, n_old, &e))
        return failed(&e);
    printf("%ld\n", now_us() - from);
    return 0;
}

static int do_load(struct kr_nft *r)
{
    return load(r, 0);
}

static int do_replace(struct kr_nft *r)
{
    return load(r, 2);
}

static int do_compare(struct kr_nft *r)
{
    KR_AUTO_BUF struct kr_buf diff = {0};
    struct kr_err e = {0};
    uint32_t gen = 0;
    int equal = kr_nft_compare(r, &diff, &gen, &e);
    if (equal < 0)
        return failed(&e);
    fputs(kr_buf_str(&diff), stdout);
    return equal == 1 && gen ? 0 : 1;
}

static int on_table(const char *what, const struct kr_nft_name *t)
{
    struct kr_err e = {0};
    struct kr_nft_count *counts = NULL;
    size_t n = 0;
    bool exists = false;
    if (strcmp(what, "remove") == 0)
        return kr_nft_load(NULL, t, 1, &e) ? failed(&e) : 0;
    if (kr_nft_exists(t, &exists, &e))
        return failed(&e);
    if (strcmp(what, "exists") == 0)
        return exists ? 0 : 1;
    if (kr_nft_counters(t, &counts, &n, &e))
        return failed(&e);
    for (size_t i = 0; i < n; i++)
        printf("%s %llu %llu\n", counts[i].name, (unsigned long long)counts[i].packets,
               (unsigned long long)counts[i].bytes);
    free(counts);
    return 0;
}

static int chains(void)
{
    struct kr_err e = {0};
    struct kr_nft_base *v = NULL;
    size_t n = 0;
    uint32_t gen = 0;
    if (kr_nft_chains(&v, &n, &gen, &e))
        return failed(&e);
    for (size_t i = 0; i < n; i++)
        printf("%d %s %s %s %u %d %s %s %u 0x%x\n", v[i].family, v[i].table, v[i].name, v[i].type,
               v[i].hook, v[i].priority, v[i].drop ? "drop" : "accept",
               *v[i].device ? v[i].device : "-", v[i].devices, v[i].table_flags);
    free(v);
    return gen ? 0 : 1;
}

static const struct {
    const char *name;
    int (*run)(struct kr_nft *r);
} actions[] = {
    {"text", do_text}, {"load", do_load}, {"replace", do_replace}, {"compare", do_compare}};

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "chains") == 0)
        return chains();
    for (size_t i = 0; argc > 2 && i < sizeof actions / sizeof *actions; i++) {
        if (strcmp(actions[i].name, argv[1]) != 0)
            continue;
        struct kr_nft *r = ruleset_by_name(argv[2], argc > 3 ? strtoul(argv[3], NULL, 10) : 0);
        int status = r ? actions[i].run(r) : 2;
        kr_nft_free(r);
        return status;
    }
    if (argc > 2)
        return on_table(argv[1], &ours[strcmp(argv[2], "netdev") == 0]);
    fprintf(stderr, "usage: driver_nft text|load|replace|compare RULESET [NUMBER]\n");
    return 2;
}

/*
 * What tests/net/checks-bpf.sh drives, in the namespace it is started in: every check of the group
 * "bpf", one line for each verdict and each piece of evidence.
 *
 *   driver_checks_bpf          "ID VERDICT", then "ID evidence VERDICT IFNAME HANDLE OBJECT:
 * DETAIL" driver_checks_bpf -t N     the group N times, "us MEDIAN" for all of it and for each
 * check
 */
#include <kr/err.h>
#include <kr/mem.h>
#include <kr/scene.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void print(const struct kr_check *c, const struct kr_result *r)
{
    printf("%s %s\n", c->id, kr_verdict_name(r->verdict));
    for (size_t i = 0; i < r->n; i++) {
        const struct kr_evidence *x = &r->v[i];
        printf("%s evidence %s %s %llu %s: %s\n", c->id, kr_verdict_name(x->verdict),
               *x->ifname ? x->ifname : "-", (unsigned long long)x->handle, x->object, x->detail);
    }
}

static void run_one(const struct kr_check *c, struct kr_scene *s, bool quiet)
{
    struct kr_result r = {0};
    struct kr_err e = {0};
    if (c->run(s, &r, &e))
        kr_result_add(&r, KR_IN_DOUBT, "the check itself", "%s", e.msg);
    if (!quiet)
        print(c, &r);
    kr_result_free(&r);
}

static long now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

static int by_value(const void *a, const void *b)
{
    const long *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The devices are read before the clock starts: verify reads them for all groups. */
static void measure(size_t times)
{
    const size_t n = kr_checks_bpf.n;
    long *us = kr_calloc((n + 1) * times, sizeof *us);
    for (size_t k = 0; k < times; k++) {
        struct kr_scene s = {0};
        struct kr_err e;
        kr_scene_view(&s, &e);
        for (size_t i = 0; i < n; i++) {
            long begin = now_us();
            run_one(&kr_checks_bpf.v[i], &s, true);
            us[i * times + k] = now_us() - begin;
            us[n * times + k] += us[i * times + k];
        }
        kr_scene_forget(&s);
    }
    for (size_t i = 0; i <= n; i++) {
        qsort(us + i * times, times, sizeof *us, by_value);
        printf("us %ld %s\n", us[i * times + times / 2], i < n ? kr_checks_bpf.v[i].id : "all");
    }
    free(us);
}

int main(int argc, char **argv)
{
    struct kr_scene s = {0};
    if (argc == 3 && strcmp(argv[1], "-t") == 0) {
        measure((size_t)atol(argv[2]));
        return 0;
    }
    for (size_t i = 0; i < kr_checks_bpf.n; i++)
        run_one(&kr_checks_bpf.v[i], &s, false);
    kr_scene_forget(&s);
    return 0;
}

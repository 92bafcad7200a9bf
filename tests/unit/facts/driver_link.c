/*
 * What tests/net/checks-link.sh drives: runs the checks of the group "link" in this namespace.
 *
 *   driver_link [-ltn] [-u UPLINK[,UPLINK...]] [-p PORT] [-s FILE]
 *       Prints a line "ID VERDICT" for each check and, below it, "  VERDICT OBJECT: DETAIL
 *       [dev=NAME] [pid=N]". The plan's uplinks are those found now, or those named.
 *       -l: only lists the checks.
 *       -n: the fence was waived.
 *       -t: prints instead how many microseconds each took, and all together; and of these, how
 * many a processor was at work for it. -s FILE: the uplinks are read, FILE is made, and the checks
 * run once FILE.go is there.
 */
#include <kr/err.h>
#include <kr/mem.h>
#include <kr/netview.h>
#include <kr/scene.h>
#include <kr/strlist.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double worked(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void fail(const struct kr_err *e)
{
    printf("error %d %s\n", (int)e->exit, e->msg);
    exit((int)e->exit);
}

static void plan(char *names, struct kr_uplinks *out)
{
    struct kr_netview v;
    struct kr_strlist only = {0};
    struct kr_err e = {0};
    for (char *s = names ? strtok(names, ",") : NULL; s; s = strtok(NULL, ","))
        kr_strlist_add(&only, s);
    if (kr_netview_read(&v, &e) || kr_uplinks_find(&v, &only, "kumo-hole0", out, &e))
        fail(&e);
    kr_netview_free(&v);
    kr_strlist_free(&only);
}

static void wait_for(const char *file)
{
    char go[256];
    snprintf(go, sizeof go, "%s.go", file);
    close(open(file, O_CREAT | O_WRONLY, 0600));
    for (int i = 0; access(go, F_OK) && i < 10000; i++)
        poll(NULL, 0, 1);
}

static void show(const struct kr_check *c, const struct kr_result *r, const struct kr_err *e)
{
    enum kr_verdict v = e->exit && r->verdict == KR_HOLDS ? KR_IN_DOUBT : r->verdict;
    printf("%s %s\n", c->id, kr_verdict_name(v));
    for (size_t i = 0; i < r->n; i++) {
        const struct kr_evidence *x = &r->v[i];
        printf("  %s %s: %s", kr_verdict_name(x->verdict), x->object, x->detail);
        printf(*x->ifname ? " dev=%s" : "%s", x->ifname);
        printf(x->pid ? " pid=%d\n" : "\n", (int)x->pid);
    }
    if (e->exit)
        printf("  unknown error: %s\n", e->msg);
}

static void run(struct kr_scene *s, bool timed)
{
    double begin = now(), work = worked();
    for (size_t i = 0; i < kr_checks_link.n; i++) {
        const struct kr_check *c = &kr_checks_link.v[i];
        struct kr_result r = {0};
        struct kr_err e = {0};
        double t = now(), w = worked();
        if (c->run(s, &r, &e) && !e.exit)
            e.exit = KR_INTERNAL;
        if (timed)
            printf("%-18s %8.0f us %8.0f us\n", c->id, now() - t, worked() - w);
        else
            show(c, &r, &e);
        kr_result_free(&r);
    }
    if (timed)
        printf("%-18s %8.0f us %8.0f us\n", "all", now() - begin, worked() - work);
}

static int list(void)
{
    for (size_t i = 0; i < kr_checks_link.n; i++)
        puts(kr_checks_link.v[i].id);
    return 0;
}

int main(int argc, char **argv)
{
    struct kr_uplinks uplinks;
    uint16_t ports[1] = {25};
    const char *step = NULL;
    char *names = NULL;
    bool timed = false, no_fence = false;
    int c;
    while ((c = getopt(argc, argv, "ltnu:p:s:")) != -1)
        if (c == 'u')
            names = optarg;
        else if (c == 'p')
            ports[0] = (uint16_t)atoi(optarg);
        else if (c == 's')
            step = optarg;
        else if (c == 'l')
            return list();
        else if (c == 't')
            timed = true;
        else if (c == 'n')
            no_fence = true;
        else
            return KR_USAGE;
    plan(names, &uplinks);
    if (step)
        wait_for(step);
    struct kr_scene s = {.table = "kumo_redirect",
                         .uplinks = &uplinks,
                         .ports = ports,
                         .n_ports = 1,
                         .n_redirected = 1,
                         .no_fence = no_fence,
                         .standing = true};
    run(&s, timed);
    kr_scene_forget(&s);
    kr_uplinks_free(&uplinks);
    return 0;
}

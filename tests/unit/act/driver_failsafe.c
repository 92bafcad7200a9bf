/* Drives kr_failsafe_* from a shell test: driver_failsafe apply|check|remove|present|text
 * [options].
 */
#include <kr/buf.h>
#include <kr/err.h>
#include <kr/failsafe.h>
#include <kr/mem.h>
#include <kr/origin.h>
#include <kr/strlist.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct job {
    struct kr_failsafe f;
    struct kr_strlist lan;
    struct kr_lan exempt;
    const char *fill; /* DEVICE:N */
    bool allow_gateway, no_hole;
};

static int fail(const struct kr_err *e)
{
    fprintf(stderr, "%s\n", e->msg);
    return (int)e->exit;
}

static void take_option(struct job *j, const char *name, const char *value)
{
    struct kr_err e = {0};
    if (strcmp(name, "--port") == 0)
        j->f.ports[j->f.n_ports++] = (uint16_t)atoi(value);
    else if (strcmp(name, "--lan") == 0)
        kr_strlist_add(&j->lan, value);
    else if (strcmp(name, "--fill") == 0)
        j->fill = value;
    else if (strcmp(name, "--local") == 0 &&
             kr_prefix_parse(value, &j->f.local[j->f.n_local++], &e))
        exit(fail(&e));
}

static void parse(struct job *j, int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--no-hole") == 0)
            j->no_hole = true;
        else if (strcmp(argv[i], "--allow-gateway") == 0)
            j->allow_gateway = true;
        else if (i + 1 < argc) {
            take_option(j, argv[i], argv[i + 1]);
            i++;
        }
    }
    if (!j->f.n_ports)
        j->f.ports[j->f.n_ports++] = 25;
}

/* N more exemptions, 10.A.B.0/24, on a device. */
static void fill(struct job *j, const struct kr_netview *v)
{
    char name[IFNAMSIZ] = "";
    unsigned n = 0;
    if (!j->fill || sscanf(j->fill, "%15[^:]:%u", name, &n) != 2)
        return;
    const struct kr_link *l = kr_netview_link_named(v, name);
    for (unsigned i = 0; l && i < n; i++) {
        const uint8_t raw[4] = {10, (uint8_t)(i >> 8), (uint8_t)i, 0};
        const struct kr_addr a = kr_addr_make(AF_INET, raw);
        j->exempt.v = kr_grow(j->exempt.v, &j->exempt.cap, j->exempt.n + 1, sizeof *j->exempt.v);
        struct kr_exempt *x = &j->exempt.v[j->exempt.n++];
        memset(x, 0, sizeof *x);
        x->prefix = kr_prefix_make(&a, 120);
        x->index = l->index;
        memcpy(x->ifname, l->name, sizeof x->ifname);
    }
}

static int prepare(struct job *j, struct kr_err *e)
{
    struct kr_netview v;
    struct kr_origin o;
    if (kr_origin_find(&o, e) || kr_netview_read(&v, e))
        return -1;
    int bad = kr_lan_find(&v, &j->lan, KR_HOLE_NAME, j->f.local, j->f.n_local, j->allow_gateway,
                          &j->exempt, e);
    if (!bad)
        fill(j, &v);
    kr_netview_free(&v);
    j->f.lan = &j->exempt;
    j->f.hole4 = o.has4 && !j->no_hole;
    j->f.hole6 = o.has6 && !j->no_hole;
    j->f.source4 = o.source4;
    j->f.source6 = o.source6;
    return bad;
}

static int do_apply(struct job *j, struct kr_err *e)
{
    char kind[16];
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    if (kr_failsafe_apply(&j->f, kind, e))
        return -1;
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf("applied kind=%s us=%ld\n", kind,
           (b.tv_sec - a.tv_sec) * 1000000L + (b.tv_nsec - a.tv_nsec) / 1000);
    return 0;
}

static int do_check(struct job *j, struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf diff = {0};
    int holds = kr_failsafe_check(&j->f, &diff, e);
    if (holds < 0)
        return -1;
    printf("%d\n%s", holds, kr_buf_str(&diff));
    return 0;
}

static int do_text(struct job *j, struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf out = {0};
    (void)e;
    kr_failsafe_text(&j->f, &out);
    fputs(kr_buf_str(&out), stdout);
    return 0;
}

static int do_remove(struct job *j, struct kr_err *e)
{
    (void)j;
    return kr_failsafe_remove(e);
}

static int do_present(struct job *j, struct kr_err *e)
{
    struct kr_netview v;
    (void)j;
    if (kr_netview_read(&v, e))
        return -1;
    printf("%d\n", kr_failsafe_present(&v));
    kr_netview_free(&v);
    return 0;
}

static const struct {
    const char *name;
    int (*run)(struct job *j, struct kr_err *e);
    bool plain;
} commands[] = {{"apply", do_apply, false},
                {"check", do_check, false},
                {"text", do_text, false},
                {"remove", do_remove, true},
                {"present", do_present, true}};

int main(int argc, char **argv)
{
    struct job j = {0};
    struct kr_err e = {0};
    int status = KR_USAGE;
    parse(&j, argc, argv);
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, argv[1]) == 0)
            status =
                (!commands[i].plain && prepare(&j, &e)) || commands[i].run(&j, &e) ? fail(&e) : 0;
    kr_lan_free(&j.exempt);
    kr_strlist_free(&j.lan);
    return status;
}

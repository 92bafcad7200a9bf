#include "checks_bpf.h"

#include <kr/bpf.h>
#include <kr/err.h>
#include <kr/xdp.h>

#define MOST_OWNERS 8

static void one_device(struct kr_result *r, const struct kr_bpf *b, const struct kr_xdp *x)
{
    const struct {
        uint32_t id;
        const char *mode;
    } modes[] = {{x->native, "in the driver"},
                 {x->generic, "in the generic way"},
                 {x->offloaded, "in the device itself"}};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (modes[i].id)
            kr_add_device(r, KR_BROKEN, x->name, modes[i].id, "runs XDP program %s %s",
                          kr_prog_text(b, modes[i].id).s, modes[i].mode);
    if (x->odd)
        kr_add_device(r, KR_BROKEN, x->name, 0, "runs an XDP program (the kernel names no id)");
}

static bool is_here(const struct kr_xdps *x, uint32_t id)
{
    for (size_t i = 0; i < x->n; i++)
        if (x->v[i].native == id || x->v[i].generic == id || x->v[i].offloaded == id)
            return true;
    return false;
}

/* A device map keeps the devices of the namespace whose process filled it (kernel/bpf/devmap.c), so
 * a program on a device elsewhere reaches ours. bpf_redirect() by number stays in its own. */
static void elsewhere(struct kr_result *r, const struct kr_bpf *b, const struct kr_xdps *x)
{
    size_t harmless = 0;
    for (size_t i = 0; i < b->n_progs; i++) {
        const struct kr_bpf_prog *p = &b->progs[i];
        if (p->type != BPF_PROG_TYPE_XDP || is_here(x, p->id))
            continue;
        if (p->devmap)
            kr_result_add(r, KR_IN_DOUBT, "another network namespace",
                          "XDP program %s is on no device here, but its maps may name devices "
                          "of this namespace",
                          kr_prog_text(b, p->id).s)
                ->handle = p->id;
        else
            harmless++;
    }
    if (harmless)
        kr_result_add(r, KR_HOLDS, "other network namespaces",
                      "%zu XDP programs without a device map, on no device here", harmless);
}

int kr_check_xdp_programs(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    struct kr_xdps x;
    if (kr_xdp_read(&x, e))
        return -1;
    const struct kr_bpf *b = kr_scene_bpf(s, e);
    for (size_t i = 0; i < x.n; i++)
        one_device(r, b, &x.v[i]);
    if (x.n == 0)
        kr_result_add(r, KR_HOLDS, "every device", "none of %zu runs an XDP program", x.links);
    if (b)
        elsewhere(r, b, &x);
    kr_xdp_free(&x);
    return b ? 0 : -1;
}

int kr_check_xdp_sockets(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    struct kr_xsk_owner owners[MOST_OWNERS];
    size_t n;
    bool absent;
    (void)s;
    if (kr_xsk_count(&n, &absent, e))
        return -1;
    if (absent)
        kr_result_add(r, KR_HOLDS, "this kernel", "has no AF_XDP: a socket gives EAFNOSUPPORT");
    else if (n == 0)
        kr_result_add(r, KR_HOLDS, "this network namespace",
                      "AF_XDP sockets in use, as the kernel counts: 0");
    if (n == 0)
        return 0;
    kr_result_add(r, KR_BROKEN, "this network namespace",
                  "AF_XDP sockets in use, as the kernel counts: %zu", n);
    size_t found = kr_xsk_owners(owners, MOST_OWNERS);
    for (size_t i = 0; i < found; i++)
        kr_result_add(r, KR_BROKEN, owners[i].name,
                      "holds an AF_XDP socket (of this or another network namespace)")
            ->pid = owners[i].pid;
    return 0;
}

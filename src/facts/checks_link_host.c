/* Checks of what sends without this host's network stack: sysfs(5), and what the kernel itself has.
 */
#include "links.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/xfrm.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH 512

static bool is_there(const char *root, const char *path)
{
    char full[PATH];
    snprintf(full, sizeof full, "%s%s", root, path);
    return access(full, F_OK) == 0;
}

/* The first word of a file; "" when it can't be read. */
static void read_word(const char *path, char out[static 64])
{
    KR_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, out, 63);
    out[n > 0 ? n : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
}

/* Calls each() for every entry; a folder that is not there has none. */
typedef int (*each_fn)(const char *folder, const char *name, void *arg, struct kr_err *e);
static int for_each(const char *folder, each_fn each, void *arg, struct kr_err *e)
{
    const struct dirent *entry;
    int bad = 0;
    DIR *d = opendir(folder);
    if (!d)
        return errno == ENOENT ? 0 : kr_fail(e, KR_UNKNOWN, errno, "%s", folder);
    while (!bad && (errno = 0, entry = readdir(d)))
        if (entry->d_name[0] != '.')
            bad = each(folder, entry->d_name, arg, e);
    if (!bad && errno)
        bad = kr_fail(e, KR_UNKNOWN, errno, "%s", folder);
    closedir(d);
    return bad;
}

/* ---- devices that were handed out --------------------------------------------------------------
 */

struct handed {
    struct kr_result *r;
    const char *root, *driver;
    bool virtual_functions; /* only these, or only the others */
    bool ours;              /* somebody here could use them */
};

static bool hands_out(const char *driver)
{
    static const char *const known[] = {"uio_pci_generic", "igb_uio",        "pci-stub",
                                        "pciback",         "uio_hv_generic", "vhost_vdpa"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i], driver) == 0)
            return true;
    return strstr(driver, "vfio") != NULL;
}

/* Network controllers (02xxxx) and InfiniBand as a serial bus (0c06xx); an unreadable class is one
 * by prudence. */
static bool is_network(const char *class)
{
    return !*class || strncmp(class, "0x02", 4) == 0 || strncmp(class, "0x0c06", 6) == 0;
}

static int on_device(const char *folder, const char *name, void *arg, struct kr_err *e)
{
    const struct handed *h = arg;
    char path[PATH], class[64];
    (void)e;
    if (!strchr(name, ':') && !strchr(name, '-') && strncmp(name, "vdpa", 4) != 0)
        return 0; /* bind, new_id and their like */
    snprintf(path, sizeof path, "%.300s/%.100s/class", folder, name);
    read_word(path, class);
    snprintf(path, sizeof path, "%.300s/%.100s/physfn", folder, name);
    if (!is_network(class) || (access(path, F_OK) == 0) != h->virtual_functions)
        return 0;
    kr_result_add(h->r, h->ours ? KR_BROKEN : KR_HOLDS, name,
                  h->ours ? "bound to %s: whoever holds it sends without this host's network stack"
                          : "bound to %s on this machine; this container can't reach it",
                  h->driver);
    return 0;
}

static int on_driver(const char *folder, const char *name, void *arg, struct kr_err *e)
{
    struct handed *h = arg;
    char path[PATH];
    if (!hands_out(name))
        return 0;
    h->driver = name;
    snprintf(path, sizeof path, "%.300s/%.100s", folder, name);
    return for_each(path, on_device, h, e);
}

static int list_handed(struct handed *h, struct kr_err *e)
{
    static const char *const buses[] = {"pci", "vmbus", "vdpa"};
    if (!is_there(h->root, "/sys/bus"))
        return kr_fail(e, KR_UNKNOWN, 0, "%s/sys/bus is not there: devices can't be looked at",
                       h->root);
    for (size_t i = 0; i < sizeof buses / sizeof *buses; i++) {
        char path[PATH];
        snprintf(path, sizeof path, "%s/sys/bus/%s/drivers", h->root, buses[i]);
        if (for_each(path, on_driver, h, e))
            return -1;
    }
    return 0;
}

static int on_group(const char *folder, const char *name, void *arg, struct kr_err *e)
{
    (void)folder;
    (void)e;
    *(bool *)arg |= isdigit((unsigned char)*name) || strncmp(name, "noiommu", 7) == 0;
    return 0;
}

/* In a container the devices of the machine show, though nobody there can open them. */
static bool can_be_opened(const char *root)
{
    char path[PATH];
    bool groups = false;
    snprintf(path, sizeof path, "%s/dev/vfio", root);
    return for_each(path, on_group, &groups, NULL) || groups || is_there(root, "/dev/uio0") ||
           is_there(root, "/dev/vhost-vdpa-0");
}

static int check_handed(struct kr_scene *s, bool virtual_functions, struct kr_result *r,
                        struct kr_err *e)
{
    const struct kr_linkscan *l = kr_links_spaces(s, e);
    if (!l)
        return -1;
    struct handed h = {.r = r, .root = "", .virtual_functions = virtual_functions};
    h.ours = l->spaces.first || can_be_opened("");
    return list_handed(&h, e);
}

int kr_check_vfio(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    return check_handed(s, false, r, e);
}

static void count_functions(const struct kr_space *x, struct kr_result *r)
{
    for (size_t i = 0; i < x->view.n; i++) {
        const struct kr_far_link *l = &x->view.v[i];
        if (!l->vfs)
            continue;
        struct kr_evidence *v = kr_result_add(
            r, KR_HOLDS, l->link.name,
            "has %u virtual functions: a device of its own each, unless handed out", l->vfs);
        memcpy(v->ifname, l->link.name, sizeof v->ifname);
    }
}

int kr_check_sriov(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    if (check_handed(s, true, r, e))
        return -1;
    count_functions(&s->links->spaces.here, r);
    for (size_t i = 0; i < s->links->spaces.n; i++)
        count_functions(&s->links->spaces.v[i], r);
    return 0;
}

/* ---- RDMA and SMC ------------------------------------------------------------------------------
 */

struct ports {
    struct kr_result *r;
    const char *device;
    bool usable;
};

static int on_port(const char *folder, const char *name, void *arg, struct kr_err *e)
{
    const struct ports *p = arg;
    char path[PATH], state[64], object[160];
    (void)e;
    snprintf(path, sizeof path, "%.300s/%.100s/state", folder, name);
    read_word(path, state);
    if (*state && strncmp(state, "4:", 2) != 0 && strncmp(state, "5:", 2) != 0)
        return 0; /* neither ACTIVE nor ACTIVE_DEFER (enum ib_port_state) */
    snprintf(object, sizeof object, "%.100s port %.20s", p->device, name);
    kr_result_add(p->r, p->usable ? KR_IN_DOUBT : KR_HOLDS, object,
                  p->usable ? "active: programs can send by it without this host's network stack"
                            : "active, but no program here can open it (no /dev/infiniband)");
    return 0;
}

static int on_rdma(const char *folder, const char *name, void *arg, struct kr_err *e)
{
    struct ports *p = arg;
    char path[PATH];
    p->device = name;
    snprintf(path, sizeof path, "%.300s/%.100s/ports", folder, name);
    return for_each(path, on_port, p, e);
}

static int list_rdma(const char *root, struct kr_result *r, struct kr_err *e)
{
    char path[PATH];
    struct ports p = {.r = r, .usable = is_there(root, "/dev/infiniband")};
    snprintf(path, sizeof path, "%s/sys/class/infiniband", root);
    return for_each(path, on_rdma, &p, e);
}

/* "SMC        1024      3      -1   NI ..." */
static bool smc_line(const char *line, struct kr_result *r)
{
    char name[16];
    unsigned sockets;
    if (sscanf(line, "%15s %*u %u", name, &sockets) != 2 || strncmp(name, "SMC", 3) != 0 ||
        !sockets)
        return false;
    kr_result_add(r, KR_HOLDS, name,
                  "%u sockets: they begin with a TCP connection, which meets the guards", sockets);
    return true;
}

/* Calls on_line for each line of a file that need not be there. */
static int for_lines(const char *path, bool (*on_line)(const char *, struct kr_result *),
                     struct kr_result *r, struct kr_err *e)
{
    KR_AUTO_FREE char *line = NULL;
    size_t cap = 0;
    FILE *in = fopen(path, "re");
    if (!in)
        return errno == ENOENT ? 0 : kr_fail(e, KR_UNKNOWN, errno, "%s", path);
    while (getline(&line, &cap, in) > 0)
        on_line(line, r);
    int bad = ferror(in);
    fclose(in);
    return bad ? kr_fail(e, KR_UNKNOWN, 0, "%s can't be read", path) : 0;
}

int kr_check_rdma(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    (void)s;
    return list_rdma("", r, e) ? -1 : for_lines("/proc/thread-self/net/protocols", smc_line, r, e);
}

/* ---- the kernel's own senders ------------------------------------------------------------------
 */

static const struct {
    const char *name, *what;
    enum kr_verdict verdict;
} modules[] = {
    {"pktgen", "it sends UDP only", KR_HOLDS},
    {"netconsole", "it sends UDP only", KR_HOLDS},
    {"chtls", "it moves TCP connections into the network card", KR_IN_DOUBT},
    {"t4_tom", "it moves TCP connections into the network card", KR_IN_DOUBT},
    {"toecore", "it moves TCP connections into the network card", KR_IN_DOUBT},
};

static bool module_line(const char *line, struct kr_result *r)
{
    size_t n = strcspn(line, " \n");
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
        if (strlen(modules[i].name) == n && strncmp(modules[i].name, line, n) == 0) {
            kr_result_add(r, modules[i].verdict, modules[i].name, "%s", modules[i].what);
            return true;
        }
    return false;
}

int kr_check_kernel_senders(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    (void)s;
    return for_lines("/proc/modules", module_line, r, e);
}

int kr_check_xfrm(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    struct kr_xfrm x;
    (void)s;
    if (kr_xfrm_read(&x, e))
        return -1;
    if (x.out_tcp)
        kr_result_add(r, KR_HOLDS, "IPsec policies",
                      "%zu may transform TCP: it meets the output guard before that", x.out_tcp);
    if (x.offloaded)
        kr_result_add(r, KR_IN_DOUBT, "IPsec in hardware",
                      "%zu policies and states are handed to device %u whole", x.offloaded,
                      x.device);
    return 0;
}

#include <kr/bpf_cgroup.h>

#include <kr/bpf.h>
#include <kr/buf.h>
#include <kr/err.h>
#include <kr/mem.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#define MOST 100000   /* cgroups */
#define AT_ONE 512    /* programs of one kind: 64 can be attached at each level */
#define MOST_KINDS 32 /* bits of `unknown` */

struct walk {
    int root;
    const uint32_t *attach;
    size_t n_attach;
    uint32_t unknown; /* a bit for each of them that this kernel does not know */
    struct kr_cgroups *out;
    char **todo; /* paths still to be asked; descriptors would be too many */
    size_t n_todo, cap_todo;
};

static void found(struct walk *w, const char *path, uint32_t attach, uint32_t prog)
{
    struct kr_cgroups *out = w->out;
    out->v = kr_grow(out->v, &out->cap, out->n + 1, sizeof *out->v);
    out->v[out->n++] = (struct kr_cgroup_prog){kr_strdup(path), attach, prog};
}

/* A folder whose cgroup is gone answers ENODEV or ENOENT. */
static bool is_gone(int err)
{
    return err == ENODEV || err == ENOENT;
}

static int ask_one(struct walk *w, const char *path, int fd, bool root, struct kr_err *e)
{
    uint32_t ids[AT_ONE];
    for (size_t i = 0; i < w->n_attach; i++) {
        if (w->unknown & 1u << i)
            continue;
        int got =
            kr_bpf_query((uint32_t)fd, w->attach[i], root ? BPF_F_QUERY_EFFECTIVE : 0, ids, AT_ONE);
        if (root && got == -EINVAL)
            w->unknown |= 1u << i;
        else if (got < 0 && (root || !is_gone(-got)))
            return kr_fail(e, KR_UNKNOWN, -got, "programs on cgroup %s", path);
        for (int k = 0; k < got; k++)
            found(w, path, w->attach[i], ids[k]);
    }
    w->out->seen++;
    return 0;
}

static void add(struct walk *w, const char *above, const char *name)
{
    struct kr_buf path = {0};
    kr_buf_printf(&path, "%s/%s", above[1] ? above : "", name);
    w->todo = kr_grow(w->todo, &w->cap_todo, w->n_todo + 1, sizeof *w->todo);
    w->todo[w->n_todo++] = path.s;
}

/* getdents64(2), since what opendir(3) does besides takes longer than the reading. */
static int add_children(struct walk *w, const char *path, int fd, struct kr_err *e)
{
    _Alignas(struct dirent64) char buf[8192];
    ssize_t n;
    while ((n = getdents64(fd, buf, sizeof buf)) > 0)
        for (ssize_t at = 0; at < n;) {
            const struct dirent64 *d = (const void *)(buf + at);
            if (d->d_type == DT_DIR && strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
                add(w, path, d->d_name);
            at += d->d_reclen;
        }
    return n < 0 && !is_gone(errno) ? kr_fail(e, KR_UNKNOWN, errno, "reading cgroup %s", path) : 0;
}

static int one(struct walk *w, const char *path, struct kr_err *e)
{
    bool root = path[1] == '\0';
    KR_AUTO_FD int fd =
        openat(w->root, root ? "." : path + 1, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && !root && is_gone(errno))
        return 0;
    if (fd < 0)
        return kr_fail(e, KR_UNKNOWN, errno, "cgroup %s", path);
    if (w->out->seen == MOST)
        return kr_fail(e, KR_UNKNOWN, 0, "more than %d cgroups", MOST);
    if (ask_one(w, path, fd, root, e))
        return -1;
    if (root && w->unknown == (uint32_t)((1ull << w->n_attach) - 1)) {
        w->out->absent = true;
        return 0;
    }
    return add_children(w, path, fd, e);
}

static int walk(struct walk *w, struct kr_err *e)
{
    int bad = 0;
    add(w, "/", "");
    while (w->n_todo) {
        KR_AUTO_FREE char *path = w->todo[--w->n_todo];
        if (!bad)
            bad = one(w, path, e);
    }
    free(w->todo);
    return bad;
}

int kr_cgroups_read_at(int root, const uint32_t *attach, size_t n_attach, struct kr_cgroups *out,
                       struct kr_err *e)
{
    struct walk w = {.root = root, .attach = attach, .n_attach = n_attach, .out = out};
    memset(out, 0, sizeof *out);
    if (n_attach > MOST_KINDS)
        return kr_fail(e, KR_INTERNAL, 0, "%zu kinds of attachment", n_attach);
    /* The true root alone has no type (kernel/cgroup/cgroup.c, CFTYPE_NOT_ON_ROOT). */
    out->partial = faccessat(root, "cgroup.type", F_OK, 0) == 0;
    if (walk(&w, e) == 0)
        return 0;
    kr_cgroups_free(out);
    return -1;
}

static int open_mounted(void)
{
    static const char *const usual[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        struct statfs s;
        int fd = open(usual[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0 && fstatfs(fd, &s) == 0 && s.f_type == CGROUP2_SUPER_MAGIC)
            return fd;
        kr_close_fd(&fd);
    }
    return -1;
}

/* The hierarchy is there whether it is mounted or not. Returns a descriptor, or -1 with errno. */
static int mount_for_us(void)
{
    KR_AUTO_FD int fs = fsopen("cgroup2", FSOPEN_CLOEXEC);
    if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
        return -1;
    KR_AUTO_FD int mount =
        fsmount(fs, FSMOUNT_CLOEXEC,
                MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY);
    return mount < 0 ? -1 : openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int kr_cgroups_read(const uint32_t *attach, size_t n_attach, struct kr_cgroups *out,
                    struct kr_err *e)
{
    KR_AUTO_FD int root = mount_for_us();
    memset(out, 0, sizeof *out);
    if (root < 0 && errno == ENODEV) {
        out->absent = true;
        return 0;
    }
    int why = errno;
    if (root < 0)
        root = open_mounted();
    if (root < 0)
        return kr_fail(e, KR_UNKNOWN, why, "cgroup2 is not mounted, nor can it be");
    return kr_cgroups_read_at(root, attach, n_attach, out, e);
}

void kr_cgroups_free(struct kr_cgroups *c)
{
    for (size_t i = 0; i < c->n; i++)
        free(c->v[i].path);
    free(c->v);
    memset(c, 0, sizeof *c);
}

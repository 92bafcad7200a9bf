#include <kr/bpf.h>

#include <kr/err.h>
#include <kr/mem.h>

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST_MAPS 256 /* of one program (the verifier allows 64) */
#define TRIES 8       /* for a link that is being made */

static long call_kernel(int cmd, union bpf_attr *a, unsigned size)
{
    return syscall(SYS_bpf, cmd, a, size);
}
long (*kr_bpf_call)(int cmd, union bpf_attr *a, unsigned size) = call_kernel;
const char *kr_bpf_sysctl = "/proc/sys/kernel/unprivileged_bpf_disabled";

/* Returns what the kernel returns, or a negative errno value. */
static int ask(int cmd, union bpf_attr *a)
{
    long got = kr_bpf_call(cmd, a, sizeof *a);
    return got < 0 ? -errno : (int)got;
}

int kr_bpf_query(uint32_t target, uint32_t attach, uint32_t flags, uint32_t *ids, size_t max)
{
    void *out = ids;
    union bpf_attr a = {.query = {.target_fd = target,
                                  .attach_type = attach,
                                  .query_flags = flags,
                                  .prog_ids = (uintptr_t)out,
                                  .prog_cnt = (uint32_t)max}};
    int got = ask(BPF_PROG_QUERY, &a);
    if (got < 0)
        return got;
    return a.query.prog_cnt > max ? -ENOSPC : (int)a.query.prog_cnt;
}

/* The next id after `id`, 0 at the end, or a negative errno value. */
static int next_id(int cmd, uint32_t id, uint32_t *next)
{
    union bpf_attr a = {.start_id = id};
    int got = ask(cmd, &a);
    *next = got < 0 ? 0 : a.next_id;
    if (got == -ENOENT)
        return 0;
    return got < 0 ? got : *next > id ? 0 : -EPROTO;
}

static int open_id(int cmd, uint32_t id)
{
    for (int tries = 0;; tries++) {
        union bpf_attr a = {.prog_id = id};
        int fd = ask(cmd, &a);
        if (fd != -EAGAIN || tries == TRIES)
            return fd;
    }
}

static int info(int fd, void *out, size_t len)
{
    union bpf_attr a = {
        .info = {.bpf_fd = (uint32_t)fd, .info_len = (uint32_t)len, .info = (uintptr_t)out}};
    return ask(BPF_OBJ_GET_INFO_BY_FD, &a);
}

static bool map_is_devmap(uint32_t id)
{
    struct bpf_map_info m = {0};
    KR_AUTO_FD int fd = open_id(BPF_MAP_GET_FD_BY_ID, id);
    if (fd < 0 || info(fd, &m, sizeof m))
        return true;
    return m.type == BPF_MAP_TYPE_DEVMAP || m.type == BPF_MAP_TYPE_DEVMAP_HASH ||
           m.type == BPF_MAP_TYPE_PROG_ARRAY || m.type == BPF_MAP_TYPE_ARRAY_OF_MAPS ||
           m.type == BPF_MAP_TYPE_HASH_OF_MAPS;
}

/* Other programs behind a program array, and maps behind a map of maps, are not followed. */
static bool uses_devmap(int fd)
{
    uint32_t ids[MOST_MAPS] = {0};
    struct bpf_prog_info p = {.nr_map_ids = MOST_MAPS, .map_ids = (uintptr_t)ids};
    if (info(fd, &p, sizeof p) || p.nr_map_ids > MOST_MAPS)
        return true;
    for (uint32_t i = 0; i < p.nr_map_ids; i++)
        if (map_is_devmap(ids[i]))
            return true;
    return false;
}

struct reading {
    struct kr_bpf *out;
    size_t cap_progs, cap_links;
};

static int add_prog(struct reading *r, uint32_t id, int fd)
{
    struct bpf_prog_info p = {0};
    struct kr_bpf *out = r->out;
    int got = info(fd, &p, sizeof p);
    if (got)
        return got;
    struct kr_bpf_prog x = {.id = id, .type = p.type};
    memcpy(x.name, p.name, sizeof x.name - 1);
    for (char *s = x.name; *s; s++)
        if (!isprint((unsigned char)*s))
            *s = '?';
    x.devmap = p.type == BPF_PROG_TYPE_XDP && uses_devmap(fd);
    out->progs = kr_grow(out->progs, &r->cap_progs, out->n_progs + 1, sizeof x);
    out->progs[out->n_progs++] = x;
    return 0;
}

static int add_link(struct reading *r, uint32_t id, int fd)
{
    struct bpf_link_info l = {0};
    struct kr_bpf *out = r->out;
    uint32_t rest[3];
    int got = info(fd, &l, sizeof l);
    if (got)
        return got;
    /* What depends on the type begins with up to four numbers of 32 bits (include/uapi). */
    memcpy(rest, (const char *)&l + offsetof(struct bpf_link_info, netns), sizeof rest);
    struct kr_bpf_link x = {id, l.type, l.prog_id, rest[0], rest[1], (int32_t)rest[2]};
    out->links = kr_grow(out->links, &r->cap_links, out->n_links + 1, sizeof x);
    out->links[out->n_links++] = x;
    return 0;
}

typedef int (*add_fn)(struct reading *r, uint32_t id, int fd);

static int each(struct reading *r, int next, int open, add_fn add)
{
    uint32_t id = 0;
    for (;;) {
        int got = next_id(next, id, &id);
        if (got || !id)
            return got;
        KR_AUTO_FD int fd = open_id(open, id);
        if (fd == -ENOENT)
            continue;
        got = fd < 0 ? fd : add(r, id, fd);
        if (got)
            return got;
    }
}

/* Marks what a sockmap runs (since Linux 5.18, 748cd5729ac7; before it EINVAL: none is known). */
static int on_map(struct reading *r, uint32_t id, int fd)
{
    static const uint32_t types[] = {BPF_SK_MSG_VERDICT, BPF_SK_SKB_STREAM_PARSER,
                                     BPF_SK_SKB_STREAM_VERDICT, BPF_SK_SKB_VERDICT};
    struct bpf_map_info m = {0};
    int got = info(fd, &m, sizeof m);
    if (got || (m.type != BPF_MAP_TYPE_SOCKMAP && m.type != BPF_MAP_TYPE_SOCKHASH))
        return got;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        uint32_t prog;
        if (kr_bpf_query((uint32_t)fd, types[i], 0, &prog, 1) != 1)
            continue;
        for (size_t k = 0; k < r->out->n_progs; k++)
            if (r->out->progs[k].id == prog)
                r->out->progs[k].sockmap = id;
    }
    return 0;
}

static bool needs_maps(const struct kr_bpf *b)
{
    for (size_t i = 0; i < b->n_progs; i++)
        if (b->progs[i].type == BPF_PROG_TYPE_SK_MSG || b->progs[i].type == BPF_PROG_TYPE_SK_SKB)
            return true;
    return false;
}

static int failed(int got, const char *what, struct kr_err *e)
{
    return kr_fail(e, KR_UNKNOWN, -got, "bpf(2), %s%s", what,
                   got == -EPERM ? " (CAP_SYS_ADMIN of the initial user namespace is needed)" : "");
}

static int no_syscall(struct kr_bpf *out, struct kr_err *e)
{
    if (access("/proc/sys/kernel/ostype", F_OK) == 0 && access(kr_bpf_sysctl, F_OK) != 0 &&
        errno == ENOENT) {
        out->absent = true;
        return 0;
    }
    return kr_fail(e, KR_UNKNOWN, ENOSYS, "bpf(2) is kept from this process");
}

static int read_all(struct reading *r, struct kr_err *e)
{
    int got = each(r, BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID, add_prog);
    if (got == -ENOSYS)
        return no_syscall(r->out, e);
    if (got)
        return failed(got, "listing programs", e);
    got = each(r, BPF_LINK_GET_NEXT_ID, BPF_LINK_GET_FD_BY_ID, add_link);
    if (got && got != -EINVAL)
        return failed(got, "listing links", e);
    got = needs_maps(r->out) ? each(r, BPF_MAP_GET_NEXT_ID, BPF_MAP_GET_FD_BY_ID, on_map) : 0;
    return got ? failed(got, "listing maps", e) : 0;
}

int kr_bpf_read(struct kr_bpf *out, struct kr_err *e)
{
    struct reading r = {.out = out};
    memset(out, 0, sizeof *out);
    if (read_all(&r, e) == 0)
        return 0;
    kr_bpf_free(out);
    return -1;
}

void kr_bpf_free(struct kr_bpf *b)
{
    free(b->progs);
    free(b->links);
    memset(b, 0, sizeof *b);
}

static int by_id(const void *key, const void *row)
{
    const uint32_t *id = key;
    const struct kr_bpf_prog *p = row;
    return (*id > p->id) - (*id < p->id);
}

const struct kr_bpf_prog *kr_bpf_prog(const struct kr_bpf *b, uint32_t id)
{
    return b->n_progs ? bsearch(&id, b->progs, b->n_progs, sizeof *b->progs, by_id) : NULL;
}

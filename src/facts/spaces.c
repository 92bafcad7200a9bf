/* Theory of operation: looking into every network namespace.
 *
 * A thread enters one after the other (setns(2) concerns the calling thread only) and lists the
 * links there. Of what a link is connected with the kernel tells the ifindex and an id of the
 * namespace it is in, which means something in that one namespace only. Ours is asked for by a
 * descriptor. For a third one the candidates are those which have a link of that index and, of a
 * pair, one that points back; the kernel's answer to a candidate's descriptor decides. */
#include "ways.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/netns.h>
#include <kr/nl.h>
#include <kr/sock.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_QUESTIONS 100000
#define MOST_THREADS 4
#define WORTH_A_THREAD 32 /* namespaces: some 100 us each */

struct look {
    struct kr_spaces *s;
    int home;        /* our namespace */
    struct kr_nl nl; /* open there */
    size_t questions;
    struct kr_err *e;
    int bad;
};

const char *kr_space_name(const struct kr_space *s, char out[static 160])
{
    const struct kr_keeper *k = s->keepers;
    if (!s->n_keepers)
        snprintf(out, 160, "namespace %llu", (unsigned long long)s->inode);
    else if (!k->pid)
        snprintf(out, 160, "namespace %s", k->who);
    else
        snprintf(out, 160, "namespace of %s (process %d)", k->who, (int)(k->tid ? k->tid : k->pid));
    return out;
}

static int open_keeper(const struct kr_keeper *k)
{
    char path[64];
    if (!k->pid)
        return open(k->who, O_RDONLY | O_CLOEXEC);
    if (k->tid)
        snprintf(path, sizeof path, "/proc/%d/task/%d/ns/net", (int)k->pid, (int)k->tid);
    else
        snprintf(path, sizeof path, "/proc/%d/ns/net", (int)k->pid);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* A descriptor, or -1 with the errno value in *why: 0 when all that kept it is gone. */
static int open_space(const struct kr_space *x, int *why)
{
    *why = 0;
    for (size_t i = 0; i < x->n_keepers; i++) {
        struct stat st;
        int fd = open_keeper(&x->keepers[i]);
        if (fd >= 0 && !fstat(fd, &st) && st.st_ino == x->inode)
            return fd;
        bool other = fd >= 0;
        if (other)
            close(fd);
        if (!x->keepers[i].pid && kr_spaces_still_mounted(x->inode))
            *why = ENOENT; /* something else is mounted over it */
        else if (!other && errno != ENOENT && errno != ESRCH)
            *why = errno;
    }
    return -1;
}

static void shut(struct kr_space *x, const char *what, int sys)
{
    x->shut = true;
    snprintf(x->why, sizeof x->why, "%.70s%s%.40s", what, sys ? ": " : "",
             sys ? strerror(sys) : "");
}

static bool enter(struct kr_space *x, int *fd)
{
    int why;
    *fd = open_space(x, &why);
    if (*fd < 0 && !why)
        x->gone = true;
    else if (*fd < 0)
        shut(x, "it can't be opened", why);
    else if (setns(*fd, CLONE_NEWNET))
        shut(x, "it can't be entered", errno);
    return !x->gone && !x->shut;
}

static int read_links(struct look *k, struct kr_space *x, int fd, struct kr_err *e)
{
    KR_AUTO_NL struct kr_nl nl = {0};
    bool far = false;
    if (kr_nl_open(&nl, NETLINK_ROUTE, e) || kr_nsview_read(&nl, &x->view, e))
        return -1;
    for (size_t i = 0; i < x->view.n; i++)
        far |= x->view.v[i].nsid != KR_NSID_NONE;
    if (far && kr_nsid_of(&nl, k->home, &x->ours, e))
        return -1;
    return kr_nsid_of(&k->nl, fd, &x->there, e);
}

static void visit(struct look *k, struct kr_space *x)
{
    KR_AUTO_FD int fd = -1;
    struct kr_err why = {0};
    if (enter(x, &fd) && read_links(k, x, fd, &why))
        shut(x, why.msg, 0);
    x->to = kr_calloc(x->view.n + 1, sizeof *x->to);
    for (size_t i = 0; i < x->view.n; i++) {
        int nsid = x->view.v[i].nsid;
        x->to[i] = nsid == KR_NSID_NONE ? KR_TO_SAME : nsid == x->ours ? KR_TO_HERE : KR_TO_UNSEEN;
    }
}

/* ---- third namespaces --------------------------------------------------------------------------
 */

struct place {
    unsigned index;
    size_t space, link;
};

static int by_index(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->index != y->index)
        return x->index < y->index ? -1 : 1;
    return (x->space > y->space) - (x->space < y->space);
}

/* Every link of every namespace but ours, by ifindex. */
static struct place *list_places(const struct kr_spaces *s, size_t *n)
{
    struct place *v = NULL;
    size_t cap = 0;
    *n = 0;
    for (size_t i = 0; i < s->n; i++)
        for (size_t k = 0; k < s->v[i].view.n; k++) {
            v = kr_grow(v, &cap, *n + 1, sizeof *v);
            v[(*n)++] = (struct place){s->v[i].view.v[k].link.index, i, k};
        }
    if (*n)
        qsort(v, *n, sizeof *v, by_index);
    return v;
}

static size_t first_place(const struct place *v, size_t n, unsigned index)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (v[mid].index < index)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool may_be(const struct kr_far_link *l, const struct kr_far_link *other)
{
    return kr_link_manner(&l->link) != KR_DEV_PAIR ||
           (other->nsid != KR_NSID_NONE && other->beyond == l->link.index);
}

/* Does X know this candidate by that id? */
static bool is_it(struct look *k, struct kr_nl *nl, const struct kr_space *candidate, int nsid)
{
    int why, id = KR_NSID_NONE;
    KR_AUTO_FD int fd = k->questions++ < MOST_QUESTIONS ? open_space(candidate, &why) : -1;
    return fd >= 0 && kr_nsid_of(nl, fd, &id, NULL) == 0 && id == nsid;
}

static int find_place(struct look *k, struct kr_nl *nl, size_t x, const struct kr_far_link *l,
                      const struct place *v, size_t n)
{
    const struct kr_spaces *s = k->s;
    for (size_t i = first_place(v, n, l->beyond); i < n && v[i].index == l->beyond; i++)
        if (v[i].space != x && may_be(l, &s->v[v[i].space].view.v[v[i].link]) &&
            is_it(k, nl, &s->v[v[i].space], l->nsid))
            return (int)v[i].space;
    return KR_TO_UNSEEN;
}

static int known_already(const struct kr_space *x, size_t until)
{
    for (size_t i = 0; i < until; i++)
        if (x->view.v[i].nsid == x->view.v[until].nsid && x->to[i] != KR_TO_UNSEEN)
            return x->to[i];
    return KR_TO_UNSEEN;
}

static void resolve(struct look *k, size_t at, const struct place *v, size_t n)
{
    struct kr_space *x = &k->s->v[at];
    KR_AUTO_NL struct kr_nl nl = {0};
    for (size_t i = 0; i < x->view.n; i++) {
        KR_AUTO_FD int fd = -1;
        if (x->to[i] != KR_TO_UNSEEN)
            continue;
        x->to[i] = known_already(x, i);
        if (x->to[i] != KR_TO_UNSEEN)
            continue;
        if (!nl.socket && (!enter(x, &fd) || kr_nl_open(&nl, NETLINK_ROUTE, NULL)))
            return;
        x->to[i] = find_place(k, &nl, at, &x->view.v[i], v, n);
    }
}

/* ---- ours
 * ---------------------------------------------------------------------------------------- */

static int seen_by_id(const struct kr_spaces *s, int id)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].there == id)
            return (int)i;
    return KR_TO_UNSEEN;
}

static bool alive(struct look *k, int id)
{
    bool yes = true;
    return kr_nsid_alive(&k->nl, id, &yes, NULL) || yes;
}

static int list_unseen(struct look *k)
{
    struct kr_spaces *s = k->s;
    KR_AUTO_FREE int *ids = NULL;
    size_t n = 0;
    if (kr_nsid_list(&k->nl, &ids, &n, k->e))
        return -1;
    s->unseen = kr_calloc(n + 1, sizeof *s->unseen);
    for (size_t i = 0; i < n; i++)
        if (ids[i] != s->here.there && seen_by_id(s, ids[i]) == KR_TO_UNSEEN && alive(k, ids[i]))
            s->unseen[s->n_unseen++] = ids[i];
    return 0;
}

/* A share of the namespaces, visited by one thread. */
struct share {
    pthread_t thread;
    bool started;
    struct look k;
    size_t from, to;
};

static void *visit_share(void *arg)
{
    struct share *x = arg;
    struct look *k = &x->k;
    struct kr_err why = {0};
    int err = setns(k->home, CLONE_NEWNET) ? errno : 0;
    bool bad = !err && kr_nl_open(&k->nl, NETLINK_ROUTE, &why);
    for (size_t i = x->from; i < x->to; i++)
        if (err || bad)
            shut(&k->s->v[i], err ? "it can't be entered" : why.msg, err);
        else
            visit(k, &k->s->v[i]);
    kr_nl_close(&k->nl);
    return NULL;
}

static void visit_all(struct kr_spaces *s, int home)
{
    struct share shares[MOST_THREADS] = {0};
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t parts = 1 + s->n / WORTH_A_THREAD, most = cores < 1 ? 1 : (size_t)cores, done = 0;
    parts = parts < most ? parts : most;
    parts = parts < MOST_THREADS ? parts : MOST_THREADS;
    for (size_t i = 0; i < parts; i++) {
        struct share *x = &shares[i];
        x->k = (struct look){.s = s, .home = home};
        x->from = done;
        done = x->to = s->n * (i + 1) / parts;
        x->started = i && !pthread_create(&x->thread, NULL, visit_share, x);
    }
    for (size_t i = 0; i < parts; i++)
        if (shares[i].started)
            pthread_join(shares[i].thread, NULL);
        else
            visit_share(&shares[i]);
}

static int look(struct look *k)
{
    struct kr_spaces *s = k->s;
    if (kr_nl_open(&k->nl, NETLINK_ROUTE, k->e) || kr_nsview_read(&k->nl, &s->here.view, k->e) ||
        kr_nsid_of(&k->nl, k->home, &s->here.there, k->e))
        return -1;
    visit_all(s, k->home);
    size_t n;
    KR_AUTO_FREE struct place *places = list_places(s, &n);
    for (size_t i = 0; i < s->n; i++)
        resolve(k, i, places, n);
    s->here.to = kr_calloc(s->here.view.n + 1, sizeof *s->here.to);
    for (size_t i = 0; i < s->here.view.n; i++) {
        int nsid = s->here.view.v[i].nsid;
        s->here.to[i] = nsid == KR_NSID_NONE ? KR_TO_SAME : seen_by_id(s, nsid);
    }
    return list_unseen(k);
}

static void *run(void *arg)
{
    struct look *k = arg;
    k->bad = look(k);
    kr_nl_close(&k->nl);
    return NULL;
}

int kr_spaces_read(const struct kr_procs *procs, struct kr_spaces *s, struct kr_err *e)
{
    pthread_t thread;
    memset(s, 0, sizeof *s);
    KR_AUTO_FD int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    struct look k = {.s = s, .home = home, .e = e};
    if (home < 0)
        return kr_fail(e, KR_UNKNOWN, errno, "/proc/thread-self/ns/net");
    if (kr_netns_inode(&s->inode, e) || kr_spaces_list(procs, s, e)) {
        kr_spaces_free(s);
        return -1;
    }
    int err = pthread_create(&thread, NULL, run, &k);
    if (err)
        k.bad = kr_fail(e, KR_UNKNOWN, err, "a thread to look into network namespaces");
    else
        pthread_join(thread, NULL);
    if (k.bad)
        kr_spaces_free(s);
    return k.bad;
}

struct asked {
    struct kr_space x;
    const uint16_t *ports;
    size_t n;
    struct kr_socks *out;
    struct kr_err *e;
    int result;
};

static void *list_socks(void *arg)
{
    struct asked *a = arg;
    KR_AUTO_FD int fd = -1;
    if (enter(&a->x, &fd))
        a->result = kr_socks_read(a->ports, a->n, a->out, a->e);
    else
        a->result = a->x.gone ? 1 : kr_fail(a->e, KR_UNKNOWN, 0, "%s", a->x.why);
    return NULL;
}

int kr_space_socks(const struct kr_space *x, const uint16_t *ports, size_t n, struct kr_socks *out,
                   struct kr_err *e)
{
    struct asked a = {.x = *x, .ports = ports, .n = n, .out = out, .e = e};
    pthread_t thread;
    int err = pthread_create(&thread, NULL, list_socks, &a);
    if (err)
        return kr_fail(e, KR_UNKNOWN, err, "a thread to look into network namespaces");
    pthread_join(thread, NULL);
    return a.result;
}

static void free_space(struct kr_space *x)
{
    kr_nsview_free(&x->view);
    free(x->to);
}

void kr_spaces_free(struct kr_spaces *s)
{
    for (size_t i = 0; i < s->n; i++)
        free_space(&s->v[i]);
    for (size_t i = 0; i < s->n_paths; i++)
        free(s->paths[i]);
    free_space(&s->here);
    free(s->v);
    free(s->paths);
    free(s->keepers);
    free(s->unseen);
    memset(s, 0, sizeof *s);
}

#include "mta_internal.h"
#include "queue_internal.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/procs.h>
#include <kr/scene.h>
#include <kr/tool.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define IDLE_MS 10000
#define MOST_MS 60000
#define PURGE_MS 300000 /* a million files */
#define NOBODY 65534
#define TRIES 5

static const struct asker {
    const char *id;
    void (*ask)(struct kr_queue_asking *a);
    kr_queue_order *purge, *purged;
} askers[] = {
    {"kumomta", kr_queue_ask_kumomta, kr_queue_purge_kumomta, kr_queue_purged_kumomta},
    {"postfix", kr_queue_ask_postfix, kr_queue_purge_postfix, NULL},
    {"exim", kr_queue_ask_exim, kr_queue_purge_exim, NULL},
};

const char *kr_queue_state_name(enum kr_queue_state s)
{
    static const char *const names[] = {"empty", "queued", "unknown"};
    _Static_assert(sizeof names / sizeof *names == KR_QUEUE_UNKNOWN + 1, "a name for each state");
    return names[s];
}

static const struct asker *asker_of(const struct kr_mta_kind *k)
{
    for (size_t i = 0; i < sizeof askers / sizeof *askers; i++)
        if (strcmp(askers[i].id, k->id) == 0)
            return &askers[i];
    return NULL;
}

/* ---- what those who ask share ---------------------------------------------------------------- */

struct kr_queue *kr_queue_add(struct kr_queue_asking *a, const char *where)
{
    a->out->v = kr_grow(a->out->v, &a->out->cap, a->out->n + 1, sizeof *a->out->v);
    struct kr_queue *q = &a->out->v[a->out->n++];
    *q = (struct kr_queue){.mta = a->mta->kind,
                           .pid = a->mta->pid,
                           .elsewhere = a->mta->elsewhere,
                           .state = KR_QUEUE_UNKNOWN};
    snprintf(q->where, sizeof q->where, "%s", where);
    return q;
}

void kr_queue_doubt(struct kr_queue *q, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(q->why, sizeof q->why, fmt, args);
    va_end(args);
    q->state = KR_QUEUE_UNKNOWN;
}

void kr_queue_count(struct kr_queue *q, const char *how, uint64_t queued, uint64_t held)
{
    q->state = queued ? KR_QUEUE_HOLDS : KR_QUEUE_EMPTY;
    q->queued = queued;
    q->held = held;
    snprintf(q->how, sizeof q->how, "%s", how);
}

void kr_queue_command(char *out, size_t room, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(out, room, fmt, args);
    va_end(args);
    bool whole = n >= 0 && (size_t)n < room;
    for (const char *c = out; whole && *c; c++)
        whole = (unsigned char)*c >= ' ' && *c != 127;
    if (!whole)
        *out = '\0';
}

const char *kr_queue_program(const char *const *paths)
{
    for (; *paths; paths++)
        if (access(*paths, X_OK) == 0)
            return *paths;
    return NULL;
}

bool kr_queue_same_file(const struct kr_queue_asking *a, const char *path)
{
    struct stat ours, theirs;
    KR_AUTO_FD int fd = kr_mta_open_below(a->root, path, O_PATH);
    return fd >= 0 && fstat(fd, &theirs) == 0 && stat(path, &ours) == 0 &&
           ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

int kr_queue_run(const struct kr_queue_how *how, const char *const *argv, bool nobody,
                 bool (*on_line)(const char *line, size_t len, char last, void *arg), void *arg,
                 struct kr_tool_end *end, struct kr_err *e)
{
    unsigned idle = on_line ? IDLE_MS : PURGE_MS, most = on_line ? MOST_MS : PURGE_MS;
    const struct kr_tool t = {.argv = argv,
                              .uid = nobody ? NOBODY : 0,
                              .gid = nobody ? NOBODY : 0,
                              .idle_ms = how->most_ms ? how->most_ms : idle,
                              .most_ms = how->most_ms ? how->most_ms : most,
                              .on_line = on_line,
                              .arg = arg};
    return kr_tool_run(&t, end, e);
}

/* ---- whom ------------------------------------------------------------------------------------ */

static bool same_folder(int a, int b)
{
    struct stat x, y;
    return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* The first of the usual configurations that is there. */
static const char *usual_config(const struct kr_mta_kind *k, int root)
{
    for (const char *const *c = k->configs; c && *c; c++) {
        KR_AUTO_FD int fd = kr_mta_open_below(root, *c, O_PATH);
        if (fd >= 0)
            return *c;
    }
    return "";
}

static bool same_config(int a, int b, const char *path)
{
    KR_AUTO_FD int x = kr_mta_open_below(a, path, O_PATH), y = kr_mta_open_below(b, path, O_PATH);
    return x >= 0 && y >= 0 && same_folder(x, y);
}

/* Files that a running one uses are asked about by that one. The same root may have other mounts on
 * it, so the configuration itself has to be the same. */
static bool used_by_running(const struct kr_mtas *all, const struct kr_mta *files)
{
    KR_AUTO_FD int root = kr_mta_root(0);
    const char *usual = root < 0 ? "" : usual_config(files->kind, root);
    for (size_t i = 0; *usual && i < all->n; i++) {
        const struct kr_mta *m = &all->v[i];
        if (!m->pid || m->kind != files->kind || (m->config[0] && strcmp(m->config, usual) != 0))
            continue;
        KR_AUTO_FD int theirs = kr_mta_root(m->pid);
        if (theirs >= 0 && same_config(root, theirs, usual))
            return true;
    }
    return false;
}

static bool concerns_us(struct kr_queue_asking *a, const struct kr_mtas *all)
{
    const struct kr_mta *m = a->mta;
    const struct kr_proc *p = m->pid ? kr_procs_find(a->procs, m->pid) : NULL;
    if (!m->pid)
        return !used_by_running(all, m);
    return !m->elsewhere || !p || kr_queue_leads_here(a->s, p->netns);
}

static void ask_stranger(struct kr_queue_asking *a)
{
    struct kr_queue *q = kr_queue_add(a, a->mta->config);
    kr_queue_doubt(q, a->mta->pid ? "this program can't ask it; stop it, and look at its queue"
                                  : "it does not run, and this program can't look into its queue");
}

/* Its files are ours when it has our root; with another mount namespace on the same root they may
 * still differ, so each file that matters is compared again. False when it has ended meanwhile and
 * nobody tells in its stead. */
static bool ask_one(struct kr_queue_asking *a, const struct kr_mtas *all, struct kr_mta *m)
{
    const struct asker *k = asker_of(m->kind);
    KR_AUTO_FD int ours = kr_mta_root(0), theirs = kr_mta_root(m->pid);
    bool told = m->config[0] == '/';
    if (theirs < 0 && (errno == ENOENT || errno == ESRCH))
        return kr_mta_goes_on(all, m);
    if (theirs < 0) {
        kr_queue_doubt(kr_queue_add(a, m->config), "its files can't be reached: %s",
                       strerror(errno));
        return true;
    }
    a->root = theirs;
    a->same = ours >= 0 && same_folder(ours, theirs);
    if (!told && (!k || strcmp(k->id, "exim") != 0))
        snprintf(m->config, sizeof m->config, "%s", usual_config(m->kind, theirs));
    (k ? k->ask : ask_stranger)(a);
    return true;
}

static void settle(struct kr_queues *q)
{
    for (size_t i = 0; i < q->n; i++)
        if (q->v[i].state == KR_QUEUE_EMPTY && q->v[i].running)
            q->v[i].state = KR_QUEUE_HOLDS;
}

/* A KumoMTA whose process does not show, since it runs in another process namespace. */
static void ask_configured(struct kr_queue_asking *a)
{
    struct kr_mta unseen = {.kind = kr_mta_kinds};
    while (strcmp(unseen.kind->id, "kumomta") != 0)
        unseen.kind++;
    for (size_t i = 0; i < a->out->n; i++)
        if (a->out->v[i].mta == unseen.kind && !a->out->v[i].elsewhere)
            return;
    a->mta = &unseen;
    if (a->how->kumomta_url)
        kr_queue_ask_kumomta(a);
    a->mta = NULL;
}

/* 1; 0: one of them came to its end, so that it isn't known any more who there is; -1. */
static int ask_all(struct kr_scene *s, const struct kr_queue_how *how, struct kr_queues *out,
                   struct kr_err *e)
{
    struct kr_mtas all;
    struct kr_queue_asking a = {.s = s, .how = how, .out = out};
    bool there = true;
    kr_scene_forget(s);
    a.procs = kr_scene_procs(s, e);
    if (!a.procs || kr_mtas_find(s, NULL, &all, e))
        return -1;
    for (size_t i = 0; i < all.n; i++) {
        a.mta = &all.v[i];
        if (concerns_us(&a, &all))
            there = ask_one(&a, &all, &all.v[i]) && there;
    }
    kr_mtas_free(&all);
    ask_configured(&a);
    settle(out);
    return there;
}

int kr_queues_read(struct kr_scene *s, const struct kr_queue_how *how, struct kr_queues *out,
                   struct kr_err *e)
{
    int got = 0;
    memset(out, 0, sizeof *out);
    for (int tries = 0; got == 0 && tries < TRIES; tries++) {
        kr_queues_free(out);
        got = ask_all(s, how, out, e);
    }
    if (got == 0)
        kr_fail(e, KR_UNKNOWN, 0, "mail servers come and go faster than they can be asked");
    if (got != 1)
        kr_queues_free(out);
    return got == 1 ? 0 : -1;
}

/* ---- what came of it ------------------------------------------------------------------------- */

bool kr_queues_empty(const struct kr_queues *q)
{
    for (size_t i = 0; i < q->n; i++)
        if (q->v[i].state != KR_QUEUE_EMPTY)
            return false;
    return true;
}

bool kr_queues_total(const struct kr_queues *q, uint64_t *messages)
{
    bool known = true;
    *messages = 0;
    for (size_t i = 0; i < q->n; i++) {
        known &= q->v[i].state != KR_QUEUE_UNKNOWN;
        *messages += q->v[i].queued;
    }
    return known;
}

int kr_queue_purge(struct kr_queue *q, const struct kr_queue_how *how, struct kr_err *e)
{
    const struct asker *k = asker_of(q->mta);
    if (!k || !q->purgeable)
        return kr_fail(e, KR_CANNOT, 0, "%s can't be purged by this program", q->mta->title);
    return k->purge(q, how, e) ? kr_wrap(e, "%s", q->mta->title) : 0;
}

int kr_queue_purged(struct kr_queue *q, const struct kr_queue_how *how, struct kr_err *e)
{
    const struct asker *k = asker_of(q->mta);
    if (!k || !k->purged)
        return 0;
    return k->purged(q, how, e) ? kr_wrap(e, "%s", q->mta->title) : 0;
}

void kr_queues_free(struct kr_queues *q)
{
    free(q->v);
    memset(q, 0, sizeof *q);
}

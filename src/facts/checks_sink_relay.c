#include "checks_exempt_internal.h"
#include "mta_internal.h"

#include <kr/err.h>
#include <kr/flowscan.h>
#include <kr/mem.h>
#include <kr/netns.h>
#include <kr/owners.h>
#include <kr/procs.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MOST_WORKERS 1024

/* ---- the built-in sink --------------------------------------------------------------------------
 */

static struct kr_evidence *say(struct kr_result *r, enum kr_verdict v, pid_t pid, const char *what)
{
    struct kr_evidence *ev = kr_result_add(r, v, "kumo-sink", "%s", what);
    ev->pid = pid;
    return ev;
}

/* The number behind a name in /proc/PID/status, or -1. */
static long status_of(pid_t pid, const char *name)
{
    char path[64], line[256];
    long value = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *in = fopen(path, "re");
    while (in && value < 0 && fgets(line, sizeof line, in))
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtol(line + strlen(name), NULL, 10);
    if (in)
        fclose(in);
    return value;
}

/* A worker that is gone is none. */
static void judge_worker(pid_t pid, struct kr_result *r, size_t *n)
{
    long seccomp = status_of(pid, "Seccomp:");
    if (seccomp == 2)
        (*n)++;
    else if (seccomp >= 0)
        say(r, KR_IN_DOUBT, pid, "this worker runs without its seccomp filter: it could connect");
}

/* proc_pid_children(5). Returns how many are under their filter, or -1. */
static int judge_workers(pid_t master, struct kr_result *r, struct kr_err *e)
{
    char path[64];
    int pid;
    size_t n = 0, all = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)master, (int)master);
    FILE *in = fopen(path, "re");
    if (!in)
        return kr_fail(e, KR_UNKNOWN, errno, "the sink's workers: %s", path);
    while (all < MOST_WORKERS && fscanf(in, "%d", &pid) == 1) {
        judge_worker(pid, r, &n);
        all++;
    }
    fclose(in);
    if (!n && r->verdict == KR_HOLDS)
        say(r, KR_IN_DOUBT, master, "no worker of it was found");
    return 0;
}

/* Whose sockets to guarded ports, of those that are not the mail server's redirected ones. */
static int judge_sockets(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    const struct kr_flowscan *f = kr_scene_flows(s, e);
    const struct kr_procs one = {.v = &(struct kr_proc){.pid = s->sink_pid}, .n = 1, .cap = 1};
    size_t n = 0;
    if (!f)
        return -1;
    KR_AUTO_FREE struct kr_wanted *w = kr_calloc(f->socks.n, sizeof *w);
    for (size_t i = 0; i < f->socks.n; i++) {
        const struct kr_sock *k = &f->socks.v[i];
        bool out = kr_exempt_of(s->lan, &k->peer, 0) || kr_flowscan_socket(f, k) == KR_FLOW_OPEN;
        if (out && k->inode)
            w[n++].inode = k->inode;
    }
    if (n && !kr_owners_find(&one, 0, w, n))
        return kr_fail(e, KR_UNKNOWN, 0, "the sink's descriptors can't be read");
    for (size_t i = 0; i < n; i++)
        if (w[i].pid)
            say(r, KR_BROKEN, w[i].pid, "has a connection to a guarded port of another host");
    return 0;
}

static int builtin(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    if (!s->standing)
        return 0;
    if (!s->sink_pid)
        return kr_fail(e, KR_UNKNOWN, 0, "the sink's process is not known");
    return judge_workers(s->sink_pid, r, e) || judge_sockets(s, r, e) ? -1 : 0;
}

/* ---- another sink -------------------------------------------------------------------------------
 */

static bool serves(const struct kr_listener *l, const struct kr_endpoint *sink)
{
    return l->port == sink->port && (l->any || (kr_addr_cmp(&sink->first, &l->local) <= 0 &&
                                                kr_addr_cmp(&l->local, &sink->last) <= 0));
}

static void judge_owner(const struct kr_wanted *w, bool whole, const char *object,
                        struct kr_result *r)
{
    struct kr_evidence *ev;
    if (!w->pid)
        ev = kr_result_add(r, KR_IN_DOUBT, object, "the process that listens was not found%s",
                           whole ? "" : ": some could not be looked into");
    else if (kr_mta_is_kind(w->name, w->pid))
        ev = kr_result_add(r, KR_BROKEN, object, "%s listens, a mail server that can relay",
                           w->name);
    else
        ev = kr_result_add(r, KR_HOLDS, object, "%s listens; it is no mail server known here",
                           w->name);
    ev->pid = w->pid;
}

static int foreign(struct kr_scene *s, const struct kr_endpoint *sink, struct kr_result *r,
                   struct kr_err *e)
{
    const struct kr_procs *p = kr_scene_procs(s, e);
    char object[2 * KR_ADDRSTRLEN];
    struct kr_listeners all = {0};
    struct kr_wanted w = {0};
    ino_t here;
    if (!p || kr_netns_inode(&here, e) || kr_listeners_read(&all, e))
        return -1;
    for (size_t i = 0; i < all.n && !w.inode; i++)
        if (serves(&all.v[i], sink))
            w.inode = all.v[i].inode;
    kr_listeners_free(&all);
    kr_endpoint_str(sink, object);
    if (!w.inode) {
        kr_result_add(r, KR_IN_DOUBT, object, "nobody listens in this network namespace");
        return 0;
    }
    bool whole = kr_owners_find(p, here, &w, 1);
    judge_owner(&w, whole, object, r);
    return 0;
}

int kr_check_sink_relay(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    const struct kr_endpoint *const sinks[] = {s->sink4, s->sink6};
    const struct kr_netview *v = kr_scene_view(s, e);
    if (!v)
        return -1;
    if (s->builtin)
        return builtin(s, r, e);
    for (size_t i = 0; i < 2; i++) {
        char object[2 * KR_ADDRSTRLEN];
        if (!sinks[i])
            continue;
        if (!kr_is_own(v, &sinks[i]->first))
            kr_result_add(r, KR_HOLDS, kr_endpoint_str(sinks[i], object),
                          "is on another host: what it does with mail can't be seen from here");
        else if (foreign(s, sinks[i], r, e))
            return -1;
    }
    return 0;
}

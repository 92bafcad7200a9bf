/* Whose sockets those on mail ports are. */
#include "mta_hop.h"

#include <kr/err.h>
#include <kr/owners.h>
#include <kr/procs.h>
#include <kr/scene.h>
#include <kr/sock.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const uint16_t mail_ports[] = {25, 465, 587};
#define N_PORTS (sizeof mail_ports / sizeof *mail_ports)
#define MOST_STRANGERS 16

static bool holds(pid_t pid, uint32_t inode)
{
    char path[64], want[32], link[64];
    const struct dirent *entry;
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    snprintf(want, sizeof want, "socket:[%u]", inode);
    DIR *d = opendir(path);
    while (d && !found && (entry = readdir(d)) != NULL) {
        ssize_t n = readlinkat(dirfd(d), entry->d_name, link, sizeof link - 1);
        if (n > 0) {
            link[n] = '\0';
            found = strcmp(link, want) == 0;
        }
    }
    if (d)
        closedir(d);
    return found;
}

/* Every socket of every mail server that is known: there may be thousands of connections. */
static void collect_known(struct kr_mta_reading *r)
{
    const struct kr_procs *p = r->s->procs;
    for (size_t i = 0; p && i < p->n; i++)
        if (kr_mta_is_kind(p->v[i].name, p->v[i].pid))
            kr_inodes_add(p->v[i].pid, &r->known); /* one that is missed is a stranger's */
    kr_inodes_sort(&r->known);
}

static pid_t stranger(struct kr_mta_reading *r, uint32_t inode)
{
    const struct kr_procs *p = r->s->procs;
    if (r->last_owner && holds(r->last_owner, inode))
        return r->last_owner;
    for (size_t i = 0; p && i < p->n; i++)
        if ((p->v[i].netns == r->netns || !p->v[i].netns) && holds(p->v[i].pid, inode))
            return r->last_owner = p->v[i].pid;
    return 0;
}

pid_t kr_mta_owner(struct kr_mta_reading *r, uint32_t inode, bool all, bool *known)
{
    *known = true;
    for (size_t i = 0; i < r->out->n; i++)
        if (r->out->v[i].pid && holds(r->out->v[i].pid, inode))
            return r->out->v[i].pid;
    if (r->s->sink_pid && holds(r->s->sink_pid, inode))
        return r->s->sink_pid;
    *known = false;
    pid_t pid = all ? stranger(r, inode) : 0;
    for (size_t i = 0; pid && i < r->s->procs->n; i++)
        if (r->s->procs->v[i].pid == pid)
            *known = kr_mta_is_kind(r->s->procs->v[i].name, pid);
    return pid;
}

static const char *name_of(const struct kr_mta_reading *r, pid_t pid)
{
    const struct kr_procs *p = r->s->procs;
    for (size_t i = 0; p && i < p->n; i++)
        if (p->v[i].pid == pid)
            return p->v[i].name;
    return "a program that was not found";
}

static bool is_mail_port(uint16_t port)
{
    for (size_t i = 0; i < N_PORTS; i++)
        if (mail_ports[i] == port)
            return true;
    return false;
}

static bool in_range(const struct kr_endpoint *ep, const struct kr_addr *a, uint16_t port)
{
    return ep && ep->port == port && kr_addr_cmp(&ep->first, a) <= 0 &&
           kr_addr_cmp(a, &ep->last) <= 0;
}

static void say_stranger(struct kr_mta_reading *r, pid_t pid, uint32_t inode, const char *does,
                         uint16_t port)
{
    const struct kr_mta as = {.pid = pid};
    r->mta = &as;
    kr_mta_say(r, KR_MTA_UNKNOWN, KR_IN_DOUBT, name_of(r, pid), 0,
               "%s port %u and is no mail server known here: its ways out can't be told%s", does,
               port, pid || inode ? "" : " (a socket without a process)");
    r->mta = NULL;
}

static void strange_listeners(struct kr_mta_reading *r)
{
    for (size_t i = 0; i < r->listeners.n; i++) {
        const struct kr_listener *l = &r->listeners.v[i];
        bool known;
        if (!is_mail_port(l->port) || in_range(r->s->sink4, &l->local, l->port) ||
            in_range(r->s->sink6, &l->local, l->port))
            continue;
        pid_t pid = kr_mta_owner(r, l->inode, true, &known);
        if (!known)
            say_stranger(r, pid, l->inode, "listens on", l->port);
    }
}

static bool stays_here(const struct kr_mta_reading *r, const struct kr_sock *k)
{
    return kr_addr_is_loopback(&k->peer) || kr_prefixset_find(&r->own, &k->peer) ||
           in_range(r->s->sink4, &k->peer, k->peer_port) ||
           in_range(r->s->sink6, &k->peer, k->peer_port);
}

static void strange_sockets(struct kr_mta_reading *r, const struct kr_socks *socks)
{
    size_t said = 0;
    if (socks->n)
        collect_known(r);
    for (size_t i = 0; i < socks->n && said < MOST_STRANGERS; i++) {
        const struct kr_sock *k = &socks->v[i];
        bool known;
        if (k->time_wait || k->orphan || stays_here(r, k) || kr_inodes_have(&r->known, k->inode))
            continue;
        pid_t pid = kr_mta_owner(r, k->inode, true, &known);
        if (!known)
            say_stranger(r, pid, k->inode, "is connected to", k->peer_port);
        said += !known;
    }
}

/* Connections to mail ports that no guard stops. Those of guarded ports are another check's. */
static void strange_connections(struct kr_mta_reading *r)
{
    struct kr_socks socks = {0};
    struct kr_err e = {0};
    uint16_t ports[N_PORTS];
    size_t n = 0;
    for (size_t i = 0; i < N_PORTS; i++)
        if (!kr_mta_guarded(r, mail_ports[i]))
            ports[n++] = mail_ports[i];
    if (kr_socks_read(ports, n, &socks, &e))
        kr_mta_say(r, KR_MTA_UNKNOWN, KR_IN_DOUBT, "connections to mail ports", 0, "%.200s", e.msg);
    strange_sockets(r, &socks);
    kr_socks_free(&socks);
    kr_inodes_free(&r->known);
}

void kr_mta_strangers(struct kr_mta_reading *r)
{
    strange_listeners(r);
    strange_connections(r);
}

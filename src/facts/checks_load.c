#include "load.h"

#include <kr/buf.h>
#include <kr/err.h>
#include <kr/listener.h>
#include <kr/mem.h>
#include <kr/mta.h>
#include <kr/netns.h>
#include <kr/netview.h>
#include <kr/procs.h>
#include <kr/sysctl.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CONNTRACK_TIME_WAIT 120 /* seconds, when nobody changed it (nf_conntrack-sysctl.rst) */
#define SPARE_FILES 64          /* of a sink's process: listeners, epoll, control, standard ones */
/* CPU time of kumo-sink for a connection with one message, in microseconds (make bench). */
#define SINK_US 50

static int read_text(const char *path, struct kr_buf *out, struct kr_err *e)
{
    char part[4096];
    ssize_t n;
    KR_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return kr_fail(e, KR_UNKNOWN, errno, "%s", path);
    kr_buf_add(out, "", 0);
    while ((n = read(fd, part, sizeof part)) > 0)
        kr_buf_add(out, part, (size_t)n);
    return n < 0 ? kr_fail(e, KR_UNKNOWN, errno, "%s", path) : 0;
}

/* ---- conntrack ------------------------------------------------------------------------------- */

static long time_wait(void)
{
    long seconds = 0;
    int got = kr_sysctl_read("netfilter/nf_conntrack_tcp_timeout_time_wait", &seconds, NULL);
    return got == 1 && seconds > 0 ? seconds : CONNTRACK_TIME_WAIT;
}

static int conntrack(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    struct kr_load_conntrack c = {.time_wait = time_wait()};
    int got = kr_sysctl_read("netfilter/nf_conntrack_max", &c.max, e);
    if (got < 0 || kr_sysctl_read("netfilter/nf_conntrack_count", &c.count, e) < 0 ||
        kr_sysctl_read("netfilter/nf_conntrack_buckets", &c.buckets, e) < 0)
        return -1;
    if (got == 0)
        kr_result_add(r, s->expect_rate || s->expect_concurrency ? KR_IN_DOUBT : KR_HOLDS,
                      "nf_conntrack", "not loaded, so its size is not known yet; up loads it");
    else
        kr_load_conntrack(s, &c, r);
    return 0;
}

/* Addresses mail may be sent from. */
static size_t sources(const struct kr_netview *v, int family)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n_addrs; i++)
        n += v->addrs[i].scope == RT_SCOPE_UNIVERSE && kr_addr_family(&v->addrs[i].addr) == family;
    return n ? n : 1;
}

static int tuples(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    const struct kr_netview *v = kr_scene_view(s, e);
    if (!v)
        return -1;
    if (s->sink4)
        kr_load_tuples(s, s->sink4, sources(v, AF_INET), time_wait(), r);
    if (s->sink6)
        kr_load_tuples(s, s->sink6, sources(v, AF_INET6), time_wait(), r);
    if (!s->sink4 && !s->sink6)
        kr_result_add(r, KR_HOLDS, "sink", "nothing is redirected");
    return 0;
}

/* ---- ports ----------------------------------------------------------------------------------- */

static int ephemeral(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf range = {0}, reserved = {0};
    struct kr_load_ports p = {0};
    long reuse = 0;
    const struct kr_netview *v = kr_scene_view(s, e);
    if (!v || read_text("/proc/sys/net/ipv4/ip_local_port_range", &range, e) ||
        read_text("/proc/sys/net/ipv4/ip_local_reserved_ports", &reserved, e) ||
        kr_sysctl_read("ipv4/tcp_tw_reuse", &reuse, e) < 0)
        return -1;
    if (sscanf(range.s, "%ld %ld", &p.first, &p.last) != 2 || p.first > p.last)
        return kr_fail(e, KR_UNKNOWN, 0, "ip_local_port_range is no range");
    p.reserved = kr_load_reserved(reserved.s, p.first, p.last);
    p.sources = sources(v, AF_INET);
    p.reuse = reuse == 1;
    kr_load_ports(s, &p, r);
    return 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

static bool file_limit(pid_t pid, uint64_t *soft)
{
    KR_AUTO_BUF struct kr_buf text = {0};
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/limits", (int)pid);
    return read_text(path, &text, NULL) == 0 && kr_load_file_limit(text.s, soft);
}

/* The master and its workers have one name and namespace; a worker serves connections. */
static int sink_files(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    const struct kr_procs *p = kr_scene_procs(s, e);
    uint64_t soft, room = 0;
    ino_t here;
    if (!p || kr_netns_inode(&here, e))
        return -1;
    for (size_t i = 0; i < p->n; i++)
        if (p->v[i].netns == here && p->v[i].pid != s->sink_pid &&
            strcmp(p->v[i].name, "kumo-sink") == 0 && file_limit(p->v[i].pid, &soft) &&
            soft > SPARE_FILES)
            room += soft - SPARE_FILES < UINT32_MAX ? soft - SPARE_FILES : UINT32_MAX;
    if (room)
        kr_load_files(
            &(struct kr_load_files){"kumo-sink", s->sink_pid, room, s->expect_concurrency}, r);
    else
        kr_result_add(r, KR_IN_DOUBT, "kumo-sink", "its limit of open files can't be read");
    return 0;
}

/* Only a server that holds all its connections in one process is compared with the test's. */
static void server_files(const struct kr_scene *s, const struct kr_mta *m, struct kr_result *r)
{
    uint64_t soft;
    bool one = strcmp(m->kind->id, "kumomta") == 0;
    if (!m->pid || m->elsewhere)
        return;
    if (file_limit(m->pid, &soft))
        kr_load_files(
            &(struct kr_load_files){m->kind->title, m->pid, soft, one ? s->expect_concurrency : 0},
            r);
    else
        kr_result_add(r, KR_IN_DOUBT, m->kind->title, "its limit of open files can't be read")
            ->pid = m->pid;
}

static int machine_files(const struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf text = {0};
    uint64_t used = 0, unused = 0, max = 0, wants = 2 * s->expect_concurrency;
    if (read_text("/proc/sys/fs/file-nr", &text, e))
        return -1;
    if (sscanf(text.s, "%" SCNu64 " %" SCNu64 " %" SCNu64, &used, &unused, &max) != 3)
        return kr_fail(e, KR_UNKNOWN, 0, "/proc/sys/fs/file-nr is not understood");
    uint64_t room = max > used ? max - used : 0;
    if (wants > room)
        kr_result_add(r, KR_BROKEN, "fs.file-max",
                      "room for %" PRIu64
                      " more open files on this machine, the test needs %" PRIu64
                      " (the MTA's and the sink's); sysctl -w fs.file-max=%" PRIu64,
                      room, wants, used + 2 * wants);
    else
        kr_result_add(r, KR_HOLDS, "fs.file-max",
                      "room for %" PRIu64 " more open files on this machine", room);
    return 0;
}

static int files(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    const struct kr_mtas *m = kr_scene_mtas(s, e);
    if (!m || machine_files(s, r, e) || (s->sink_pid && sink_files(s, r, e)))
        return -1;
    for (size_t i = 0; i < m->n; i++)
        server_files(s, &m->v[i], r);
    return 0;
}

/* ---- listeners ------------------------------------------------------------------------------- */

static bool serves(const struct kr_endpoint *ep, const struct kr_listener *l)
{
    return ep && l->port == ep->port &&
           (l->any ||
            (kr_addr_cmp(&ep->first, &l->local) <= 0 && kr_addr_cmp(&l->local, &ep->last) <= 0));
}

static void overflows(struct kr_result *r)
{
    KR_AUTO_BUF struct kr_buf text = {0};
    uint64_t n = 0;
    if (read_text("/proc/net/netstat", &text, NULL) == 0 &&
        kr_load_counter(text.s, "TcpExt", "ListenOverflows", &n) && n)
        kr_result_add(
            r, KR_HOLDS, "TcpExt ListenOverflows",
            "%" PRIu64 " connections found a listener's queue full in this namespace so far", n);
}

static int backlog(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    struct kr_listeners all;
    struct kr_load_backlog b = {0};
    if (kr_sysctl_read("core/somaxconn", &b.somaxconn, e) < 0 || kr_listeners_read(&all, e))
        return -1;
    for (size_t i = 0; i < all.n; i++)
        if (serves(s->sink4, &all.v[i]) || serves(s->sink6, &all.v[i])) {
            b.listeners++;
            b.backlog += all.v[i].backlog;
            b.queued += all.v[i].queued;
        }
    kr_listeners_free(&all);
    kr_load_backlog(s, &b, r);
    overflows(r);
    return 0;
}

static int cores(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    (void)e;
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t most = (uint64_t)(n > 0 ? n : 1) * 1000000 / SINK_US;
    bool enough = s->expect_rate <= most;
    if (!s->builtin)
        kr_result_add(r, KR_HOLDS, "sink", "not the built-in one: its needs are not known");
    else
        kr_result_add(r, enough ? KR_HOLDS : KR_BROKEN, "kumo-sink",
                      "about %d us of CPU time for a connection with one message: %ld CPUs are "
                      "enough for %" PRIu64 " connections/s, without what the MTA needs",
                      SINK_US, n, most);
    return 0;
}

static const struct kr_check checks[] = {
    {
        .id = "conntrack-capacity",
        .title = "connection tracking has room for the test",
        .rows = "22",
        .why = "A full table drops new connections: nothing leaks, but the test measures that.",
        .how = "nf_conntrack_max against the expected connections/s times "
               "nf_conntrack_tcp_timeout_time_wait, and those at once.",
        .remedy = "The sysctl lines of the evidence, and the same in /etc/sysctl.d.",
        .advice = true,
        .run = conntrack,
    },
    {
        .id = "tuple-capacity",
        .title = "the sink has addresses enough",
        .rows = "23",
        .why = "All destinations fold into the sink's addresses: 64,512 connections for each of "
               "them and each source address. Beyond that NAT drops the packet.",
        .how = "64,512 times sink addresses against the expected connections/s times the time an "
               "entry lives.",
        .remedy = "The built-in sink has 254 addresses of each family. Give another one a range: "
                  "--sink FIRST-LAST:PORT.",
        .advice = true,
        .run = tuples,
    },
    {
        .id = "ephemeral-ports",
        .title = "there are local ports enough",
        .rows = "",
        .why = "The MTA's side of a connection keeps its port in TIME_WAIT for 60 s.",
        .how = "ip_local_port_range without ip_local_reserved_ports, for one destination or one "
               "source address that is bound before it connects.",
        .remedy = "The sysctl line of the evidence, or more source addresses.",
        .advice = true,
        .run = ephemeral,
    },
    {
        .id = "file-limits",
        .title = "processes may open files enough",
        .rows = "",
        .why = "A connection is an open file, of the MTA and of the sink.",
        .how = "RLIMIT_NOFILE in /proc/PID/limits of the sink's and the mail servers' processes, "
               "and fs.file-max, against the expected connections at once.",
        .remedy = "LimitNOFILE= in the unit of the MTA; kumo-sink takes the hard limit up is "
                  "started with. fs.nr_open bounds both.",
        .advice = true,
        .run = files,
    },
    {
        .id = "listen-backlog",
        .title = "the sink's listeners have room for a burst",
        .rows = "",
        .why = "A connection that finds the queue full is tried again after a second or more.",
        .how =
            "The backlog of each listener at the sink's port (sock_diag), net.core.somaxconn, and "
            "a pause of 100 ms at the expected rate.",
        .remedy = "sysctl -w net.core.somaxconn=65535 before up.",
        .advice = true,
        .run = backlog,
    },
    {
        .id = "sink-cores",
        .title = "the sink has CPUs enough",
        .rows = "",
        .why = "A sink that is slower than the MTA is what the test measures.",
        .how = "CPUs against the sink's measured need for each connection.",
        .remedy = "A machine with more CPUs, or a sink on another host of the LAN (--sink).",
        .advice = true,
        .run = cores,
    },
};

const struct kr_check_group kr_checks_load = {"load", checks, sizeof checks / sizeof *checks};

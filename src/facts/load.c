#include "load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Source ports NAT chooses from when it has to (net/netfilter/nf_nat_core.c: 1024 to 65535). */
#define NAT_PORTS 64512u
/* TCP_TIMEWAIT_LEN of include/net/tcp.h; with tcp_tw_reuse a port is taken again after 1 s. */
#define TIME_WAIT 60u
#define PAUSE_MS 100u /* a sink that does not get a CPU for that long must lose nothing */

/* What the test needs when each connection holds something for `seconds` after its end. */
static uint64_t need(const struct kr_scene *s, uint64_t seconds)
{
    return s->expect_rate * seconds + s->expect_concurrency;
}

static bool asked(const struct kr_scene *s)
{
    return s->expect_rate || s->expect_concurrency;
}

static uint64_t round_up(uint64_t n)
{
    uint64_t out = 65536;
    while (out < n && out < UINT64_MAX / 2)
        out *= 2;
    return out;
}

void kr_load_conntrack(const struct kr_scene *s, const struct kr_load_conntrack *c,
                       struct kr_result *r)
{
    static const char object[] = "net.netfilter.nf_conntrack_max";
    uint64_t want = need(s, (uint64_t)c->time_wait), max = (uint64_t)c->max;
    if (want > max)
        kr_result_add(r, KR_BROKEN, object,
                      "%ld entries; the test needs %" PRIu64
                      " (each lives %ld s after its end); in "
                      "the first network namespace: sysctl -w %s=%" PRIu64,
                      c->max, want, c->time_wait, object, round_up(want));
    else
        kr_result_add(r, KR_HOLDS, object,
                      "%ld entries, %ld in use: enough for %ld connections/s (each lives %ld s "
                      "after its end)",
                      c->max, c->count, c->max / c->time_wait, c->time_wait);
    if (c->buckets > 0 && want > 8 * (uint64_t)c->buckets)
        kr_result_add(r, KR_BROKEN, "net.netfilter.nf_conntrack_buckets",
                      "%ld: each lookup walks through %" PRIu64 " entries; sysctl -w "
                      "net.netfilter.nf_conntrack_buckets=%" PRIu64,
                      c->buckets, want / (uint64_t)c->buckets, round_up(want / 2));
}

static uint64_t addresses(const struct kr_endpoint *ep)
{
    uint64_t n = 0;
    for (size_t i = 8; i < 16; i++)
        n = n << 8 | ep->last.b[i];
    uint64_t first = 0;
    for (size_t i = 8; i < 16; i++)
        first = first << 8 | ep->first.b[i];
    return n - first + 1;
}

void kr_load_tuples(const struct kr_scene *s, const struct kr_endpoint *sink, size_t sources,
                    long time_wait, struct kr_result *r)
{
    char object[2 * KR_ADDRSTRLEN];
    uint64_t seconds = (uint64_t)time_wait, one = NAT_PORTS * addresses(sink);
    uint64_t want = need(s, seconds);
    kr_endpoint_str(sink, object);
    if (want > one)
        kr_result_add(r, want > one * sources ? KR_BROKEN : KR_IN_DOUBT, object,
                      "%" PRIu64 " connections for each source address; the test needs %" PRIu64
                      ": let the MTA use %" PRIu64 " source addresses (this host has %zu), or give "
                      "the sink more addresses (--sink FIRST-LAST:PORT)",
                      one, want, (want + one - 1) / one, sources);
    else
        kr_result_add(r, KR_HOLDS, object,
                      "%" PRIu64 " connections for each source address (%u x %" PRIu64
                      " addresses): enough for %" PRIu64 " connections/s",
                      one, NAT_PORTS, addresses(sink), one / seconds);
}

size_t kr_load_reserved(const char *list, long first, long last)
{
    size_t n = 0;
    char *end;
    while (*list) {
        long from = strtol(list, &end, 10), to = from;
        if (end == list)
            break;
        if (*end == '-')
            to = strtol(end + 1, &end, 10);
        from = from < first ? first : from;
        to = to > last ? last : to;
        n += to >= from ? (size_t)(to - from + 1) : 0;
        list = end + (*end == ',');
        if (*end != ',')
            break;
    }
    return n;
}

void kr_load_ports(const struct kr_scene *s, const struct kr_load_ports *p, struct kr_result *r)
{
    static const char object[] = "net.ipv4.ip_local_port_range";
    uint64_t seconds = p->reuse ? 1 : TIME_WAIT, want = need(s, seconds);
    uint64_t range = (uint64_t)(p->last - p->first + 1), n = range - p->reserved;
    if (want > n)
        kr_result_add(r, want > n * p->sources ? KR_BROKEN : KR_IN_DOUBT, object,
                      "%ld-%ld: %" PRIu64 " ports for one destination, or for one source address "
                      "that is bound; the test needs up to %" PRIu64 " (%" PRIu64
                      " s of TIME_WAIT each); sysctl -w %s=\"1024 65535\"%s, and more "
                      "source addresses",
                      p->first, p->last, n, want, seconds, object,
                      p->reuse ? "" : " net.ipv4.tcp_tw_reuse=1");
    else
        kr_result_add(r, KR_HOLDS, object,
                      "%ld-%ld: %" PRIu64 " ports, %zu reserved: enough for %" PRIu64
                      " connections/s to one destination, or from one source address that is bound",
                      p->first, p->last, n, p->reserved, n / seconds);
}

bool kr_load_file_limit(const char *text, uint64_t *soft)
{
    static const char name[] = "Max open files";
    const char *line = strstr(text, name);
    if (!line)
        return false;
    line += strlen(name);
    line += strspn(line, " ");
    if (strncmp(line, "unlimited", 9) == 0) {
        *soft = UINT64_MAX;
        return true;
    }
    char *end;
    *soft = strtoull(line, &end, 10);
    return end != line;
}

void kr_load_files(const struct kr_load_files *f, struct kr_result *r)
{
    struct kr_evidence *x;
    if (f->wants > f->room)
        x = kr_result_add(r, KR_BROKEN, f->who,
                          "room for %" PRIu64 " open files, the test needs %" PRIu64
                          "; LimitNOFILE=%" PRIu64 " in its systemd unit, or ulimit -n",
                          f->room, f->wants, round_up(f->wants));
    else if (f->room == UINT64_MAX)
        x = kr_result_add(r, KR_HOLDS, f->who, "no limit of open files");
    else
        x = kr_result_add(r, KR_HOLDS, f->who,
                          "room for %" PRIu64 " open files, and so many connections at once",
                          f->room);
    x->pid = f->pid;
}

void kr_load_backlog(const struct kr_scene *s, const struct kr_load_backlog *b, struct kr_result *r)
{
    uint64_t burst = s->expect_rate * PAUSE_MS / 1000;
    if (b->listeners == 0)
        kr_result_add(r, b->somaxconn >= 0 && burst > (uint64_t)b->somaxconn ? KR_BROKEN : KR_HOLDS,
                      "net.core.somaxconn", "%ld: so many connections wait at most for a listener",
                      b->somaxconn);
    else if (burst > b->backlog)
        kr_result_add(r, KR_BROKEN, "listeners of the sink",
                      "room for %" PRIu64 " waiting connections, %" PRIu64
                      " come in %u ms; sysctl -w net.core.somaxconn=65535, then down and up",
                      b->backlog, burst, PAUSE_MS);
    else
        kr_result_add(r, KR_HOLDS, "listeners of the sink",
                      "%zu, room for %" PRIu64 " waiting connections, %" PRIu64
                      " waiting: enough for %" PRIu64 " connections/s and a pause of %u ms",
                      b->listeners, b->backlog, b->queued, b->backlog * 1000 / PAUSE_MS, PAUSE_MS);
    if (asked(s) && b->listeners == 0 && s->builtin && s->standing)
        kr_result_add(r, KR_BROKEN, "listeners of the sink", "nobody listens at the sink's port");
}

static size_t column(const char *line, const char *name, size_t len)
{
    size_t n = 1;
    for (const char *p = line; *p && *p != '\n'; n++) {
        size_t w = strcspn(p, " \n");
        if (w == len && memcmp(p, name, len) == 0)
            return n;
        p += w;
        p += strspn(p, " ");
    }
    return 0;
}

bool kr_load_counter(const char *text, const char *group, const char *name, uint64_t *out)
{
    size_t g = strlen(group), at = 0;
    while (text && *text) {
        const char *eol = strchr(text, '\n');
        if (strncmp(text, group, g) == 0 && text[g] == ':') {
            if (at == 0) {
                at = column(text, name, strlen(name));
                if (at == 0)
                    return false;
            } else {
                const char *p = text;
                for (size_t i = 1; i < at && *p && *p != '\n'; i++) {
                    p += strcspn(p, " \n");
                    p += strspn(p, " ");
                }
                *out = strtoull(p, NULL, 10);
                return true;
            }
        }
        text = eol ? eol + 1 : NULL;
    }
    return false;
}

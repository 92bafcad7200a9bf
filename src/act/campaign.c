/* Theory of operation.
 *
 * A negative proof needs a method that can see the positive: every shot to a guarded port has a
 * control, the same but for its port, that must be seen leaving. The controls go first. Then the
 * guarded ones go, all at once, and after them a mark on each uplink: once the monitor has seen the
 * marks it has seen everything that was sent before. A monitor that lost a frame, or does not see a
 * mark, is dead, and what it did not see means nothing.
 *
 * Destinations are documentation addresses and every packet has one hop to live, so that nothing
 * goes further than the first router, whatever is broken. */
#include "campaign.h"

#include <kr/err.h>
#include <kr/failsafe.h>
#include <kr/mem.h>
#include <kr/plan.h>
#include <kr/probe.h>

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <time.h>

#define MOST_SOURCES 32
#define MOST_DEVICES 256
#define FIRST_DESTINATION 200 /* those before are for the connections that must meet the sink */
#define CONTROL_MS 1200
#define NEGATIVE_MS 60
#define MARK_MS 1000

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Not on-link: such packets take another way than mail. */
static bool is_far(const struct kr_netview *v, const struct kr_addr *a)
{
    for (size_t i = 0; i < v->n_addrs; i++) {
        struct kr_prefix p = kr_prefix_make(&v->addrs[i].peer, v->addrs[i].len);
        if (kr_prefix_has(&p, a))
            return false;
    }
    return true;
}

static struct kr_addr new_destination(struct kr_campaign *c, int family)
{
    struct kr_addr a = kr_probe_destination(family, c->next++);
    for (unsigned tries = 0; tries < 762 && !is_far(c->view, &a); tries++)
        a = kr_probe_destination(family, c->next++);
    return a;
}

static void add(struct kr_campaign *c, const struct kr_shot *like, uint16_t port, bool control)
{
    c->v = kr_grow(c->v, &c->cap, c->n + 1, sizeof *c->v);
    struct kr_shot *s = &c->v[c->n++];
    *s = *like;
    s->fd = -1;
    s->port = port;
    s->control = control;
    s->destination = new_destination(c, kr_addr_family(&like->source));
}

void kr_campaign_pair(struct kr_campaign *c, const struct kr_shot *like, uint16_t control)
{
    uint16_t port = like->port;
    add(c, like, control, true);
    add(c, like, port, false);
}

/* ---- what is sent
 * --------------------------------------------------------------------------------
 */

static bool usable(const struct kr_ifaddr *a)
{
    return a->scope == RT_SCOPE_UNIVERSE && !kr_addr_is_loopback(&a->addr) &&
           !(a->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED));
}

/* 443: what firewalls of hosts let out more than anything else. */
static uint16_t control_port(const struct kr_scene *s)
{
    static const uint16_t candidates[] = {443, 80, 26, 24};
    for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++) {
        bool guarded = false;
        for (size_t k = 0; k < s->n_ports; k++)
            guarded |= s->ports[k] == candidates[i];
        if (!guarded)
            return candidates[i];
    }
    return 23;
}

static void plan_sources(struct kr_campaign *c, const struct kr_scene *s,
                         const struct kr_netview *v, uint16_t control)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n_addrs; i++) {
        if (!usable(&v->addrs[i]))
            continue;
        if (n++ >= MOST_SOURCES) {
            c->sources_left++;
            continue;
        }
        for (size_t k = 0; k < (n == 1 ? s->n_ports : 1); k++)
            kr_campaign_pair(c,
                             &(struct kr_shot){.method = KR_BY_CONNECT,
                                               .source = v->addrs[i].addr,
                                               .port = s->ports[k]},
                             control);
    }
}

/* The first address of a family, preferably on the device; NULL without one. */
static const struct kr_addr *source_of(const struct kr_netview *v, int family, unsigned ifindex)
{
    const struct kr_addr *any = NULL;
    for (size_t i = 0; i < v->n_addrs; i++) {
        const struct kr_ifaddr *a = &v->addrs[i];
        if (!usable(a) || kr_addr_family(&a->addr) != family)
            continue;
        if (a->index == ifindex)
            return &a->addr;
        any = any ? any : &a->addr;
    }
    return any;
}

static bool is_up(const struct kr_netview *v, unsigned ifindex)
{
    const struct kr_link *l = kr_netview_link(v, ifindex);
    return l && (l->flags & IFF_UP) && (l->flags & IFF_RUNNING);
}

static void plan_family(struct kr_campaign *c, const struct kr_scene *s, const struct kr_netview *v,
                        int family, uint16_t control)
{
    const struct kr_addr *from = source_of(v, family, 0);
    static const enum kr_method once[] = {KR_BY_MARK, KR_BY_RAW};
    for (size_t i = 0; from && i < sizeof once / sizeof *once; i++)
        kr_campaign_pair(
            c, &(struct kr_shot){.method = once[i], .source = *from, .port = s->ports[0]}, control);
    for (size_t i = 0; from && i < s->uplinks->n; i++) {
        unsigned dev = s->uplinks->v[i].index;
        if (!is_up(v, dev))
            continue;
        struct kr_shot like = {.method = KR_BY_DEVICE,
                               .source = *source_of(v, family, dev),
                               .port = s->ports[0],
                               .ifindex = dev};
        kr_campaign_pair(c, &like, control);
        like.method = KR_BY_PACKET;
        kr_campaign_pair(c, &like, control);
    }
}

static int watch_all(struct kr_campaign *c, const struct kr_netview *v, struct kr_err *e)
{
    unsigned devices[MOST_DEVICES];
    size_t n = 0;
    for (size_t i = 0; i < v->n_links; i++) {
        const struct kr_link *l = &v->links[i];
        bool hole = strncmp(l->name, "kumo-hole", 9) == 0;
        if (!(l->flags & IFF_UP) || (l->flags & IFF_LOOPBACK) || hole)
            continue;
        if (n == MOST_DEVICES)
            return kr_fail(e, KR_UNKNOWN, 0, "more than %d devices are up: not all can be watched",
                           MOST_DEVICES);
        devices[n++] = l->index;
    }
    return kr_monitor_open(&c->monitor, devices, n, e);
}

/* ---- what is seen
 * --------------------------------------------------------------------------------
 */

static bool in_sink_range(const struct kr_addr *a)
{
    static const uint8_t v4[3] = {198, 18, 25}, v6[8] = {0x20, 0x01, 0, 2, 0, 0, 0, 0x25};
    return kr_addr_is_v4(a) ? memcmp(a->b + 12, v4, sizeof v4) == 0
                            : memcmp(a->b, v6, sizeof v6) == 0;
}

static void on_sent(const struct kr_sent *x, void *arg)
{
    struct kr_campaign *c = arg;
    if (in_sink_range(&x->dst))
        c->stray_on = x->ifindex;
    for (size_t i = 0; i < c->n; i++) {
        struct kr_shot *s = &c->v[i];
        if (kr_addr_cmp(&s->destination, &x->dst) != 0)
            continue;
        if (x->neighbour)
            s->asked = true;
        else if (x->dport == s->port || x->dport == 0)
            s->seen = true;
        s->seen_on = x->ifindex;
    }
}

static bool all_seen(const struct kr_campaign *c, size_t from, bool control)
{
    for (size_t i = from; i < c->n; i++)
        if (c->v[i].control == control && !c->v[i].seen && !c->v[i].asked && !c->v[i].sys)
            return false;
    return true;
}

int kr_campaign_wait(struct kr_campaign *c, size_t from, bool control, int ms, struct kr_err *e)
{
    uint64_t now = now_ms(), end = now + (uint64_t)ms;
    do {
        if (kr_monitor_read(&c->monitor, (int)(end - now), on_sent, c, e))
            return -1;
        now = now_ms();
    } while (now < end && !all_seen(c, from, control));
    return 0;
}

static void send_all(struct kr_campaign *c, bool control)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].control == control)
            kr_shot_send(&c->v[i]);
}

/* One more frame by each uplink: behind it nothing of before is left unseen. */
static int send_marks(struct kr_campaign *c, struct kr_err *e)
{
    size_t n = c->n;
    for (size_t i = 0; i < n; i++)
        if (c->v[i].method == KR_BY_PACKET && c->v[i].control && c->v[i].seen) {
            struct kr_shot like = c->v[i];
            like.seen = like.asked = false;
            add(c, &like, like.port, true);
            kr_shot_send(&c->v[c->n - 1]);
        }
    if (kr_campaign_wait(c, n, true, MARK_MS, e))
        return -1;
    for (size_t i = n; i < c->n; i++)
        if (!c->v[i].seen)
            return kr_fail(e, KR_UNKNOWN, c->v[i].sys, "the monitor of device %u went blind",
                           c->v[i].ifindex);
    while (c->n > n)
        kr_close_fd(&c->v[--c->n].fd);
    return 0;
}

static int run(struct kr_campaign *c, const struct kr_scene *s, const struct kr_netview *v,
               struct kr_err *e)
{
    uint16_t control = control_port(s);
    plan_sources(c, s, v, control);
    plan_family(c, s, v, AF_INET, control);
    plan_family(c, s, v, AF_INET6, control);
    if (watch_all(c, v, e))
        return -1;
    send_all(c, true);
    if (kr_campaign_wait(c, 0, true, CONTROL_MS, e))
        return -1;
    send_all(c, false);
    if (kr_campaign_wait(c, 0, false, NEGATIVE_MS, e) || send_marks(c, e))
        return -1;
    return kr_campaign_forward(c, s->ports[0], control, e);
}

static struct kr_campaign *new_campaign(struct kr_scene *s, struct kr_err *e)
{
    const struct kr_netview *v = kr_scene_view(s, e);
    if (!v)
        return NULL;
    struct kr_campaign *c = kr_calloc(1, sizeof *c);
    c->view = v;
    c->next = FIRST_DESTINATION;
    if (run(c, s, v, e) == 0)
        return c;
    kr_campaign_free(c);
    return NULL;
}

const struct kr_campaign *kr_campaign_of(struct kr_proof *p, struct kr_err *e)
{
    if (!p->campaign && !*p->campaign_failed.msg)
        p->campaign = new_campaign(&p->scene, &p->campaign_failed);
    if (!p->campaign)
        *e = p->campaign_failed;
    return p->campaign;
}

void kr_campaign_free(struct kr_campaign *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n; i++)
        kr_close_fd(&c->v[i].fd);
    kr_monitor_close(&c->monitor);
    free(c->v);
    free(c);
}

#include "checks_route_internal.h"

#include <kr/netview.h>
#include <kr/sysctl.h>

#include <stdio.h>
#include <string.h>

struct look {
    struct kr_scene *scene;
    struct kr_result *r;
    int forwards4, forwards6;
    const char *family, *name, *what; /* of the sysctl that is read for each device */
    enum kr_verdict verdict;
    long least; /* what the setting for all devices leaves of each: -1 for "either is enough" */
};

static void say(struct look *l, enum kr_verdict v, const char *name, long value, const char *what)
{
    kr_result_add(l->r, v, name, "is %ld: %s", value, what);
}

/* A device's value, as it takes effect. "default" is for devices to come. */
static void on_device(const char *device, long value, void *arg)
{
    struct look *l = arg;
    char name[96];
    if (value <= 0 || (l->least >= 0 && strcmp(device, "all") == 0))
        return;
    snprintf(name, sizeof name, "net.%s.conf.%s.%s", l->family, device, l->name);
    struct kr_evidence *ev = kr_result_add(l->r, l->verdict, name, "is %ld: %s", value, l->what);
    snprintf(ev->ifname, sizeof ev->ifname, "%s", device);
}

static int each_device(struct look *l, struct kr_err *e)
{
    return kr_sysctl_each(l->family, l->name, on_device, l, e) < 0 ? -1 : 0;
}

/* IN_DEV_ROUTE_LOCALNET() in linux/inetdevice.h: all or device. */
static int route_localnet(struct look *l, struct kr_err *e)
{
    l->family = "ipv4";
    l->name = "route_localnet";
    l->verdict = KR_BROKEN;
    l->what = "neighbours on the device may reach services on 127.0.0.0/8, the mail server's own "
              "too; kumo-redirect does not need it: set 0";
    l->least = -1;
    return each_device(l, e);
}

/* These take effect where all and device allow them (IN_DEV_SOURCE_ROUTE() in linux/inetdevice.h;
 * ipv6_rthdr_rcv() and ipv6_srh_rcv() in net/ipv6/exthdrs.c). */
static int both_allow(struct look *l, const char *family, const char *name, int forwards,
                      const char *what, struct kr_err *e)
{
    char all[64];
    long value = 0;
    snprintf(all, sizeof all, "%s/conf/all/%s", family, name);
    int got = kr_sysctl_read(all, &value, e);
    if (got <= 0 || value <= 0)
        return got < 0 ? -1 : 0;
    l->family = family;
    l->name = name;
    l->verdict = forwards ? KR_BROKEN : KR_HOLDS;
    l->what = what;
    l->least = 0;
    return each_device(l, e);
}

static int source_routes(struct look *l, struct kr_err *e)
{
    static const char v4[] = "source-routed packets are taken; where this host forwards, they can "
                             "name the last hop out of sight of addresses: set 0";
    static const char v6[] = "routing headers are taken: set 0";
    return both_allow(l, "ipv4", "accept_source_route", l->forwards4, v4, e) ||
                   both_allow(l, "ipv6", "accept_source_route", l->forwards6, v6, e) ||
                   both_allow(l, "ipv6", "seg6_enabled", l->forwards6, v6, e)
               ? -1
               : 0;
}

/* A sysctl that is only worth a word when it has (or has not) this value. */
struct plain {
    const char *file, *name;
    long value;
    bool unless; /* said unless it is that value */
    enum kr_verdict verdict;
    const char *what;
};
static const struct plain plains[] = {
    {"netfilter/nf_conntrack_tcp_loose", "net.netfilter.nf_conntrack_tcp_loose", 0, false,
     KR_BROKEN,
     "packets of a redirected flow that come late are INVALID and keep their destination; only the "
     "guards stop them: set 1"},
    {"netfilter/nf_conntrack_tcp_be_liberal", "net.netfilter.nf_conntrack_tcp_be_liberal", 0, true,
     KR_HOLDS, "packets outside the window stay redirected"},
    {"ipv4/conf/all/rp_filter", "net.ipv4.conf.all.rp_filter", 1, false, KR_HOLDS,
     "strict; answers that come in by another way than they would leave are dropped"},
    {"ipv4/ip_nonlocal_bind", "net.ipv4.ip_nonlocal_bind", 0, true, KR_HOLDS,
     "connections may come from addresses that are not this host's; they are guarded as others"},
    {"ipv6/ip_nonlocal_bind", "net.ipv6.ip_nonlocal_bind", 0, true, KR_HOLDS,
     "connections may come from addresses that are not this host's; they are guarded as others"},
    {"ipv4/tcp_fastopen", "net.ipv4.tcp_fastopen", 0, true, KR_HOLDS,
     "data may be in a SYN, which is redirected and guarded as any other"},
};

static int one_number(struct look *l, const struct plain *p, struct kr_err *e)
{
    long value = 0;
    int got = kr_sysctl_read(p->file, &value, e);
    if (got > 0 && (value == p->value) != p->unless)
        say(l, p->verdict, p->name, value, p->what);
    return got < 0 ? -1 : 0;
}

/* A bridge with an uplink among its ports; NULL: none. */
static const struct kr_link *bridged_uplink(const struct kr_scene *s, const struct kr_netview *v)
{
    for (size_t i = 0; s->uplinks && i < s->uplinks->n; i++) {
        const struct kr_link *port = kr_netview_link(v, s->uplinks->v[i].index);
        const struct kr_link *bridge = port ? kr_netview_link(v, port->master) : NULL;
        if (bridge && strcmp(bridge->kind, "bridge") == 0)
            return bridge;
    }
    return NULL;
}

static int bridge_calls(struct look *l, struct kr_err *e)
{
    static const char *const files[] = {"bridge/bridge-nf-call-iptables",
                                        "bridge/bridge-nf-call-ip6tables"};
    const struct kr_netview *v = kr_scene_view(l->scene, e);
    const struct kr_link *bridge = v ? bridged_uplink(l->scene, v) : NULL;
    for (size_t i = 0; bridge && i < 2; i++) {
        char name[64];
        long value = 0;
        int got = kr_sysctl_read(files[i], &value, e);
        if (got < 0)
            return -1;
        if (value)
            continue;
        snprintf(name, sizeof name, "net.bridge.%s", files[i] + strlen("bridge/"));
        struct kr_evidence *ev =
            kr_result_add(l->r, KR_BROKEN, name,
                          "%s: mail of machines on the bridge with an uplink is not redirected, "
                          "only the fence on "
                          "the uplink stops it: modprobe br_netfilter, set 1",
                          got ? "is 0" : "is not there (br_netfilter is not loaded)");
        memcpy(ev->ifname, bridge->name, sizeof ev->ifname);
    }
    return v ? 0 : -1;
}

static int mptcp(struct look *l, struct kr_err *e)
{
    long value = 0;
    bool foreign = (l->scene->sink4 || l->scene->sink6) && !l->scene->builtin;
    int got = kr_sysctl_read("mptcp/enabled", &value, e);
    if (got > 0 && value)
        say(l, foreign ? KR_BROKEN : KR_HOLDS, "net.mptcp.enabled", value,
            foreign ? "the sink could announce other addresses to MPTCP sockets: set 0"
                    : "only an MPTCP peer can announce addresses, and kumo-sink is none");
    return got < 0 ? -1 : 0;
}

static void forwarding(struct look *l)
{
    const struct kr_scene *s = l->scene;
    if (s->forward && !l->forwards4)
        say(l, KR_BROKEN, "net.ipv4.ip_forward", 0,
            "forwarded connections are to be redirected, but this host forwards nothing: set 1");
    if (!s->forward && l->forwards4)
        say(l, KR_HOLDS, "net.ipv4.ip_forward", 1,
            "forwarded mail is blocked (--forward redirect would redirect it)");
    if (!s->forward && l->forwards6)
        say(l, KR_HOLDS, "net.ipv6.conf.all.forwarding", 1,
            "forwarded mail is blocked (--forward redirect would redirect it)");
}

int kr_check_sysctls(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    struct look l = {.scene = s, .r = r};
    l.forwards4 = kr_forwards(AF_INET, e);
    l.forwards6 = l.forwards4 < 0 ? -1 : kr_forwards(AF_INET6, e);
    int bad = l.forwards6 < 0;
    bad = route_localnet(&l, e) || bad;
    bad = source_routes(&l, e) || bad;
    for (size_t i = 0; i < sizeof plains / sizeof *plains; i++)
        bad = one_number(&l, &plains[i], e) || bad;
    bad = bridge_calls(&l, e) || bad;
    bad = mptcp(&l, e) || bad;
    if (l.forwards6 >= 0)
        forwarding(&l);
    return bad ? -1 : 0;
}

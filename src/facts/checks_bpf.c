#include "checks_bpf.h"

#include <kr/bpf.h>
#include <kr/netview.h>

#include <linux/lwtunnel.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define N(table) (sizeof(table) / sizeof *(table))

const struct kr_bpf_link *kr_prog_link(const struct kr_bpf *b, uint32_t prog)
{
    for (size_t i = 0; b && i < b->n_links; i++)
        if (b->links[i].prog == prog)
            return &b->links[i];
    return NULL;
}

struct kr_prog_text kr_prog_text(const struct kr_bpf *b, uint32_t id)
{
    struct kr_prog_text out;
    const struct kr_bpf_prog *p = b ? kr_bpf_prog(b, id) : NULL;
    const struct kr_bpf_link *l = kr_prog_link(b, id);
    int n = snprintf(out.s, sizeof out.s, "%u", id);
    if (p && *p->name)
        n += snprintf(out.s + n, sizeof out.s - (size_t)n, " (%s)", p->name);
    if (l)
        snprintf(out.s + n, sizeof out.s - (size_t)n, ", held by link %u,", l->id);
    return out;
}

struct kr_evidence *kr_add_device(struct kr_result *r, enum kr_verdict v, const char *name,
                                  uint64_t handle, const char *fmt, ...)
{
    char object[IFNAMSIZ + 8], what[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    snprintf(object, sizeof object, "dev %s", name);
    struct kr_evidence *x = kr_result_add(r, v, object, "%s", what);
    snprintf(x->ifname, sizeof x->ifname, "%s", name);
    x->handle = handle;
    return x;
}

void kr_add_no_bpf(struct kr_result *r)
{
    kr_result_add(r, KR_HOLDS, "this kernel", "has no bpf(2) (ENOSYS): no program can be loaded");
}

/* By LWTUNNEL_ENCAP_*. */
static const struct encap {
    const char *name;
    enum kr_verdict verdict;
    const char *does;
} encaps[] = {
    [LWTUNNEL_ENCAP_MPLS] = {"mpls", KR_HOLDS, "the fence on the device judges the frame"},
    [LWTUNNEL_ENCAP_IP] = {"ip", KR_HOLDS, "the tunnel's device judges the packet"},
    [LWTUNNEL_ENCAP_ILA] = {"ila", KR_IN_DOUBT, "rewrites the destination"},
    [LWTUNNEL_ENCAP_IP6] = {"ip6", KR_HOLDS, "the tunnel's device judges the packet"},
    [LWTUNNEL_ENCAP_SEG6] = {"seg6", KR_HOLDS, "the fence on the device judges the frame"},
    [LWTUNNEL_ENCAP_BPF] = {"bpf", KR_BROKEN,
                            "runs an eBPF program behind the guards, which can rewrite packets"},
    [LWTUNNEL_ENCAP_SEG6_LOCAL] = {"seg6local", KR_IN_DOUBT,
                                   "unpacks packets and sends them on, by a program perhaps"},
    [LWTUNNEL_ENCAP_RPL] = {"rpl", KR_IN_DOUBT, "chooses the way by a routing header"},
    [LWTUNNEL_ENCAP_IOAM6] = {"ioam6", KR_IN_DOUBT, "puts packets behind another header"},
    [LWTUNNEL_ENCAP_XFRM] = {"xfrm", KR_HOLDS, "the xfrm device judges the packet"},
};

static void one_route(struct kr_result *r, const struct kr_netview *v, const struct kr_route *x)
{
    static const struct encap other = {"of a kind not known here", KR_IN_DOUBT, "may do anything"};
    const struct encap *k =
        x->encap < N(encaps) && encaps[x->encap].name ? &encaps[x->encap] : &other;
    const struct kr_link *l = kr_netview_link(v, x->oif);
    char object[160], dst[KR_ADDRSTRLEN];
    snprintf(object, sizeof object, "route %s table %u", kr_prefix_str(&x->dst, dst), x->table);
    struct kr_evidence *ev = kr_result_add(r, k->verdict, object, "encap %s: %s", k->name, k->does);
    snprintf(ev->ifname, sizeof ev->ifname, "%s", l ? l->name : "");
}

int kr_check_lwt(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    const struct kr_netview *v = kr_scene_view(s, e);
    size_t n = 0;
    if (!v)
        return -1;
    for (size_t i = 0; i < v->n_routes; i++)
        if (v->routes[i].has_encap) {
            one_route(r, v, &v->routes[i]);
            n++;
        }
    if (!n)
        kr_result_add(r, KR_HOLDS, "every route", "none of %zu has an encapsulation", v->n_routes);
    return 0;
}

static const struct kr_check checks[] = {
    {.id = "xdp-programs",
     .title = "no XDP program on a device",
     .rows = "37",
     .why = "An XDP program sees frames in the driver and can send them out again (XDP_TX, "
            "XDP_REDIRECT) below every packet rule of this host; its own sniffers see nothing.",
     .how = "IFLA_XDP of every device of this network namespace: native, generic, offloaded. Of "
            "other namespaces, the far ends of veth pairs too, only the machine's list of loaded "
            "programs (bpf(2)) is seen: one with a device map is in doubt. Whether a process runs "
            "a loaded program by BPF_PROG_TEST_RUN can't be seen.",
     .remedy = "ip link set dev DEV xdp off (or xdpgeneric off); when a link holds it, bpftool "
               "link detach id N, or end its loader. Firewalls and load balancers at XDP (Cilium, "
               "Katran, Suricata) do this: test on another host, or waive it.",
     .waivable = true,
     .run = kr_check_xdp_programs},
    {.id = "xdp-sockets",
     .title = "no AF_XDP socket",
     .rows = "36",
     .why = "An AF_XDP socket writes frames to the driver's ring, below every packet rule of this "
            "host; its own sniffers see nothing.",
     .how = "The kernel's count of AF_XDP sockets in use in this network namespace "
            "(/proc/net/protocols), to whose devices such a socket keeps. Its owner is looked for "
            "among the descriptors of all processes; XDP_DIAG is not needed.",
     .remedy = "End the process named (kill PID), or waive it.",
     .waivable = true,
     .run = kr_check_xdp_sockets},
    {.id = "tc-filters",
     .title = "no tc filter that sends or rewrites packets",
     .rows = "16 38",
     .why = "A tc action at ingress sends packets to another device past the guards and the fence "
            "there; one at egress rewrites them behind both.",
     .how = "Every filter at ingress, egress, on qdiscs, classes and shared blocks of every device "
            "of this network namespace. Classifying, marking, policing and dropping hold; mirred "
            "(but to an ifb, which gives packets back), pedit, skbmod, nat, ct, eBPF and their "
            "like do not; unknown kinds are in doubt. What an eBPF program does is not read.",
     .remedy = "tc filter show dev DEV ingress; tc filter del dev DEV ingress pref N (egress, "
               "parent X:Y or, without a device, block N, as named). Cilium and Calico in eBPF "
               "mode do this: test on a host without them, or waive it.",
     .waivable = true,
     .run = kr_check_tc_filters},
    {.id = "tc-qdisc",
     .title = "only queueing disciplines that order, delay or drop",
     .rows = "16 38",
     .why = "A queueing discipline comes behind every packet rule. One that is made by a module or "
            "an eBPF program can send or change what it wants.",
     .how = "The kinds of all qdiscs of this network namespace, also those the kernel made by "
            "itself, against the list of known ones; filters that RED runs are in doubt.",
     .remedy = "tc qdisc del dev DEV root (or replace it: tc qdisc replace dev DEV root fq_codel).",
     .waivable = true,
     .run = kr_check_tc_qdisc},
    {.id = "tc-offload",
     .title = "no tc filter in hardware that sends or rewrites packets",
     .rows = "41",
     .why = "A filter in the device's hardware forwards packets that this host never sees.",
     .how = "The flags in_hw and skip_sw of every filter. What a switch inside the device "
            "(switchdev, a DPU, OVS on DPDK) forwards by itself can't be seen from here.",
     .remedy = "ethtool -K DEV hw-tc-offload off; tc filter del dev DEV ingress pref N.",
     .waivable = true,
     .run = kr_check_tc_offload},
    {.id = "tcx-netkit",
     .title = "no eBPF program at tcx or netkit",
     .rows = "38",
     .why = "A program at tcx or netkit can send packets to another device past the guards and "
            "the fence there, or rewrite them behind both; tc filter show does not list it.",
     .how = "BPF_PROG_QUERY on every device of this network namespace: tcx ingress and egress, "
            "netkit primary and peer. EINVAL is the word of a kernel without them. A netkit pair "
            "whose primary end is in another namespace is in doubt.",
     .remedy = "bpftool net show; bpftool net detach tcx_ingress dev DEV, bpftool link detach id "
               "N when a link holds it, or end its loader. Cilium does this: test on a host "
               "without it, or waive it.",
     .waivable = true,
     .run = kr_check_tcx_netkit},
    {.id = "cgroup-bpf",
     .title = "no eBPF program on a cgroup that changes connections",
     .rows = "50 51",
     .why = "A program on a cgroup can change the address and port inside connect(): the mail "
            "server believes it speaks to port 25 of one host and reaches another port of another "
            "one. No packet to port 25 is ever made, so no guard meets one.",
     .how = "BPF_PROG_QUERY on every cgroup of the machine, when a program of such a kind is "
            "loaded at all (bpf(2) lists them); cgroup2 needs no mount. connect, sendmsg and "
            "sock_ops break; packet filters (IPAddressDeny=), devices and sysctl programs of "
            "systemd hold. In a container the cgroups outside can't be seen. LSM and tracing "
            "programs are not judged, though one of the latter may write into a process.",
     .remedy = "bpftool cgroup tree; bpftool cgroup detach /sys/fs/cgroup/PATH connect4 id N, or "
               "bpftool link detach id N when a link holds it. Cilium's socket load balancer "
               "(kube-proxy replacement) does this: socketLB.enabled=false, or waive it.",
     .waivable = true,
     .run = kr_check_cgroup_bpf},
    {.id = "sockmap",
     .title = "no eBPF program that moves data between sockets",
     .rows = "51",
     .why = "sk_msg and sk_skb programs on a sockmap move what is written to one socket into "
            "another; an sk_lookup program hands a redirected connection to something else than "
            "the sink.",
     .how = "All loaded programs of these kinds, the sockmaps and links that hold them (bpf(2)). "
            "Which sockets are in a map can't be seen: any map breaks. A program whose place is "
            "not found (before Linux 5.18 none is) is in doubt; sk_lookup in another network "
            "namespace holds.",
     .remedy = "bpftool prog show; bpftool prog detach id N msg_verdict id MAP, bpftool link "
               "detach id N, or end its loader (a service mesh: Istio, Cilium, Merbridge).",
     .waivable = true,
     .run = kr_check_sockmap},
    {.id = "lwt-programs",
     .title = "no route that runs a program or rewrites packets",
     .rows = "17",
     .why = "A route with an encapsulation of type bpf rewrites packets behind postrouting; "
            "seg6local, ila and their like choose another destination.",
     .how = "RTA_ENCAP of every route and nexthop object of every table. mpls, ip, ip6, seg6 and "
            "xfrm are judged by the fence on the device they leave by, so they hold here.",
     .remedy = "ip route show table all | grep encap; ip route del PREFIX table N.",
     .waivable = true,
     .run = kr_check_lwt},
    {.id = "bpf-netfilter-links",
     .title = "no eBPF program at a netfilter hook",
     .rows = "",
     .why = "A netfilter program (Linux 6.4) runs between our chains. Kernels so far let it accept "
            "or drop only, but nft does not list it, and what it does is not read.",
     .how = "Links of that kind, by bpf(2). The kernel does not say in which network namespace one "
            "is, so each is in doubt.",
     .remedy = "bpftool net show; bpftool link detach id N, or end its loader; waive it when it is "
               "yours.",
     .waivable = true,
     .run = kr_check_netfilter_links},
};

const struct kr_check_group kr_checks_bpf = {"bpf", checks, N(checks)};

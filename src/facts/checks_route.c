#include "checks_route_internal.h"

static const struct kr_check checks[] = {
    {.id = "policy-rules",
     .title = "no policy rule stands ahead of ours",
     .rows = "61 63",
     .why = "A rule that is asked before ours can send mail to another table, out of an uplink: by "
            "a mark, a user, a source address, a device, a VRF, or for everything.",
     .how = "The rules of both families are read in the order of lookup (RTM_GETRULE). Ahead of "
            "ours at 25 only `0: from all lookup local` may stand, and what can't match TCP to a "
            "guarded port: another protocol or port, a device that is not there, packets that come "
            "in where nothing is forwarded. Routes that programs attach to sockets or cgroups are "
            "not rules; other checks look for those.",
     .remedy = "ip rule del pref N (ip -6 for IPv6), then add it again with a pref over 25",
     .waivable = true,
     .run = kr_check_policy_rules},
    {.id = "kernel-route",
     .title = "the kernel itself leads mail nowhere",
     .rows = "61 63",
     .why =
         "Whatever rules and tables say, what counts is the route that a connection to a guarded "
         "port is given. If it leads out of a device, only netfilter keeps mail in.",
     .how = "The kernel looks up documentation addresses of both families for TCP to each guarded "
            "port (RTM_GETROUTE, Linux 4.18): plain, with each mark the rules know and one they do "
            "not, from each own address, in each VRF, and for forwarded packets of each network. "
            "The answer must be our hole or unreachable. The same without a port is the control: "
            "it must not be the hole. A socket that is bound to a device is not asked for: the "
            "kernel gives it that device without a route, and the guards must stop it.",
     .remedy = "ip route get 203.0.113.25 ipproto tcp dport 25 shows the way; remove the rule that "
               "leads there (ip rule), then sudo kumo-redirect up",
     .waivable = true,
     .run = kr_check_kernel_route},
    {.id = "sysctls",
     .title = "kernel settings do not make the guards' work harder",
     .rows = "7 8 26 27 31 43 56 57 60",
     .why = "No guard of ours relies on these, so none is a leak while the guards stand. Yet "
            "route_localnet opens loopback services to neighbours, source routes lead past "
            "addresses, tcp_loose=0 makes late packets of redirected flows ones that only the "
            "guards stop, bridged machines are not redirected without bridge-nf-call, and MPTCP "
            "lets the other side name more addresses.",
     .how = "Files below /proc/sys/net of this network namespace: route_localnet, "
            "accept_source_route and seg6_enabled of all devices as they take effect, "
            "nf_conntrack_tcp_loose and _be_liberal, bridge-nf-call-iptables and -ip6tables when "
            "an uplink is a port of a bridge, mptcp.enabled, forwarding, rp_filter, "
            "ip_nonlocal_bind, tcp_fastopen. What is not there does no harm; what can't be read is "
            "unknown. The settings of neighbours can't be seen.",
     .remedy = "sysctl -w net.NAME=VALUE as the evidence says, and the same in /etc/sysctl.d",
     .advice = true,
     .run = kr_check_sysctls},
};
const struct kr_check_group kr_checks_route = {"route", checks, sizeof checks / sizeof *checks};

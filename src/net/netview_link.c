#include "netview_internal.h"

#include <kr/mem.h>

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <string.h>

static bool parse_vlan(struct nlattr *data, struct kr_link *l)
{
    struct nlattr *a[IFLA_VLAN_MAX + 1];
    l->vlan_protocol = ETH_P_8021Q;
    if (!data || nla_parse_nested(a, IFLA_VLAN_MAX, data, NULL) || !a[IFLA_VLAN_FLAGS] ||
        nla_len(a[IFLA_VLAN_FLAGS]) < (int)sizeof(struct ifla_vlan_flags))
        return false;
    if (a[IFLA_VLAN_PROTOCOL])
        l->vlan_protocol = ntohs(nla_get_u16(a[IFLA_VLAN_PROTOCOL]));
    const struct ifla_vlan_flags *f = nla_data(a[IFLA_VLAN_FLAGS]);
    l->vlan_reorder = (f->flags & VLAN_FLAG_REORDER_HDR) != 0;
    return true;
}

static bool parse_bridge(struct nlattr *data, struct kr_link *l)
{
    struct nlattr *a[IFLA_BR_VLAN_FILTERING + 1];
    if (!data || nla_parse_nested(a, IFLA_BR_VLAN_FILTERING, data, NULL))
        return false;
    l->vlan_filtering = a[IFLA_BR_VLAN_FILTERING] && nla_get_u8(a[IFLA_BR_VLAN_FILTERING]);
    return true;
}

static bool parse_kind(struct nlattr *info, struct kr_link *l)
{
    struct nlattr *a[IFLA_INFO_MAX + 1];
    if (!info)
        return true;
    if (nla_parse_nested(a, IFLA_INFO_MAX, info, NULL))
        return false;
    if (a[IFLA_INFO_KIND])
        nla_strlcpy(l->kind, a[IFLA_INFO_KIND], sizeof l->kind);
    if (strcmp(l->kind, "vlan") == 0)
        return parse_vlan(a[IFLA_INFO_DATA], l);
    return strcmp(l->kind, "bridge") != 0 || parse_bridge(a[IFLA_INFO_DATA], l);
}

int kr_nv_link(const struct nlmsghdr *h, void *arg, struct kr_err *e)
{
    struct kr_nv *n = arg;
    struct kr_netview *v = n->v;
    struct nlattr *a[IFLA_MAX + 1];
    struct kr_link l = {0};
    if (h->nlmsg_type != RTM_NEWLINK)
        return 0;
    if (nlmsg_parse((void *)(uintptr_t)h, sizeof(struct ifinfomsg), a, IFLA_MAX, NULL) ||
        !a[IFLA_IFNAME] || !parse_kind(a[IFLA_LINKINFO], &l))
        return kr_nv_unreadable("a link", e);
    const struct ifinfomsg *i = nlmsg_data(h);
    l.index = (unsigned)i->ifi_index;
    l.arphrd = i->ifi_type;
    l.flags = i->ifi_flags;
    nla_strlcpy(l.name, a[IFLA_IFNAME], sizeof l.name);
    l.lower_elsewhere = a[IFLA_LINK_NETNSID] != NULL;
    if (a[IFLA_LINK] && !l.lower_elsewhere && nla_get_u32(a[IFLA_LINK]) != l.index)
        l.lower = nla_get_u32(a[IFLA_LINK]);
    if (a[IFLA_MASTER])
        l.master = nla_get_u32(a[IFLA_MASTER]);
    v->links = kr_grow(v->links, &n->cap_links, v->n_links + 1, sizeof l);
    v->links[v->n_links++] = l;
    return 0;
}

bool kr_nv_take(int family, struct nlattr *a, struct kr_addr *out, bool *bad)
{
    if (a && nla_len(a) < (family == AF_INET ? 4 : 16)) {
        *bad = true;
        return false;
    }
    if (a)
        *out = kr_addr_make(family, nla_data(a));
    return a != NULL;
}

int kr_nv_addr(const struct nlmsghdr *h, void *arg, struct kr_err *e)
{
    struct kr_nv *n = arg;
    struct kr_netview *v = n->v;
    struct nlattr *a[IFA_MAX + 1];
    struct kr_ifaddr x = {0};
    bool bad = false;
    if (h->nlmsg_type != RTM_NEWADDR)
        return 0;
    if (nlmsg_parse((void *)(uintptr_t)h, sizeof(struct ifaddrmsg), a, IFA_MAX, NULL))
        return kr_nv_unreadable("an address", e);
    const struct ifaddrmsg *i = nlmsg_data(h);
    if (i->ifa_family != AF_INET && i->ifa_family != AF_INET6)
        return 0;
    /* IFA_ADDRESS is the peer of a point-to-point device, IFA_LOCAL the host's own (if_addr.h). */
    bool peer = kr_nv_take(i->ifa_family, a[IFA_ADDRESS], &x.peer, &bad);
    bool own = kr_nv_take(i->ifa_family, a[IFA_LOCAL], &x.addr, &bad);
    if (bad || (!peer && !own) || i->ifa_prefixlen > (i->ifa_family == AF_INET ? 32 : 128))
        return kr_nv_unreadable("an address", e);
    if (!own)
        x.addr = x.peer;
    if (!peer)
        x.peer = x.addr;
    x.index = i->ifa_index;
    x.len = (uint8_t)(i->ifa_prefixlen + (i->ifa_family == AF_INET ? 96 : 0));
    x.scope = i->ifa_scope;
    x.flags = a[IFA_FLAGS] ? nla_get_u32(a[IFA_FLAGS]) : i->ifa_flags;
    v->addrs = kr_grow(v->addrs, &n->cap_addrs, v->n_addrs + 1, sizeof x);
    v->addrs[v->n_addrs++] = x;
    return 0;
}

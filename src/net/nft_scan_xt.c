/* Targets and matches of xtables, which iptables-nft puts into nftables as they are. What stands in
 * `info` is each extension's own struct, in host order (include/uapi/linux/netfilter/xt_*.h). */
#include "nft_scan_rule.h"

#include <endian.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

typedef void xt_fn(struct kr_rule_walk *w, const struct kr_xt *x);

/* Copies the struct; false when there is less of it. */
static bool take(const struct kr_xt *x, void *out, size_t size)
{
    if (x->len < size)
        return false;
    memcpy(out, x->info, size);
    return true;
}

static void tcp_match(struct kr_rule_walk *w, const struct kr_xt *x)
{
    struct xt_tcp t;
    if (x->revision == 0 && take(x, &t, sizeof t))
        kr_rule_ports(w, t.dpts[0], t.dpts[1], t.invflags & XT_TCP_INV_DSTPT);
}

static void multiport_match(struct kr_rule_walk *w, const struct kr_xt *x)
{
    struct xt_multiport_v1 m;
    uint32_t left = 0, before = w->may;
    if (x->revision != 1 || !take(x, &m, sizeof m) || m.flags != XT_MULTIPORT_DESTINATION ||
        m.invert || m.count > XT_MULTI_PORTS)
        return;
    for (unsigned i = 0; i < m.count; i++) {
        unsigned first = m.ports[i];
        if (m.pflags[i] && ++i == m.count)
            return;
        w->may = before;
        kr_rule_ports(w, first, m.ports[i], false);
        left |= w->may;
    }
    w->may = left;
}

static void addrtype_match(struct kr_rule_walk *w, const struct kr_xt *x)
{
    struct xt_addrtype_info_v1 v1;
    struct xt_addrtype_info v0;
    bool local;
    if (x->revision == 1 && take(x, &v1, sizeof v1))
        local = v1.dest == 1u << RTN_LOCAL && !(v1.flags & XT_ADDRTYPE_INVERT_DEST);
    else
        local = x->revision == 0 && take(x, &v0, sizeof v0) && v0.dest == 1u << RTN_LOCAL &&
                !v0.invert_dest;
    if (local)
        w->may &= ~KR_MAY_TO_ELSEWHERE;
}

static const struct {
    const char *name;
    xt_fn *run;
} matches[] = {{"tcp", tcp_match}, {"multiport", multiport_match}, {"addrtype", addrtype_match}};

/* The others narrow too, but what they prove is not asked. */
void kr_xt_match(struct kr_rule_walk *w, const struct kr_xt *x)
{
    for (size_t i = 0; i < sizeof matches / sizeof *matches; i++)
        if (strcmp(matches[i].name, x->name) == 0)
            matches[i].run(w, x);
}

static void ct_target(struct kr_rule_walk *w, const struct kr_xt *x)
{
    struct xt_ct_target_info t;
    if (!take(x, &t, sizeof t)) {
        kr_rule_does(w, KR_DOES_UNKNOWN, "CT of another form");
        return;
    }
    if (t.flags & (XT_CT_NOTRACK | XT_CT_NOTRACK_ALIAS))
        kr_rule_does(w, KR_DOES_NOTRACK, "CT --notrack");
    if (t.zone || (t.flags & XT_CT_ZONE_MARK))
        kr_rule_does(w, KR_DOES_ZONE, "CT --zone");
}

static int port_of(unsigned flags, uint16_t min, uint16_t max)
{
    if (!(flags & NF_NAT_RANGE_PROTO_SPECIFIED))
        return 0;
    return min == max && !(flags & NF_NAT_RANGE_PROTO_OFFSET) ? be16toh(min) : -1;
}

/* Revision 0 of IPv4 is a struct of its own; the later ones begin alike. */
static void dnat_target(struct kr_rule_walk *w, const struct kr_xt *x)
{
    struct nf_nat_ipv4_multi_range_compat v4;
    struct nf_nat_range r;
    int port = -1;
    if (x->revision == 0 && take(x, &v4, sizeof v4) && v4.rangesize == 1)
        port = port_of(v4.range[0].flags, v4.range[0].min.all, v4.range[0].max.all);
    else if (x->revision > 0 && x->revision <= 2 && take(x, &r, sizeof r))
        port = port_of(r.flags, r.min_proto.all, r.max_proto.all);
    kr_rule_maps(w, x->name, port);
}

static void redirect_target(struct kr_rule_walk *w, const struct kr_xt *x)
{
    kr_rule_maps(w, x->name, -1);
}

static void netmap_target(struct kr_rule_walk *w, const struct kr_xt *x)
{
    kr_rule_maps(w, x->name, 0);
}

/* What each does. Those that only mark, count, log, answer or change the source stand as harmless;
 * the lower-case ones are of ebtables (link addresses), "mangle" of arptables. */
#define HARMLESS KR_DOES_N
static const struct {
    const char *name;
    enum kr_nft_does does;
    xt_fn *run; /* instead */
} targets[] = {
    {"DNAT", HARMLESS, dnat_target},
    {"REDIRECT", HARMLESS, redirect_target},
    {"NETMAP", HARMLESS, netmap_target},
    {"SAME", HARMLESS, netmap_target},
    {"CT", HARMLESS, ct_target},
    {"NOTRACK", KR_DOES_NOTRACK, NULL},
    {"TEE", KR_DOES_TEE, NULL},
    {"NFQUEUE", KR_DOES_QUEUE, NULL},
    {"QUEUE", KR_DOES_QUEUE, NULL},
    {"TPROXY", KR_DOES_TPROXY, NULL},
    {"SYNPROXY", KR_DOES_SYNPROXY, NULL},
    {"FLOWOFFLOAD", KR_DOES_OFFLOAD, NULL}, /* OpenWrt */
    {"DNPT", KR_DOES_WRITE, NULL},
    {"SNPT", KR_DOES_WRITE, NULL},
    {"RAWDNAT", KR_DOES_WRITE, NULL}, /* this one and the next two: xtables-addons */
    {"RAWSNAT", KR_DOES_WRITE, NULL},
    {"PROTO", KR_DOES_WRITE, NULL},
    {"AUDIT", HARMLESS, NULL},
    {"CHECKSUM", HARMLESS, NULL},
    {"CLASSIFY", HARMLESS, NULL},
    {"CONNMARK", HARMLESS, NULL},
    {"CONNSECMARK", HARMLESS, NULL},
    {"DSCP", HARMLESS, NULL},
    {"ECN", HARMLESS, NULL},
    {"HL", HARMLESS, NULL},
    {"HMARK", HARMLESS, NULL},
    {"IDLETIMER", HARMLESS, NULL},
    {"LED", HARMLESS, NULL},
    {"LOG", HARMLESS, NULL},
    {"MARK", HARMLESS, NULL},
    {"MASQUERADE", HARMLESS, NULL},
    {"NFLOG", HARMLESS, NULL},
    {"RATEEST", HARMLESS, NULL},
    {"REJECT", HARMLESS, NULL},
    {"SECMARK", HARMLESS, NULL},
    {"SET", HARMLESS, NULL},
    {"SNAT", HARMLESS, NULL},
    {"TCPMSS", HARMLESS, NULL},
    {"TCPOPTSTRIP", HARMLESS, NULL},
    {"TOS", HARMLESS, NULL},
    {"TRACE", HARMLESS, NULL},
    {"TTL", HARMLESS, NULL},
    {"ULOG", HARMLESS, NULL},
    {"arpreply", HARMLESS, NULL},
    {"dnat", HARMLESS, NULL},
    {"log", HARMLESS, NULL},
    {"mangle", HARMLESS, NULL},
    {"mark", HARMLESS, NULL},
    {"nflog", HARMLESS, NULL},
    {"redirect", HARMLESS, NULL},
    {"snat", HARMLESS, NULL},
};

void kr_xt_target(struct kr_rule_walk *w, const struct kr_xt *x)
{
    char text[32];
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        if (strcmp(targets[i].name, x->name) == 0) {
            if (targets[i].run)
                targets[i].run(w, x);
            else if (targets[i].does != HARMLESS)
                kr_rule_does(w, targets[i].does, x->name);
            return;
        }
    snprintf(text, sizeof text, "target %s", x->name);
    kr_rule_does(w, KR_DOES_UNKNOWN, text);
}

#include "failsafe_internal.h"

#include <kr/buf.h>

static const char *ip(const struct kr_prefix *p)
{
    return kr_prefix_is_v4(p) ? "ip" : "ip -6";
}

static void lan_text(const struct kr_exempt *x, struct kr_buf *out)
{
    char s[KR_ADDRSTRLEN];
    kr_buf_printf(out, "%s route add %s dev %s", ip(&x->prefix), kr_prefix_str(&x->prefix, s),
                  x->ifname);
    if (x->has_gateway)
        kr_buf_printf(out, " via %s%s", kr_addr_is_v4(&x->gateway) ? "inet " : "inet6 ",
                      kr_addr_str(&x->gateway, s));
    if (x->has_source)
        kr_buf_printf(out, " src %s", kr_addr_str(&x->source, s));
    kr_buf_printf(out, " table %u metric %u proto %u\n", KR_RT_TABLE, x->index, KR_RT_PROTOCOL);
}

static void default_text(const char *tool, const struct kr_addr *source, struct kr_buf *out)
{
    char s[KR_ADDRSTRLEN];
    kr_buf_printf(out, "%s route add unreachable default table %u metric %u proto %u\n", tool,
                  KR_RT_TABLE, KR_LAST_METRIC, KR_RT_PROTOCOL);
    if (source)
        kr_buf_printf(out, "%s route add default dev %s src %s table %u metric 1 proto %u\n", tool,
                      KR_HOLE_NAME, kr_addr_str(source, s), KR_RT_TABLE, KR_RT_PROTOCOL);
}

static void rules_text(const struct kr_failsafe *f, const char *tool, struct kr_buf *out)
{
    for (size_t i = 0; i < f->n_ports; i++)
        kr_buf_printf(out, "%s rule add pref %u ipproto tcp dport %u lookup %u protocol %u\n", tool,
                      KR_RULE_PRIORITY, f->ports[i], KR_RT_TABLE, KR_RT_PROTOCOL);
}

void kr_failsafe_text(const struct kr_failsafe *f, struct kr_buf *out)
{
    char s[KR_ADDRSTRLEN];
    if (kr_fs_needs_hole(f)) {
        kr_buf_printf(out, "ip link add %s type dummy\n", KR_HOLE_NAME);
        kr_buf_printf(out, "ip link set %s addrgenmode none\n", KR_HOLE_NAME);
        kr_buf_printf(out, "ip link set %s arp off up\n", KR_HOLE_NAME);
    }
    default_text("ip", f->hole4 ? &f->source4 : NULL, out);
    default_text("ip -6", f->hole6 ? &f->source6 : NULL, out);
    for (size_t i = 0; f->lan && i < f->lan->n; i++)
        lan_text(&f->lan->v[i], out);
    for (size_t i = 0; i < f->n_local; i++)
        kr_buf_printf(out, "%s route add local %s dev lo table local proto %u\n", ip(&f->local[i]),
                      kr_prefix_str(&f->local[i], s), KR_RT_PROTOCOL);
    rules_text(f, "ip", out);
    rules_text(f, "ip -6", out);
}

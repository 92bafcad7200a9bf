#include <kr/buf.h>
#include <kr/failsafe.h>

static void family_text(const struct kr_failsafe *f, bool v4, struct kr_buf *out)
{
    char s[KR_ADDRSTRLEN];
    const char *ip = v4 ? "ip" : "ip -6";
    bool hole = v4 ? f->hole4 : f->hole6;
    for (size_t i = 0; i < f->n_local; i++)
        if (kr_prefix_is_v4(&f->local[i]) == v4)
            kr_buf_printf(out, "%s route add local %s dev lo table local proto %u\n", ip,
                          kr_prefix_str(&f->local[i], s), KR_RT_PROTOCOL);
    kr_buf_printf(out, "%s route add unreachable default table %u metric 999 proto %u\n", ip,
                  KR_RT_TABLE, KR_RT_PROTOCOL);
    if (hole)
        kr_buf_printf(out, "%s route add default dev %s src %s table %u metric 1 proto %u\n", ip,
                      KR_HOLE_NAME, kr_addr_str(v4 ? &f->source4 : &f->source6, s), KR_RT_TABLE,
                      KR_RT_PROTOCOL);
    for (size_t i = 0; f->lan && i < f->lan->n; i++)
        if (kr_prefix_is_v4(&f->lan->v[i].prefix) == v4)
            kr_buf_printf(out, "%s route add %s dev %s table %u metric %u proto %u\n", ip,
                          kr_prefix_str(&f->lan->v[i].prefix, s), f->lan->v[i].ifname, KR_RT_TABLE,
                          f->lan->v[i].index, KR_RT_PROTOCOL);
    for (size_t i = 0; i < f->n_ports; i++)
        kr_buf_printf(out, "%s rule add pref %u ipproto tcp dport %u lookup %u protocol %u\n", ip,
                      KR_RULE_PRIORITY, f->ports[i], KR_RT_TABLE, KR_RT_PROTOCOL);
}

void kr_failsafe_text(const struct kr_failsafe *f, struct kr_buf *out)
{
    kr_buf_printf(out, "ip link add %s type dummy\n", KR_HOLE_NAME);
    kr_buf_printf(out, "ip link set %s arp off addrgenmode none up\n", KR_HOLE_NAME);
    family_text(f, true, out);
    family_text(f, false, out);
}

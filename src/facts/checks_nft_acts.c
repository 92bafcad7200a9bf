#include "checks_nft.h"

#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>

#define PACKETS_OUT (~(1u << NF_INET_LOCAL_IN)) /* input sees what is for this host */

const char *kr_nft_family_name(int family)
{
    static const char *const names[] = {
        [NFPROTO_INET] = "inet",     [NFPROTO_IPV4] = "ip",       [NFPROTO_ARP] = "arp",
        [NFPROTO_NETDEV] = "netdev", [NFPROTO_BRIDGE] = "bridge", [NFPROTO_IPV6] = "ip6",
    };
    size_t i = (size_t)family;
    return i < sizeof names / sizeof *names && names[i] ? names[i] : "?";
}

void kr_nft_chain_text(const struct kr_nftscan *n, size_t chain, char *out, size_t size)
{
    const struct kr_scan_table *t = &n->tables[n->chains[chain].table];
    snprintf(out, size, "%s %s/%s", kr_nft_family_name(t->family), t->name, n->chains[chain].name);
}

uint32_t kr_nft_port_bits(const struct kr_scene *s)
{
    return (uint32_t)(1u << s->n_ports) - 1;
}

bool kr_nft_meets(uint32_t may, uint32_t ports)
{
    return (may & ports) && (may & KR_MAY_TCP) && (may & (KR_MAY_V4 | KR_MAY_V6)) &&
           (may & KR_MAY_FROM_DEV) && (may & KR_MAY_TO_DEV) && (may & KR_MAY_TO_ELSEWHERE);
}

/* "nft delete rule ip nat OUTPUT handle 7": what the detail of each finding ends with. */
static void undo(const struct kr_nftscan *n, const struct kr_scan_act *a, char *out, size_t size)
{
    const struct kr_scan_chain *c = &n->chains[a->chain];
    const struct kr_scan_table *t = &n->tables[c->table];
    const char *family = kr_nft_family_name(t->family);
    if (a->handle)
        snprintf(out, size, "nft delete rule %s %.60s %.60s handle %llu", family, t->name, c->name,
                 (unsigned long long)a->handle);
    else
        snprintf(out, size, "nft -a list chain %s %.60s %.60s", family, t->name, c->name);
}

static void say(struct kr_result *r, enum kr_verdict v, const struct kr_nftscan *n,
                const struct kr_scan_act *a, const char *what)
{
    char object[160], how[192];
    const struct kr_scan_chain *base = &n->chains[n->chains[a->chain].from];
    kr_nft_chain_text(n, a->chain, object, sizeof object);
    undo(n, a, how, sizeof how);
    struct kr_evidence *x =
        v == KR_HOLDS ? kr_result_add(r, v, object, "%s: never meets our packets", a->what)
                      : kr_result_add(r, v, object, "%s: %s; %s", a->what, what, how);
    x->handle = a->handle;
    if (n->chains[a->chain].on && base->devices)
        snprintf(x->ifname, sizeof x->ifname, "%.*s",
                 (int)(strcspn(base->devices, " ") % sizeof x->ifname), base->devices);
}

/* Acts of one kind. */
struct kind {
    enum kr_nft_does does;
    enum kr_verdict verdict;
    bool any_port; /* a packet for another port becomes one of ours, or the other way round */
    bool from_lo;  /* what was sent is routed back by lo on purpose */
    const char *what;
};

static bool concerns(const struct kr_scene *s, const struct kr_nftscan *n,
                     const struct kr_scan_act *a, const struct kind *k)
{
    uint32_t may = kr_nftscan_may(n, a);
    if (k->any_port)
        may |= may & KR_MAY_OTHER_PORT ? KR_MAY_PORT(0) : 0;
    if (k->from_lo)
        may |= may & KR_MAY_FROM_LO ? KR_MAY_FROM_DEV : 0;
    return (n->chains[a->chain].on & PACKETS_OUT) && kr_nft_meets(may, kr_nft_port_bits(s));
}

static int judge(struct kr_scene *s, struct kr_result *r, const struct kind *k, struct kr_err *e)
{
    const struct kr_nftscan *n = kr_scene_nft(s, e);
    if (!n)
        return -1;
    for (size_t i = 0; i < n->n_acts; i++)
        if (n->acts[i].does == k->does)
            say(r, concerns(s, n, &n->acts[i], k) ? k->verdict : KR_HOLDS, n, &n->acts[i], k->what);
    return 0;
}

int kr_check_notrack(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    static const struct kind k = {.does = KR_DOES_NOTRACK,
                                  .verdict = KR_BROKEN,
                                  .what = "what is not tracked is not redirected"};
    return judge(s, r, &k, e);
}

int kr_check_zone(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    static const struct kind k = {.does = KR_DOES_ZONE,
                                  .verdict = KR_BROKEN,
                                  .what = "replies of the sink are not found in another zone"};
    return judge(s, r, &k, e);
}

int kr_check_dup(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    static const struct kind k = {
        .does = KR_DOES_DUP, .verdict = KR_BROKEN, .what = "sends a copy past the redirect"};
    return judge(s, r, &k, e);
}

int kr_check_tee(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    static const struct kind k = {
        .does = KR_DOES_TEE, .verdict = KR_BROKEN, .what = "sends a copy past the redirect"};
    return judge(s, r, &k, e);
}

int kr_check_fwd(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    static const struct kind k = {.does = KR_DOES_FWD,
                                  .verdict = KR_BROKEN,
                                  .what = "puts the frame on another device, past every IP hook"};
    return judge(s, r, &k, e);
}

int kr_check_queue(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    static const struct kind k = {.does = KR_DOES_QUEUE,
                                  .verdict = KR_BROKEN,
                                  .what = "a program may change the packet or send it elsewhere"};
    return judge(s, r, &k, e);
}

int kr_check_write(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    static const struct kind k = {.does = KR_DOES_WRITE,
                                  .verdict = KR_BROKEN,
                                  .any_port = true,
                                  .what = "writes an address, a port or what says where they are"};
    return judge(s, r, &k, e);
}

int kr_check_tproxy(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    static const struct kind k = {.does = KR_DOES_TPROXY,
                                  .verdict = KR_BROKEN,
                                  .from_lo = true,
                                  .what = "hands the connection to a local proxy"};
    return judge(s, r, &k, e);
}

int kr_check_synproxy(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    static const struct kind k = {.does = KR_DOES_SYNPROXY,
                                  .verdict = KR_BROKEN,
                                  .what = "answers for the server and connects to it by itself"};
    return judge(s, r, &k, e);
}

int kr_check_unknown(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    static const struct kind k = {.does = KR_DOES_UNKNOWN,
                                  .verdict = KR_IN_DOUBT,
                                  .any_port = true,
                                  .from_lo = true,
                                  .what = "not known to this program, and packets come there"};
    return judge(s, r, &k, e);
}

/* At the last priority whoever came first runs last, and who that was can't be asked. */
int kr_check_late(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    static const struct kind k = {.verdict = KR_BROKEN,
                                  .any_port = true,
                                  .what = "may run behind our guards, at the last priority"};
    const struct kr_nftscan *n = kr_scene_nft(s, e);
    char object[160];
    if (!n)
        return -1;
    for (size_t i = 0; i < n->n_chains; i++) {
        const struct kr_scan_chain *c = &n->chains[i];
        if (!c->base || !(c->on & KR_ON_LATE))
            continue;
        kr_nft_chain_text(n, i, object, sizeof object);
        kr_result_add(r, KR_HOLDS, object, "at the last priority, as our guards");
    }
    for (size_t i = 0; i < n->n_acts; i++) {
        const struct kr_scan_act *a = &n->acts[i];
        if ((n->chains[a->chain].on & KR_ON_LATE) && a->does != KR_DOES_MAP &&
            concerns(s, n, a, &k))
            say(r, a->does == KR_DOES_UNKNOWN ? KR_IN_DOUBT : KR_BROKEN, n, a, k.what);
    }
    return 0;
}

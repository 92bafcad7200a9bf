#include "campaign.h"
#include "tables.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/plan.h>
#include <kr/probe_sinks.h>
#include <kr/standing.h>

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

/* ---- what must not leave
 * -------------------------------------------------------------------------
 */

static const char *route(const struct kr_shot *s, char out[static 256])
{
    char from[KR_ADDRSTRLEN], to[KR_ADDRSTRLEN], dev[IFNAMSIZ] = "";
    if (s->ifindex)
        if_indextoname(s->ifindex, dev);
    snprintf(out, 256, "%s to %s port %u%s%s", kr_addr_str(&s->source, from),
             kr_addr_str(&s->destination, to), s->port, *dev ? " by " : "", dev);
    return out;
}

static void leaked(struct kr_result *r, const struct kr_shot *s)
{
    char text[256];
    struct kr_evidence *x = kr_result_add(
        r, KR_BROKEN, route(s, text),
        s->seen ? "a packet left" : "got past the packet filter; only a missing neighbour held it");
    if_indextoname(s->seen_on, x->ifname);
}

/* Nothing to be tried: the family or the device leads nowhere. */
static bool no_way(int sys)
{
    static const int known[] = {ENETUNREACH,  EHOSTUNREACH, EADDRNOTAVAIL,
                                EAFNOSUPPORT, ENETDOWN,     ENODEV};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i] == sys)
            return true;
    return false;
}

/* Whether the control proves that the method shows what leaves; else says why it does not. */
static bool proves(struct kr_result *r, const struct kr_shot *control)
{
    char text[256];
    if (control->seen || control->asked)
        return true;
    if (no_way(control->sys))
        kr_result_add(r, KR_HOLDS, route(control, text), "no way out to try: %s",
                      strerror(control->sys));
    else if (control->method == KR_BY_FORWARD)
        kr_result_add(r, KR_HOLDS, route(control, text),
                      "not even an unguarded port is forwarded for a new device");
    else
        kr_result_add(r, KR_IN_DOUBT, route(control, text),
                      "the control did not leave either, so this proves nothing%s%s",
                      control->sys ? ": " : "", control->sys ? strerror(control->sys) : "");
    return false;
}

static int judge(struct kr_scene *scene, struct kr_result *r, enum kr_method method,
                 struct kr_err *e)
{
    size_t proven = 0;
    if (!scene->standing) {
        kr_result_add(r, KR_BROKEN, "probe", "nothing is installed, so nothing was sent");
        return 0;
    }
    const struct kr_campaign *c = kr_campaign_of(kr_proof_of(scene), e);
    if (!c)
        return -1;
    for (size_t i = 0; i + 1 < c->n; i += 2) {
        const struct kr_shot *control = &c->v[i], *shot = &c->v[i + 1];
        if (shot->method != method)
            continue;
        if (shot->seen || shot->asked)
            leaked(r, shot);
        else
            proven += proves(r, control);
    }
    if (method == KR_BY_FORWARD && *c->forward)
        kr_result_add(r, KR_HOLDS, "probe", "%s", c->forward);
    if (method == KR_BY_CONNECT && c->sources_left)
        kr_result_add(r, KR_HOLDS, "probe", "%zu more source addresses were not tried",
                      c->sources_left);
    if (proven)
        kr_result_add(r, KR_HOLDS, "probe", "%zu tried, none left, each control did", proven);
    return 0;
}

#define NEGATIVE(name, method)                                                 \
    static int name(struct kr_scene *s, struct kr_result *r, struct kr_err *e) \
    {                                                                          \
        return judge(s, r, method, e);                                         \
    }
NEGATIVE(check_connect, KR_BY_CONNECT)
NEGATIVE(check_mark, KR_BY_MARK)
NEGATIVE(check_raw, KR_BY_RAW)
NEGATIVE(check_packet, KR_BY_PACKET)
NEGATIVE(check_forward, KR_BY_FORWARD)

static int check_device(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    if (judge(s, r, KR_BY_DEVICE, e))
        return -1;
    const struct kr_campaign *c = s->standing ? kr_campaign_of(kr_proof_of(s), e) : NULL;
    if (c && c->stray_on) {
        struct kr_evidence *x =
            kr_result_add(r, KR_BROKEN, "sink range", "a packet for the sink left this host");
        if_indextoname(c->stray_on, x->ifname);
    }
    return 0;
}

/* ---- what must meet the sink
 * ---------------------------------------------------------------------
 */

static uint64_t counted(const char *name)
{
    KR_AUTO_FREE struct kr_nft_count *v = NULL;
    struct kr_err why;
    size_t n = 0;
    if (kr_nft_counters(&kr_table_inet, &v, &n, &why))
        return 0;
    for (size_t i = 0; i < n; i++)
        if (strcmp(v[i].name, name) == 0)
            return v[i].packets;
    return 0;
}

/* No rule, a rule that was not hit, a silent sink, a foreign answer. */
static void missed(struct kr_result *r, const struct kr_probe *x, bool rule, bool hit)
{
    char from[KR_ADDRSTRLEN], to[KR_ADDRSTRLEN], object[2 * KR_ADDRSTRLEN + 32];
    const char *why = !rule  ? "there is no redirect for this family"
                      : !hit ? "no redirect rule was hit: another rule or chain came first"
                      : x->result == KR_PROBE_FOREIGN ? "somebody else answered"
                                                      : "the redirect was hit, the sink is silent";
    snprintf(object, sizeof object, "%s to %s port %u", kr_addr_str(&x->source, from),
             kr_addr_str(&x->destination, to), x->port);
    kr_result_add(r, KR_BROKEN, object, "%s (%s%s%s%s%s)", why, kr_probe_result_name(x->result),
                  *x->greeting ? ": " : "", x->greeting, x->sys ? ": " : "",
                  x->sys ? strerror(x->sys) : "");
}

static int check_sink(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    const struct kr_plan *p = kr_proof_of(s)->plan;
    KR_AUTO_FREE struct kr_probe *v = NULL;
    size_t n = 0, met = 0;
    if (!s->standing || p->mode != KR_MODE_REDIRECT) {
        kr_result_add(r, s->standing ? KR_HOLDS : KR_BROKEN, "probe",
                      s->standing ? "blocked: nothing is redirected" : "nothing is installed");
        return 0;
    }
    uint64_t before4 = counted("redirected_v4"), before6 = counted("redirected_v6");
    if (kr_probe_sinks(p, s->nonce, &v, &n, e))
        return -1;
    bool hit4 = counted("redirected_v4") > before4, hit6 = counted("redirected_v6") > before6;
    for (size_t i = 0; i < n; i++) {
        bool v4 = kr_addr_is_v4(&v[i].source);
        met += v[i].result == KR_PROBE_SINK;
        if (v[i].result != KR_PROBE_SINK)
            missed(r, &v[i], v4 ? p->sink4.on : p->sink6.on, v4 ? hit4 : hit6);
    }
    kr_result_add(r, n ? KR_HOLDS : KR_IN_DOUBT, "probe",
                  n ? "%zu of %zu met the sink" : "there is no address to try from (%zu, %zu)", met,
                  n);
    return 0;
}

#define HOW_NEGATIVE                                                                               \
    "A SYN with one hop to live goes to a documentation address: first to a port that nobody "     \
    "guards, which a tap on every device must see leave, then to the guarded port, which it must " \
    "not. "
static const struct kr_check checks[] = {
    {.id = "probe-sink",
     .title = "a connection to any host meets the sink",
     .rows = "1 12 13 22 23 58 60",
     .why = "A redirect that is not hit sends nobody to the sink; another one may send mail to "
            "somebody who delivers it.",
     .how = "From each global address a connection to a documentation address must be greeted with "
            "the nonce of this run and the address that was meant (SO_ORIGINAL_DST); of a foreign "
            "sink conntrack must say that it answers. Counters tell a missing rule from one that "
            "was not hit and from a silent sink.",
     .remedy = "sudo kumo-redirect up; nft list ruleset shows who redirects first",
     .phase = KR_ACTIVE,
     .run = check_sink},
    {.id = "probe-connect",
     .title = "a connection from each address of this host stays here",
     .rows = "1 3 14 20 21 57",
     .why = "Whatever the rules look like, what counts is whether a packet leaves.",
     .how = HOW_NEGATIVE "By connect(2), from each global address of both families, to each port. "
                         "The tap is blind to AF_XDP and to what hardware forwards.",
     .remedy = "kumo-redirect verify --static says which rule is missing",
     .phase = KR_ACTIVE,
     .run = check_connect},
    {.id = "probe-mark",
     .title = "a packet mark opens no way out",
     .rows = "61",
     .why = "A mark can send packets to another routing table or past another rule.",
     .how = HOW_NEGATIVE "With SO_MARK.",
     .remedy = "look at ip rule and ip route show table all for fwmark rules",
     .phase = KR_ACTIVE,
     .run = check_mark},
    {.id = "probe-device",
     .title = "a socket bound to an uplink stays here",
     .rows = "25",
     .why = "SO_BINDTODEVICE keeps the device though the destination was rewritten, so that a "
            "redirected packet may leave towards whoever has the sink's address there.",
     .how = HOW_NEGATIVE "Bound to each uplink; nothing for the sink's range may leave either.",
     .remedy = "sudo kumo-redirect up",
     .phase = KR_ACTIVE,
     .run = check_device},
    {.id = "probe-raw",
     .title = "a raw socket opens no way out",
     .rows = "62",
     .why = "Raw sockets bring their own IP header; policy routing does not see their ports.",
     .how = HOW_NEGATIVE "By raw(7), both families.",
     .remedy = "sudo kumo-redirect up",
     .phase = KR_ACTIVE,
     .run = check_raw},
    {.id = "probe-packet",
     .title = "a packet socket can't send past the fence",
     .rows = "33 34",
     .why = "Packet sockets hand frames to the device: no IP hook sees them.",
     .how = HOW_NEGATIVE "By packet(7) on each uplink, to the device's own link address.",
     .remedy = "sudo kumo-redirect up, on a kernel with netfilter's egress hook",
     .waivable = true,
     .phase = KR_ACTIVE,
     .run = check_packet},
    {.id = "probe-forward",
     .title = "what is forwarded, from containers say, stays here",
     .rows = "43 45",
     .why = "Packets of containers with a network of their own cross forwarding, not output.",
     .how = HOW_NEGATIVE "From a network namespace made for it, by a veth pair that goes with it; "
                         "only when this host forwards.",
     .remedy = "sudo kumo-redirect up [--forward redirect]",
     .phase = KR_ACTIVE,
     .run = check_forward},
};
const struct kr_check_group kr_checks_probe = {"probe", checks, sizeof checks / sizeof *checks};

#include "checks_exempt_internal.h"

#define LAN "sudo kumo-redirect up --lan CIDR (only what must be reached), or --lan none"

static const struct kr_check checks[] = {
    {.id = "exempt-onlink",
     .title = "every exempt prefix is a network of this host's own links",
     .rows = "28",
     .why = "An exempt prefix that is reached through a gateway is not the LAN: mail for it leaves "
            "this host's reach, and whoever holds the address there receives it.",
     .how =
         "The kernel looks up (RTM_GETROUTE) the first, the last and one more address of each "
         "exempt prefix, and the first and last of each longer route inside one, as mail goes and "
         "without ports. Each must leave by the exemption's device, without a gateway unless "
         "--allow lan-gateway planned it. Of more than 256 prefixes 256 are asked for. What a "
         "switch or a host of that network does with packets can't be seen from here.",
     .remedy = "ip route get ADDRESS shows the way; remove that route, or " LAN,
     .waivable = true,
     .run = kr_check_onlink},
    {.id = "exempt-public",
     .title = "no exempt prefix is public address space",
     .rows = "28",
     .why = "A real mail exchanger may have an address in it; its mail is neither redirected nor "
            "blocked.",
     .how = "Exempt prefixes are compared with RFC 1918, RFC 4193 and link-local space. `--lan "
            "auto` takes no other.",
     .remedy = LAN,
     .waivable = true,
     .run = kr_check_public},
    {.id = "exempt-gateway",
     .title = "no gateway's own address is exempt",
     .rows = "28",
     .why = "Mail to the gateway's own address is let through. A router that runs a mail relay, or "
            "sends port 25 on to one, passes it on to the world.",
     .how = "The gateways of all routes are compared with the exempt prefixes. Whether one answers "
            "on a guarded port is tried by exempt-relay; what it does with mail can't be seen from "
            "here, so this is advice.",
     .remedy = LAN,
     .advice = true,
     .run = kr_check_gateway},
    {.id = "exempt-relay",
     .title = "no known host of an exempt network answers on a guarded port",
     .rows = "28 53",
     .why = "A host in an exempt network that takes mail may relay it to the real destination: a "
            "smart host, a proxy, another mail server.",
     .how = "Gateways and neighbours that the kernel knows (RTM_GETNEIGH) in exempt prefixes are "
            "connected to on the guarded ports, at most 256 at once for 1.5 s; the greeting is "
            "read, QUIT is said. Networks are never scanned: a host this one has not talked to is "
            "not seen, nor is whether it relays.",
     .remedy = "exempt less: " LAN ", or --allow exempt-relay=REASON when it is known not to relay",
     .waivable = true,
     .phase = KR_ACTIVE,
     .run = kr_check_relay},
    {.id = "sink-path",
     .title = "the sink is where it was planned, and only there",
     .rows = "25 28 58 60",
     .why = "Redirected mail goes to the sink's address without another look. If that address is "
            "routed to somebody else, he receives it.",
     .how = "The kernel looks up the first and last address of the sink and of each route inside "
            "its range: local for a sink of this host, on-link without a gateway for another. The "
            "built-in sink's range must be in no exempt prefix and on no device; that nobody "
            "outside reaches it is a rule of ours (own-rules).",
     .remedy = "remove the route or address that the evidence names, then sudo kumo-redirect up",
     .waivable = true,
     .run = kr_check_sink_path},
    {.id = "sink-relay",
     .title = "the sink has no way to relay",
     .rows = "58",
     .why = "A sink that passes mail on undoes the whole test: the real destinations receive it "
            "from there.",
     .how = "The built-in sink: every worker is under its seccomp filter, which has no connect(2), "
            "and the master holds no connection to a guarded port. Another sink on this host: the "
            "process behind its listening socket must be no known mail server. A sink on another "
            "host, in a container or behind a proxy can't be seen from here.",
     .remedy = "use the built-in sink, or --allow sink-relay=REASON when it is known to relay "
               "nothing",
     .waivable = true,
     .run = kr_check_sink_relay},
    {.id = "sink-greeting",
     .title = "the sink does not greet as a real mail server",
     .rows = "58",
     .why = "A mail server that is used as a sink relays unless it is told not to; then all of the "
            "test's mail reaches the real destinations from there.",
     .how = "A sink that is not the built-in one is connected to, and its greeting compared with "
            "the names of mail servers. A server that hides its name is not recognised.",
     .remedy = "use the built-in sink, or --allow sink-greeting=REASON when it is known to relay "
               "nothing",
     .waivable = true,
     .phase = KR_ACTIVE,
     .run = kr_check_sink_greeting},
    {.id = "open-sockets",
     .title = "no socket is connected to a real host's guarded port",
     .rows = "4 6 64",
     .why = "A connection that is older than the rules has the real host at its other end. NAT "
            "never looks at it again; only the guards hold it.",
     .how = "All TCP sockets of this network namespace whose peer's port is guarded (sock_diag), "
            "both families. Fine are peers that are exempt, this host's own or the sink, and those "
            "whose conntrack entry says that the sink answers. Sockets of other namespaces are not "
            "looked at; their flows through this host are seen by conntrack-entries.",
     .remedy = "sudo kumo-redirect up (cuts them behind the guards)",
     .waivable = true,
     .run = kr_check_open_sockets},
    {.id = "conntrack-entries",
     .title = "no flow to a real host's guarded port is known to the kernel",
     .rows = "4 8 10",
     .why =
         "NAT looks at the first packet of a flow only. One that conntrack knows already goes on "
         "to where it went before.",
     .how = "All TCP entries of this namespace with a guarded port in either tuple (ctnetlink), "
            "both families and all zones, whose peer is not exempt and whose answers do not come "
            "from the sink. Without conntrack there are none.",
     .remedy = "sudo kumo-redirect up (deletes them behind the guards)",
     .waivable = true,
     .run = kr_check_entries},
    {.id = "reversed-entries",
     .title = "no flow of ours is known the wrong way round",
     .rows = "5 31",
     .why = "After an entry is deleted the server's next packet makes it again with the server as "
            "its origin. What we send is then an answer, NAT is not asked, and it reaches the real "
            "host. SMTP servers speak first.",
     .how = "The same list: entries whose first packet came from a guarded port of a host that is "
            "not exempt.",
     .remedy = "sudo kumo-redirect up (deletes them and their sockets behind the guards)",
     .waivable = true,
     .run = kr_check_reversed_entries},
};
const struct kr_check_group kr_checks_exempt = {"exempt", checks, sizeof checks / sizeof *checks};

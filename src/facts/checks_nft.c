#include "checks_nft.h"

#define HOW                                                                                     \
    "All rules of all families in this network namespace are read under one generation id and " \
    "followed expression by expression along their jumps. "
#define PROOF                                                                                      \
    HOW "Such a rule is a finding unless its own matches prove that it meets no TCP packet for a " \
        "guarded port that leaves this host."
#define REMEDY(what)                                                                            \
    "sudo nft -a list ruleset shows " what " with its handle; take it out by the command that " \
    "each finding ends with"

static const struct kr_check checks[] = {
    {.id = "nat-order",
     .title = "no nat chain of others takes our ports first",
     .rows = "12 13",
     .why = "The first nat chain that maps a connection wins: one at our priority may be asked "
            "before ours, and where we have no redirect (blocked, forwarded traffic, one family "
            "only) a mapping to another port passes guards that look for ours.",
     .how = HOW "A nat chain at -199 or below on a hook we redirect is a finding; so is a dnat, "
                "redirect or NETMAP that may meet a guarded port where nothing of ours is ahead. "
                "Chains at -100, masquerading and published container ports are not.",
     .remedy = REMEDY("the chain or rule"),
     .waivable = true,
     .run = kr_check_nat_order},
    {.id = "notrack",
     .title = "nobody takes our packets out of connection tracking",
     .rows = "9",
     .why = "What is not tracked is not redirected. The guards drop it, so a test would stall.",
     .how = PROOF " Both notrack and xtables' CT --notrack count.",
     .remedy = REMEDY("the rule"),
     .waivable = true,
     .run = kr_check_notrack},
    {.id = "ct-zone",
     .title = "nobody moves our connections to another conntrack zone",
     .rows = "10",
     .why = "A zone set in one direction only hides replies from their connection: redirected "
            "connections hang.",
     .how = PROOF,
     .remedy = REMEDY("the rule"),
     .waivable = true,
     .run = kr_check_zone},
    {.id = "nft-dup",
     .title = "nobody copies packets with dup",
     .rows = "11 39",
     .why = "A copy is not tracked, so it keeps the real destination, and it leaves by the device "
            "the rule names. Only the guards and the fence stand in its way.",
     .how = PROOF,
     .remedy = REMEDY("the rule"),
     .waivable = true,
     .run = kr_check_dup},
    {.id = "nft-fwd",
     .title = "nobody forwards frames between devices with fwd",
     .rows = "39",
     .why = "The frame is put on another device without any IP hook; only the fence of that "
            "device sees it.",
     .how = PROOF,
     .remedy = REMEDY("the rule"),
     .waivable = true,
     .run = kr_check_fwd},
    {.id = "tee",
     .title = "nobody copies packets with xtables' TEE",
     .rows = "11",
     .why = "As dup: the copy keeps the real destination.",
     .how = PROOF,
     .remedy = REMEDY("the rule (iptables-save too)"),
     .waivable = true,
     .run = kr_check_tee},
    {.id = "nft-queue",
     .title = "no rule hands our packets to a program",
     .rows = "18",
     .why = "A program behind NFQUEUE may change the packet's address or port, or send its own.",
     .how = PROOF " Rules on input only are not one.",
     .remedy = REMEDY("the rule"),
     .waivable = true,
     .run = kr_check_queue},
    {.id = "queue-listeners",
     .title = "no program waits for packets of rules nobody can see",
     .rows = "18",
     .why = "Rules of iptables-legacy can feed a queue and are not in nftables.",
     .how = "/proc/net/netfilter/nfnetlink_queue lists who waits; unknown when tables of "
            "iptables-legacy exist too.",
     .remedy = "sudo cat /proc/net/netfilter/nfnetlink_queue names the netlink port, mostly the "
               "process id; sudo iptables-legacy-save shows the rule",
     .waivable = true,
     .run = kr_check_queue_listeners},
    {.id = "payload-write",
     .title = "nobody rewrites addresses or ports",
     .rows = "15",
     .why = "A rewrite to a guarded port behind the guards leaves; a rewrite to another port "
            "ahead of them passes them.",
     .how = HOW "A write to an address, a port, the protocol, the header length, the fragment "
                "offset or the ethertype is a finding, whatever port the rule matches, unless it "
                "never meets TCP. TOS, TTL, MSS and the like are not.",
     .remedy = REMEDY("the rule"),
     .waivable = true,
     .run = kr_check_write},
    {.id = "tproxy",
     .title = "no transparent proxy takes our connections",
     .rows = "32",
     .why = "A local proxy takes the connection in prerouting and opens one of its own.",
     .how = PROOF " Packets that policy routing sent back by lo count.",
     .remedy = REMEDY("the rule"),
     .waivable = true,
     .run = kr_check_tproxy},
    {.id = "synproxy",
     .title = "no SYN proxy stands in forwarded connections",
     .rows = "32",
     .why = "It answers for the server and connects to the server by itself, past nat.",
     .how = PROOF " Rules on input only are not one.",
     .remedy = REMEDY("the rule"),
     .waivable = true,
     .run = kr_check_synproxy},
    {.id = "flowtable",
     .title = "no flowtable carries flows past the hooks",
     .rows = "40 41",
     .why = "Forwarded flows in a flowtable skip every IP hook, and with the offload flag the "
            "host altogether.",
     .how = HOW "Every flowtable that has a device is a finding.",
     .remedy = "sudo nft list flowtables; take it out by the command that each finding ends with",
     .waivable = true,
     .run = kr_check_flowtable},
    {.id = "late-chain",
     .title = "nothing behind our guards changes or sends packets",
     .rows = "15 39",
     .why = "At the last priority the chain that was registered first runs last: it may undo what "
            "the guards saw.",
     .how = HOW "Chains at 2147483647 in output, forward, postrouting and egress are findings when "
                "they do more than accept and drop.",
     .remedy = REMEDY("the chain"),
     .waivable = true,
     .run = kr_check_late},
    {.id = "nft-unknown",
     .title = "every rule that packets come to is understood",
     .rows = "9 11 15 39",
     .why = "An expression, target, chain type or table flag of a newer kernel may do anything.",
     .how = HOW "Names that this program does not know are unknown, not clean.",
     .remedy = REMEDY("the rule"),
     .waivable = true,
     .run = kr_check_unknown},
    {.id = "legacy-tables",
     .title = "no iptables-legacy table beside nftables",
     .rows = "9 11 13",
     .why = "Rules of iptables-legacy are a store of their own: no listing of nftables shows them "
            "and no event tells of them. nat may map, raw may untrack, mangle may copy.",
     .how = "/proc/net/ip_tables_names, ip6_tables_names and arp_tables_names of this namespace: "
            "nat, raw and mangle are findings; filter and security are not, as they run ahead of "
            "the guards and a copy made there meets them. The tables are never read, as that would "
            "load modules. Rules of ebtables "
            "do not show there; the fence sees their frames.",
     .remedy = "sudo iptables-legacy-save; move the rules to nftables, flush and unload "
               "(iptables-legacy -t nat -F; modprobe -r iptable_nat); a table stays listed as long "
               "as its namespace or module lives",
     .waivable = true,
     .run = kr_check_legacy},
    {.id = "ipvs",
     .title = "no IPVS service on a guarded port",
     .rows = "32",
     .why = "IPVS does its own address translation beside netfilter's.",
     .how = "/proc/net/ip_vs: TCP services on a guarded port or on all ports; those for marked "
            "packets are unknown.",
     .remedy = "sudo ipvsadm -Ln; ipvsadm -D -t ADDR:PORT",
     .waivable = true,
     .run = kr_check_ipvs},
    {.id = "hook-dump",
     .title = "no function of another module stands behind our guards",
     .rows = "48",
     .why = "A kernel module may register a hook of its own, behind the guards, in no ruleset.",
     .how = "The kernel's list of hooks (CONFIG_NETFILTER_NETLINK_HOOK, Linux 5.14), where it has "
            "one: extra evidence only, since nothing listed is not nothing there.",
     .remedy = "sudo nft list hooks",
     .waivable = true,
     .run = kr_check_hooks},
};

const struct kr_check_group kr_checks_nft = {"nft", checks, sizeof checks / sizeof *checks};

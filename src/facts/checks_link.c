#include "links.h"

#define FENCE_IT                                                                                \
    "'kumo-redirect up' again fences every device that leads out; or take the device away: ip " \
    "link set NAME down, ip link del NAME"

static const struct kr_check checks[] = {
    {
        .id = "new-devices",
        .title = "every device that leads out is fenced",
        .rows = "49",
        .why = "The fence is a chain for each device. On a device that came later frames of packet "
               "sockets, bridges and other namespaces leave without meeting it; IP of this host "
               "still meets the guards.",
        .how = "Links and routes are read anew, the uplinks are decided as 'up' does it and "
               "compared with those of the plan, by index and name.",
        .remedy = FENCE_IT,
        .waivable = true,
        .run = kr_check_new_devices,
    },
    {
        .id = "packet-sockets",
        .title = "what packet sockets send meets the fence",
        .rows = "33 34 35",
        .why = "A packet socket hands its frames to the device and passes no IP hook; with "
               "PACKET_QDISC_BYPASS no traffic control and no capture sees them either.",
        .how = "sock_diag lists the packet sockets of this namespace, transmit rings too, and "
               "/proc/PID/fd names their owners. One is a leak only where no fence is on the "
               "device it is bound to, or, unbound, on some device that leads out. Whether it "
               "bypasses queueing is not shown; the fence stops it either way.",
        .remedy = FENCE_IT ". To end the owner: kill PID",
        .waivable = true,
        .run = kr_check_packet_sockets,
    },
    {
        .id = "raw-sockets",
        .title = "raw sockets",
        .rows = "54 62",
        .why = "A raw socket writes its own IP header, so the failsafe does not see the port.",
        .how = "/proc/net/raw and raw6, owners from /proc/PID/fd. What they send passes the output "
               "hook, where the guard looks at the packet itself: they are named, not judged.",
        .remedy = "None is needed; to end the owner: kill PID",
        .waivable = true,
        .run = kr_check_raw_sockets,
    },
    {
        .id = "bridge-ports",
        .title = "bridges with an uplink",
        .rows = "43",
        .why = "A container or a virtual machine on the same bridge as an uplink sends by the "
               "bridge: the IP hooks see that only with br_netfilter.",
        .how = "Every port of every bridge of this namespace that leads out has to be fenced. So "
               "has a tunnel (VXLAN and its like) that is a port beside others: it wraps up what "
               "they send.",
        .remedy = FENCE_IT ". To take a port out of its bridge: ip link set NAME nomaster",
        .waivable = true,
        .run = kr_check_bridge_ports,
    },
    {
        .id = "link-children",
        .title = "macvlan, ipvlan and other children of uplinks",
        .rows = "44",
        .why = "A macvlan or ipvlan device in a container passes the hooks of the container's "
               "namespace, not of this one, and sends by the uplink below it.",
        .how = "The links of every namespace that shows are read. A child's frames go out by the "
               "device below it, where the fence is; of ipvlan that is true in its modes L2, L3 "
               "and L3S.",
        .remedy = FENCE_IT ". To remove the child: ip -n NAMESPACE link del NAME",
        .waivable = true,
        .run = kr_check_link_children,
    },
    {
        .id = "other-namespaces",
        .title = "no other network namespace has a way out of its own",
        .rows = "45",
        .why = "Another network namespace has its own rules. With hardware, a tunnel or a program "
               "behind a tun device in it, or behind a pair of devices to a third one that has "
               "such, mail leaves without passing this host's guards.",
        .how = "Namespaces are found by processes and their threads, by bind mounts, and by the "
               "ids this namespace has for others; each is entered by a thread and its links are "
               "read. Those whose only way is a pair into this namespace are covered by the "
               "forward guard and the fence. Not seen: namespaces that only an open descriptor "
               "keeps alive, and mounts of other mount namespaces. Inside a container, those "
               "around it.",
        .remedy = "Move the device back: ip -n NAMESPACE link set NAME netns 1; or end what runs "
                  "there, or run 'kumo-redirect --netns NAMESPACE up --block' for it",
        .waivable = true,
        .run = kr_check_other_namespaces,
    },
    {
        .id = "foreign-sockets",
        .title = "no process here uses a connection of another namespace",
        .rows = "46",
        .why = "A socket stays in the namespace it was made in, whoever uses it: passed over a "
               "Unix socket or kept over setns(2), it skips the rules of this one.",
        .how = "In each namespace with a way out of its own the TCP sockets to guarded ports are "
               "listed, and their owners are looked for among the processes of this one. Not seen: "
               "sockets that are not connected yet, those io_uring holds without a descriptor, "
               "and namespaces that nothing shows.",
        .remedy = "End the process: kill PID",
        .waivable = true,
        .run = kr_check_foreign_sockets,
    },
    {
        .id = "tun-owners",
        .title = "programs behind tun and tap devices",
        .rows = "47 65",
        .why = "What goes into a tun or tap device is read by a program, which may wrap it up and "
               "send it on, or be a network stack of its own.",
        .how = "/proc/PID/fdinfo names the holders. Packets routed there met the guards before; "
               "what comes from there is forwarded and meets them. In doubt is a tap that is a "
               "port of a bridge beside others, unless a virtual machine holds it.",
        .remedy = "End the program: kill PID; or take the tap out of its bridge: ip link set NAME "
                  "nomaster",
        .waivable = true,
        .run = kr_check_tun_owners,
    },
    {
        .id = "vrf",
        .title = "VRF devices over uplinks",
        .rows = "61",
        .why = "In a VRF packets pass the hooks twice, first with the VRF as their device, and "
               "another table decides their route.",
        .how = "The ports of VRF devices that lead out have to be fenced. The policy rules are a "
               "check of their own.",
        .remedy = FENCE_IT,
        .waivable = true,
        .run = kr_check_vrf,
    },
    {
        .id = "sriov",
        .title = "no virtual function of a network card is handed out",
        .rows = "42",
        .why = "A virtual function given to a virtual machine or a DPDK program sends by the card "
               "itself; no rule of this host sees that.",
        .how = "sysfs lists the PCI devices bound to vfio and uio drivers that are virtual "
               "functions of a network card. One with a network driver is a device like any "
               "other. Filters in the card and its switch can't be seen.",
        .remedy = "Unbind it: echo ADDRESS >/sys/bus/pci/drivers/DRIVER/unbind; or filter tcp/25 "
                  "at the switch, and waive this",
        .waivable = true,
        .run = kr_check_sriov,
    },
    {
        .id = "vfio",
        .title = "no network card is handed out",
        .rows = "42",
        .why = "A card bound to vfio or uio is driven by a virtual machine or a program (DPDK) "
               "without this host's network stack.",
        .how = "sysfs lists the network cards bound to drivers that hand devices out (PCI, VMBus, "
               "vDPA). In a container they count when its /dev has a way to open them.",
        .remedy = "Unbind it: echo ADDRESS >/sys/bus/pci/drivers/DRIVER/unbind; or filter tcp/25 "
                  "at the switch, and waive this",
        .waivable = true,
        .run = kr_check_vfio,
    },
    {
        .id = "rdma",
        .title = "no RDMA port is active",
        .rows = "42",
        .why = "By an RDMA device a program sends frames of its own making past the network stack "
               "(raw packet queue pairs, DPDK on such cards).",
        .how = "The state of every port in /sys/class/infiniband; /dev/infiniband tells whether "
               "programs here can open them. SMC sockets begin with a TCP connection.",
        .remedy = "Take the port down, or unload the driver: rdma link; modprobe -r mlx5_ib",
        .waivable = true,
        .run = kr_check_rdma,
    },
    {
        .id = "xfrm",
        .title = "IPsec policies",
        .rows = "29 54",
        .why = "A packet that IPsec wraps up shows no port any more when it leaves.",
        .how = "Policies and states are listed. TCP meets the output guard before it is "
               "transformed; what a card transforms by itself (packet offload) is in doubt.",
        .remedy = "Look at them: ip xfrm policy, ip xfrm state",
        .waivable = true,
        .run = kr_check_xfrm,
    },
    {
        .id = "kernel-senders",
        .title = "kernel modules that send by themselves",
        .rows = "48",
        .why = "pktgen and netconsole hand their packets to the device; cards that take over TCP "
               "send it without the IP hooks.",
        .how = "/proc/modules is searched for such modules. What is built into the kernel does not "
               "show there; pktgen and netconsole send UDP only.",
        .remedy = "Unload the module: modprobe -r NAME",
        .waivable = true,
        .run = kr_check_kernel_senders,
    },
};

const struct kr_check_group kr_checks_link = {"link", checks, sizeof checks / sizeof *checks};

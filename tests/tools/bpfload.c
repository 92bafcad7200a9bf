/*
 * Loads small BPF programs, written down as instructions, and attaches them; keeps them until it is
 * killed. Prints "ready ID" with the program's id when all is in place.
 *
 *   bpfload xdp DEV pass|redirect DEV2   generic XDP; redirect: IPv4 frames to DEV2
 *   bpfload devmap DEV NETNS DEV2        XDP with a device map that holds DEV of this namespace, on
 *                                        DEV2 of the namespace at the path NETNS
 *   bpfload tcx DEV ingress|egress       a tcx link that lets pass
 *   bpfload cls DEV ingress|egress pass|redirect DEV2   a cls_bpf filter, pref 7; it stays
 *   bpfload cgroup PATH KIND             connect4: port 25 becomes 2526; the other kinds let pass
 *   bpfload sockmap msg|skb|none         a program on a sockmap; none: loaded only
 *   bpfload sklookup | netfilter | xsk
 *   bpfload lwt DEV PREFIX4 LEN          a route with a program at xmit; it stays
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/lwtunnel.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PROG_NETFILTER 32
#define ATTACH_NETFILTER 45
#define TCX_INGRESS 46
#define TCX_EGRESS 47

/* One instruction: code, destination, source, offset, immediate. */
#define I(c, d, s, o, i)                                                                \
    (struct bpf_insn)                                                                   \
    {                                                                                   \
        .code = (c), .dst_reg = (d), .src_reg = (s), .off = (short)(o), .imm = (int)(i) \
    }
#define MOVI(d, i) I(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define MOVR(d, s) I(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define LDW(d, s, o) I(BPF_LDX | BPF_MEM | BPF_W, d, s, o, 0)
#define LDH(d, s, o) I(BPF_LDX | BPF_MEM | BPF_H, d, s, o, 0)
#define STW(d, s, o) I(BPF_STX | BPF_MEM | BPF_W, d, s, o, 0)
#define JNEI(d, i, o) I(BPF_JMP | BPF_JNE | BPF_K, d, 0, o, i)
#define JGTR(d, s, o) I(BPF_JMP | BPF_JGT | BPF_X, d, s, o, 0)
#define CALL(f) I(BPF_JMP | BPF_CALL, 0, 0, 0, f)
#define EXIT I(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define N(a) (sizeof(a) / sizeof *(a))

static int die(const char *what)
{
    printf("error %s: %s\n", what, strerror(errno));
    exit(1);
}

static int bpf(int cmd, union bpf_attr *a, const char *what)
{
    long got = syscall(SYS_bpf, cmd, a, sizeof *a);
    return got < 0 ? die(what) : (int)got;
}

static int load(unsigned type, unsigned attach, const struct bpf_insn *code, size_t n)
{
    static char log[4096];
    union bpf_attr a = {.prog_type = type,
                        .insn_cnt = (unsigned)n,
                        .insns = (uintptr_t)code,
                        .license = (uintptr_t) "GPL",
                        .log_level = 1,
                        .log_size = sizeof log,
                        .log_buf = (uintptr_t)log,
                        .prog_name = "kr_test",
                        .expected_attach_type = attach};
    long fd = syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof a);
    return fd < 0 ? die(*log ? log : "load") : (int)fd;
}

static int returning(unsigned type, unsigned attach, int value)
{
    const struct bpf_insn code[] = {MOVI(0, value), EXIT};
    return load(type, attach, code, N(code));
}

static unsigned device(const char *name)
{
    unsigned i = if_nametoindex(name);
    return i ? i : (unsigned)die(name);
}

static int link_on(int prog, unsigned target, unsigned attach, unsigned flags)
{
    union bpf_attr a = {
        .link_create = {
            .prog_fd = (unsigned)prog, .target_fd = target, .attach_type = attach, .flags = flags}};
    return bpf(BPF_LINK_CREATE, &a, "link");
}

static unsigned id_of(int prog)
{
    struct bpf_prog_info i = {0};
    union bpf_attr a = {
        .info = {.bpf_fd = (unsigned)prog, .info_len = sizeof i, .info = (uintptr_t)&i}};
    bpf(BPF_OBJ_GET_INFO_BY_FD, &a, "info");
    return i.id;
}

static int map(unsigned type)
{
    union bpf_attr a = {.map_type = type, .key_size = 4, .value_size = 4, .max_entries = 4};
    return bpf(BPF_MAP_CREATE, &a, "map");
}

/* Data of an XDP and of a tc program's context: where it begins and ends. IPv4 goes to `to`. */
static int redirecting(unsigned type, int data, int end, int pass, unsigned to)
{
    const struct bpf_insn code[] = {
        LDW(2, 1, data),
        LDW(3, 1, end),
        MOVR(4, 2),
        I(BPF_ALU64 | BPF_ADD | BPF_K, 4, 0, 0, 14),
        JGTR(4, 3, 6),
        LDH(5, 2, 12),
        JNEI(5, htons(ETH_P_IP), 4),
        MOVI(1, to),
        MOVI(2, 0),
        CALL(BPF_FUNC_redirect),
        EXIT,
        MOVI(0, pass),
        EXIT,
    };
    return load(type, 0, code, N(code));
}

static int cmd_xdp(char **v)
{
    int prog = strcmp(v[1], "redirect") == 0
                   ? redirecting(BPF_PROG_TYPE_XDP, 0, 4, XDP_PASS, device(v[2]))
                   : returning(BPF_PROG_TYPE_XDP, 0, XDP_PASS);
    link_on(prog, device(v[0]), BPF_XDP, XDP_FLAGS_SKB_MODE);
    return prog;
}

static int cmd_devmap(char **v)
{
    unsigned key = 0, value = device(v[0]);
    int devmap = map(BPF_MAP_TYPE_DEVMAP), netns = open(v[1], O_RDONLY | O_CLOEXEC);
    union bpf_attr put = {.map_fd = (unsigned)devmap, .key = (uintptr_t)&key};
    put.value = (uintptr_t)&value;
    bpf(BPF_MAP_UPDATE_ELEM, &put, "devmap");
    const struct bpf_insn code[] = {I(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, devmap),
                                    I(0, 0, 0, 0, 0),
                                    MOVI(2, 0),
                                    MOVI(3, XDP_PASS),
                                    CALL(BPF_FUNC_redirect_map),
                                    EXIT};
    int prog = load(BPF_PROG_TYPE_XDP, 0, code, N(code));
    if (netns < 0 || setns(netns, CLONE_NEWNET))
        die(v[1]);
    link_on(prog, device(v[2]), BPF_XDP, XDP_FLAGS_SKB_MODE);
    return prog;
}

static int cmd_tcx(char **v)
{
    unsigned attach = strcmp(v[1], "egress") == 0 ? TCX_EGRESS : TCX_INGRESS;
    int prog = returning(BPF_PROG_TYPE_SCHED_CLS, attach, -1);
    link_on(prog, device(v[0]), attach, 0);
    return prog;
}

/* ---- rtnetlink ----------------------------------------------------------------------------------
 */

struct message {
    struct nlmsghdr h;
    char body[512];
};

static struct rtattr *put(struct message *m, unsigned type, const void *data, size_t len)
{
    struct rtattr *a = (void *)((char *)m + NLMSG_ALIGN(m->h.nlmsg_len));
    a->rta_type = (unsigned short)type;
    a->rta_len = (unsigned short)RTA_LENGTH(len);
    if (len)
        memcpy(RTA_DATA(a), data, len);
    m->h.nlmsg_len = NLMSG_ALIGN(m->h.nlmsg_len) + (unsigned)RTA_ALIGN(a->rta_len);
    return a;
}

static void end(struct message *m, struct rtattr *nest)
{
    nest->rta_len = (unsigned short)((char *)m + m->h.nlmsg_len - (char *)nest);
}

static void begin(struct message *m, unsigned type, unsigned flags, const void *head, size_t len)
{
    memset(m, 0, sizeof *m);
    m->h.nlmsg_type = (unsigned short)type;
    m->h.nlmsg_flags = (unsigned short)(NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | flags);
    m->h.nlmsg_len = (unsigned)NLMSG_LENGTH(len);
    memcpy(m->body, head, len);
}

static void tell(struct message *m, int allowed)
{
    struct {
        struct nlmsghdr h;
        struct nlmsgerr e;
        char rest[1024];
    } answer;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0 || send(fd, m, m->h.nlmsg_len, 0) < 0 || recv(fd, &answer, sizeof answer, 0) < 0)
        die("netlink");
    close(fd);
    errno = -answer.e.error;
    if (answer.e.error && errno != allowed)
        die("netlink");
}

static int cmd_cls(char **v)
{
    unsigned flags = TCA_BPF_FLAG_ACT_DIRECT, up = strcmp(v[1], "egress") == 0;
    struct tcmsg t = {.tcm_ifindex = (int)device(v[0]),
                      .tcm_parent = TC_H_CLSACT,
                      .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0)};
    struct message m;
    int prog = strcmp(v[2], "redirect") == 0
                   ? redirecting(BPF_PROG_TYPE_SCHED_CLS, 76, 80, TC_ACT_OK, device(v[3]))
                   : returning(BPF_PROG_TYPE_SCHED_CLS, 0, TC_ACT_OK);
    begin(&m, RTM_NEWQDISC, NLM_F_EXCL, &t, sizeof t);
    put(&m, TCA_KIND, "clsact", 7);
    tell(&m, EEXIST);
    t.tcm_parent = TC_H_MAKE(TC_H_CLSACT, up ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS);
    t.tcm_handle = 1;
    t.tcm_info = 7u << 16 | htons(ETH_P_ALL);
    begin(&m, RTM_NEWTFILTER, NLM_F_EXCL, &t, sizeof t);
    put(&m, TCA_KIND, "bpf", 4);
    struct rtattr *options = put(&m, TCA_OPTIONS, NULL, 0);
    put(&m, TCA_BPF_FD, &prog, sizeof prog);
    put(&m, TCA_BPF_NAME, "kr_test", 8);
    put(&m, TCA_BPF_FLAGS, &flags, sizeof flags);
    end(&m, options);
    tell(&m, 0);
    return prog;
}

static int cmd_lwt(char **v)
{
    const struct rtmsg r = {.rtm_family = AF_INET,
                            .rtm_dst_len = (unsigned char)atoi(v[2]),
                            .rtm_table = RT_TABLE_MAIN,
                            .rtm_protocol = RTPROT_STATIC,
                            .rtm_scope = RT_SCOPE_LINK,
                            .rtm_type = RTN_UNICAST};
    unsigned oif = device(v[0]);
    unsigned short type = LWTUNNEL_ENCAP_BPF;
    struct in_addr dst;
    struct message m;
    int prog = returning(BPF_PROG_TYPE_LWT_XMIT, 0, BPF_OK);
    if (inet_pton(AF_INET, v[1], &dst) != 1)
        die(v[1]);
    begin(&m, RTM_NEWROUTE, NLM_F_EXCL, &r, sizeof r);
    put(&m, RTA_DST, &dst, sizeof dst);
    put(&m, RTA_OIF, &oif, sizeof oif);
    put(&m, RTA_ENCAP_TYPE, &type, sizeof type);
    struct rtattr *encap = put(&m, RTA_ENCAP | NLA_F_NESTED, NULL, 0);
    struct rtattr *xmit = put(&m, LWT_BPF_XMIT | NLA_F_NESTED, NULL, 0);
    put(&m, LWT_BPF_PROG_FD, &prog, sizeof prog);
    put(&m, LWT_BPF_PROG_NAME, "kr_test", 8);
    end(&m, xmit);
    end(&m, encap);
    tell(&m, 0);
    return prog;
}

/* ---- cgroups and sockets ------------------------------------------------------------------------
 */

static const struct kind {
    const char *name;
    unsigned type, attach;
} kinds[] = {
    {"connect4", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT},
    {"connect6", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET6_CONNECT},
    {"sendmsg4", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP4_SENDMSG},
    {"sendmsg6", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP6_SENDMSG},
    {"getpeername4", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_GETPEERNAME},
    {"bind4", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_BIND},
    {"sock_ops", BPF_PROG_TYPE_SOCK_OPS, BPF_CGROUP_SOCK_OPS},
    {"sock_create", BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE},
    {"post_bind4", BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET4_POST_BIND},
    {"egress", BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS},
    {"ingress", BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS},
    {"device", BPF_PROG_TYPE_CGROUP_DEVICE, BPF_CGROUP_DEVICE},
    {"sysctl", BPF_PROG_TYPE_CGROUP_SYSCTL, BPF_CGROUP_SYSCTL},
};

/* user_port of struct bpf_sock_addr is at 24, in network order. */
static int other_port(const struct kind *k)
{
    const struct bpf_insn code[] = {LDW(2, 1, 24),        JNEI(2, htons(25), 2),
                                    MOVI(2, htons(2526)), STW(1, 2, 24),
                                    MOVI(0, 1),           EXIT};
    return load(k->type, k->attach, code, N(code));
}

static int cmd_cgroup(char **v)
{
    int fd = open(v[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        die(v[0]);
    for (size_t i = 0; i < N(kinds); i++)
        if (strcmp(kinds[i].name, v[1]) == 0) {
            int prog = i < 2 ? other_port(&kinds[i]) : returning(kinds[i].type, kinds[i].attach, 1);
            link_on(prog, (unsigned)fd, kinds[i].attach, 0);
            return prog;
        }
    errno = EINVAL;
    return die(v[1]);
}

static int cmd_sockmap(char **v)
{
    bool skb = strcmp(v[0], "skb") == 0;
    unsigned attach = skb ? BPF_SK_SKB_STREAM_VERDICT : BPF_SK_MSG_VERDICT;
    int prog = returning(skb ? BPF_PROG_TYPE_SK_SKB : BPF_PROG_TYPE_SK_MSG, attach, SK_PASS);
    union bpf_attr a = {.target_fd = (unsigned)map(BPF_MAP_TYPE_SOCKMAP),
                        .attach_bpf_fd = (unsigned)prog,
                        .attach_type = attach};
    if (strcmp(v[0], "none") != 0)
        bpf(BPF_PROG_ATTACH, &a, "attach");
    return prog;
}

static int cmd_sklookup(char **v)
{
    int prog = returning(BPF_PROG_TYPE_SK_LOOKUP, BPF_SK_LOOKUP, SK_PASS);
    int netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    (void)v;
    link_on(prog, (unsigned)netns, BPF_SK_LOOKUP, 0);
    return prog;
}

static int cmd_netfilter(char **v)
{
    int prog = returning(PROG_NETFILTER, ATTACH_NETFILTER, 1);
    const unsigned where[] = {2 /* NFPROTO_IPV4 */, 3 /* output */, 100 /* priority */, 0};
    union bpf_attr a = {
        .link_create = {.prog_fd = (unsigned)prog, .attach_type = ATTACH_NETFILTER}};
    (void)v;
    memcpy((char *)&a + 16, where, sizeof where);
    bpf(BPF_LINK_CREATE, &a, "netfilter link");
    return prog;
}

static int cmd_xsk(char **v)
{
    (void)v;
    if (socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0) < 0)
        die("AF_XDP");
    return -1;
}

static const struct command {
    const char *name;
    int n;
    int (*run)(char **v);
} commands[] = {
    {"xdp", 2, cmd_xdp},           {"devmap", 3, cmd_devmap},       {"tcx", 2, cmd_tcx},
    {"cls", 3, cmd_cls},           {"cgroup", 2, cmd_cgroup},       {"sockmap", 1, cmd_sockmap},
    {"sklookup", 0, cmd_sklookup}, {"netfilter", 0, cmd_netfilter}, {"xsk", 0, cmd_xsk},
    {"lwt", 3, cmd_lwt},
};

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; argc > 1 && i < N(commands); i++) {
        if (strcmp(commands[i].name, argv[1]) != 0 || argc < commands[i].n + 2)
            continue;
        int prog = commands[i].run(argv + 2);
        printf("ready %u\n", prog < 0 ? 0 : id_of(prog));
        for (;;)
            pause();
    }
    fprintf(stderr, "usage: see the head of bpfload.c\n");
    return 2;
}

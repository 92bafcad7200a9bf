#include <kr/features.h>

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/nft_kernel.h>
#include <kr/nft_rule.h>
#include <kr/nl.h>
#include <kr/rt.h>
#include <kr/sock.h>

#include <errno.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/fib_rules.h>
#include <linux/netfilter.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct kr_nft_chain *chain(struct kr_nft *r, int family, const char *type, unsigned hook,
                                  int priority, const char *device)
{
    const struct kr_nft_hook h = {
        .type = type, .hook = hook, .priority = priority, .device = device};
    return kr_nft_base_chain(kr_nft_table(r, family, "kumo_redirect_trial"), "trial", &h);
}

static int load(struct kr_nft *r, struct kr_err *e)
{
    static const struct kr_nft_name mine[] = {{NFPROTO_INET, "kumo_redirect_trial"},
                                              {NFPROTO_NETDEV, "kumo_redirect_trial"}};
    int bad = kr_nft_load(r, NULL, 0, e);
    kr_nft_free(r);
    if (!bad)
        kr_nft_load(NULL, mine, 2, NULL);
    return bad;
}

static int try_inet_nat(struct kr_err *e)
{
    struct kr_nft *r = kr_nft_new();
    chain(r, NFPROTO_INET, "nat", NF_INET_LOCAL_OUT, -199, NULL);
    return load(r, e);
}

static int try_last_priority(struct kr_err *e)
{
    struct kr_nft *r = kr_nft_new();
    struct kr_nft_rule *x =
        kr_nft_rule(chain(r, NFPROTO_INET, "filter", NF_INET_LOCAL_OUT, INT_MAX, NULL), "trial");
    kr_nft_dport_one(x, 25);
    kr_nft_reject(x);
    return load(r, e);
}

static int try_egress(struct kr_err *e)
{
    struct kr_nft *r = kr_nft_new();
    chain(r, NFPROTO_NETDEV, "filter", NF_NETDEV_EGRESS, INT_MAX, "lo");
    return load(r, e);
}

static int try_pairs(struct kr_err *e)
{
    struct kr_prefix p;
    struct kr_nft *r = kr_nft_new();
    struct kr_nft_set *s =
        kr_nft_lan_set(kr_nft_table(r, NFPROTO_INET, "kumo_redirect_trial"), "lan4", AF_INET);
    if (kr_prefix_parse("10.0.0.0/8", &p, e) == 0)
        kr_nft_lan_add(s, &p, 1, "lo");
    return load(r, e);
}

static int try_hash(struct kr_err *e)
{
    const struct kr_addr first = kr_addr_make(AF_INET, "\xc6\x12\x19\x01");
    const struct kr_addr last = kr_addr_make(AF_INET, "\xc6\x12\x19\x04");
    struct kr_nft *r = kr_nft_new();
    struct kr_nft_rule *x =
        kr_nft_rule(chain(r, NFPROTO_INET, "nat", NF_INET_LOCAL_OUT, -199, NULL), "trial");
    kr_nft_dport_one(x, 25);
    kr_nft_dnat(x, &first, &last, 2026, 1);
    return load(r, e);
}

static int try_fib(struct kr_err *e)
{
    struct kr_nft *r = kr_nft_new();
    struct kr_nft_rule *x =
        kr_nft_rule(chain(r, NFPROTO_INET, "nat", NF_INET_PRE_ROUTING, -199, NULL), "trial");
    kr_nft_fib_local(x);
    kr_nft_return(x);
    return load(r, e);
}

static int try_port_rule(struct kr_err *e)
{
    KR_AUTO_RT struct kr_rt rt = {0};
    const struct kr_fibrule r = {.family = AF_INET,
                                 .priority = 25,
                                 .table = 2525,
                                 .action = FR_ACT_TO_TBL,
                                 .protocol = 225,
                                 .ipproto = IPPROTO_TCP,
                                 .dport_first = 25,
                                 .dport_last = 25};
    if (kr_rt_open(&rt, e))
        return -1;
    kr_rt_rule(&rt, &r, true);
    return kr_rt_flush(&rt, e);
}

static int try_hole(struct kr_err *e)
{
    static const char *const kinds[] = {"dummy", "ifb", "veth"};
    KR_AUTO_RT struct kr_rt rt = {0};
    if (kr_rt_open(&rt, e))
        return -1;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kr_rt_link_add(&rt, "trial0", kinds[i], i == 2 ? "trial1" : NULL, e) == 0)
            return 0;
    return kr_fail(e, KR_CANNOT, EOPNOTSUPP, "none of dummy, ifb and veth");
}

static int try_sock_destroy(struct kr_err *e)
{
    KR_AUTO_NL struct kr_nl nl = {0};
    const struct kr_sock none = {.family = AF_INET,
                                 .state = 1,
                                 .local = kr_addr_make(AF_INET, "\177\0\0\1"),
                                 .peer = kr_addr_make(AF_INET, "\177\0\0\1"),
                                 .local_port = 1,
                                 .peer_port = 1};
    if (kr_nl_open(&nl, NETLINK_SOCK_DIAG, e))
        return -1;
    int got = kr_sock_destroy(&nl, &none, e);
    return got > 0 ? kr_fail(e, KR_CANNOT, got, "SOCK_DESTROY") : got;
}

static const struct {
    struct kr_feature f;
    int (*trial)(struct kr_err *e);
} table[] = {
    {{"nat chains in inet tables", "Linux 5.2, d164385ec572", "the redirect, both families", NULL},
     try_inet_nat},
    {{"filter chains at the last priority", "Linux 3.14", "the guards", NULL}, try_last_priority},
    {{"netdev egress hook", "Linux 5.16, 42df6e1d221d, CONFIG_NETFILTER_EGRESS", "the fence",
      "netdev-fence"},
     try_egress},
    {{"sets of address and device", "Linux 5.6, 3c4287f62044", "exemptions", NULL}, try_pairs},
    {{"hash expression and maps", "Linux 4.9, cb1b69b0b15b, CONFIG_NFT_HASH",
      "one sink address for a destination", NULL},
     try_hash},
    {{"fib expression", "Linux 4.10, f6d0cbcf09c5, CONFIG_NFT_FIB_INET", "--forward redirect",
      NULL},
     try_fib},
    {{"routing rules by protocol and port", "Linux 4.17, bfff4862653b", "the failsafe", NULL},
     try_port_rule},
    {{"a device that drops", "CONFIG_DUMMY, CONFIG_IFB or CONFIG_VETH", "the failsafe", NULL},
     try_hole},
    {{"destroying sockets", "Linux 4.5, 64be0aed59ad, CONFIG_INET_DIAG_DESTROY",
      "older connections", "sock-destroy"},
     try_sock_destroy},
};
#define N (sizeof table / sizeof *table)

size_t kr_features_count(void)
{
    return N;
}

const struct kr_feature *kr_feature(size_t i)
{
    return &table[i].f;
}

struct answer {
    bool has;
    char why[160];
};

static void child(int out)
{
    struct answer answers[N] = {0};
    if (unshare(CLONE_NEWNET))
        _exit(1);
    for (size_t i = 0; i < N; i++) {
        struct kr_err e = {0};
        answers[i].has = table[i].trial(&e) == 0;
        snprintf(answers[i].why, sizeof answers[i].why, "%.*s", (int)sizeof answers[i].why - 1,
                 e.msg);
    }
    _exit(write(out, answers, sizeof answers) == (ssize_t)sizeof answers ? 0 : 1);
}

int kr_features_try(bool *has, char (*why)[160], struct kr_err *e)
{
    struct answer answers[N];
    int ends[2], status = 0;
    if (pipe(ends))
        return kr_fail(e, KR_CANNOT, errno, "pipe");
    KR_AUTO_FD int in = ends[0];
    pid_t pid = fork();
    if (pid == 0)
        child(ends[1]);
    close(ends[1]);
    ssize_t n = pid > 0 ? read(in, answers, sizeof answers) : -1;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || n != (ssize_t)sizeof answers)
        return kr_fail(e, KR_UNKNOWN, 0, "the trial namespace could not be made or died");
    for (size_t i = 0; i < N; i++) {
        has[i] = answers[i].has;
        memcpy(why[i], answers[i].why, sizeof answers[i].why);
    }
    return 0;
}

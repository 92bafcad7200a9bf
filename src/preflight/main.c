/* kumo-preflight: the part of `kumo-redirect preflight` that talks to the network, a program of its
 * own so that it runs without privileges, behind a filter of system calls, and so that no other
 * command has to load the libraries it needs. Reads domains from descriptors it was given, asks
 * DNS, and writes frames (<kr/dns_record.h>) to its standard output. */
#include "worker.h"

#include <kr/clock.h>
#include <kr/dns_engine.h>
#include <kr/dns_validate.h>
#include <kr/drop.h>
#include <kr/err.h>
#include <kr/log.h>
#include <kr/mem.h>
#include <kr/prefixset.h>

#include <errno.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define CHUNK 65536u

static int send_all(struct kr_buf *b, struct kr_err *e)
{
    for (size_t at = 0; at < b->len;) {
        ssize_t n = write(STDOUT_FILENO, b->s + at, b->len - at);
        if (n < 0 && errno != EINTR)
            return kr_fail(e, KR_CANNOT, errno, "telling what was found");
        at += n > 0 ? (size_t)n : 0;
    }
    b->len = 0;
    return 0;
}

/* One who no longer listens needs no answer. */
static void on_progress(void *arg, const struct kr_dns_account *a)
{
    (void)arg;
    KR_AUTO_BUF struct kr_buf b = {0};
    kr_frame_add(&b, KR_FRAME_PROGRESS, a, sizeof *a);
    if (send_all(&b, NULL))
        _exit(KR_CANNOT);
}

static int read_inputs(const struct worker_options *o, struct kr_domains *d, struct kr_err *e)
{
    for (size_t i = 0; i < o->inputs.n; i++) {
        const char *label = strchr(o->inputs.v[i], ':');
        int fd = (int)strtol(o->inputs.v[i], NULL, 10);
        if (!label)
            return kr_fail(e, KR_INTERNAL, 0, "--input '%s'", o->inputs.v[i]);
        int bad = kr_domains_read(d, fd, label + 1, e);
        close(fd);
        if (bad)
            return -1;
    }
    return kr_domains_check(d, e);
}

static int choose_servers(const struct worker_options *o, struct kr_resolvconf *c, struct kr_err *e)
{
    if (kr_resolvconf_read("/etc/resolv.conf", c, e))
        return -1;
    if (!o->resolvers.n)
        return 0;
    c->n = 0;
    for (size_t i = 0; i < o->resolvers.n && i < KR_DNS_SERVERS; i++)
        if (kr_dns_server_parse(o->resolvers.v[i], &c->v[c->n++], e))
            return kr_wrap(e, "--resolver");
    return 0;
}

static bool all_loopback(const struct kr_resolvconf *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (!kr_addr_is_loopback(&c->v[i].addr))
            return false;
    return true;
}

static void note(const struct kr_resolvconf *c, enum kr_dns_judge judge, bool told, bool anchors,
                 struct kr_buf *out)
{
    static const char *const by[] = {
        [KR_JUDGE_SERVER] = "their word on DNSSEC is taken",
        [KR_JUDGE_SELF] = "DNSSEC is validated here",
        [KR_JUDGE_NOBODY] = "DNSSEC can't be judged",
    };
    KR_AUTO_BUF struct kr_buf b = {0};
    for (size_t i = 0; i < c->n; i++) {
        char s[2 * KR_ADDRSTRLEN];
        kr_buf_printf(&b, "%s%s", i ? ", " : "", kr_dns_server_str(&c->v[i], s));
    }
    kr_buf_printf(&b, ": %s", by[judge]);
    if (judge == KR_JUDGE_SERVER)
        kr_buf_printf(&b, " (%s)", told ? "--trust-ad" : "a server on this host");
    if (judge == KR_JUDGE_NOBODY)
        kr_buf_printf(&b, ": %s",
                      anchors ? "no signatures that lead to the root's anchor come through"
                              : "there is no anchor of the root (package dns-root-data)");
    kr_frame_add(out, KR_FRAME_NOTE, b.s, b.len);
}

static int write_facts(const struct kr_dns_plan *plan, const struct kr_domains *d,
                       struct kr_buf *out, struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf text = {0};
    struct kr_domain_facts f;
    for (uint32_t i = 0; i < d->names.n; i++) {
        kr_dns_plan_facts(plan, i, &text, &f);
        kr_frame_domain(out, &f);
        if (out->len >= CHUNK && send_all(out, e))
            return -1;
    }
    return 0;
}

/* An anchor that is not there is told with the result; one that can't be read is an error. */
static int read_anchors(const struct worker_options *o, struct kr_anchors **out, struct kr_err *e)
{
    const char *path = o->anchor ? o->anchor : KR_ROOT_KEY;
    struct kr_err why = {0};
    *out = kr_anchors_read(path, &why);
    if (*out || (!o->anchor && why.sys == ENOENT))
        return 0;
    *e = why;
    return -1;
}

/* Prefixes with a space between each two. */
static int read_exempt(const char *text, struct kr_prefixset *out, struct kr_err *e)
{
    for (const char *at = text ? text : ""; *at; at += strspn(at, " ")) {
        char one[2 * KR_ADDRSTRLEN];
        struct kr_prefix p;
        size_t n = strcspn(at, " ");
        if (n >= sizeof one)
            return kr_fail(e, KR_INTERNAL, 0, "--exempt '%s'", at);
        memcpy(one, at, n);
        one[n] = '\0';
        if (kr_prefix_parse(one, &p, e))
            return kr_wrap(e, "--exempt");
        kr_prefixset_add(out, &p);
        at += n;
    }
    kr_prefixset_normalize(out);
    return 0;
}

struct work {
    struct kr_dns_net *net;
    struct kr_anchors *anchors;
    struct kr_resolvconf servers;
    struct kr_domains domains;
    struct kr_prefixset exempt;
    struct kr_dns_plan *plan;
    struct fetcher fetcher;
};

static void end_work(struct work *w)
{
    fetcher_end(&w->fetcher);
    kr_dns_plan_free(w->plan);
    kr_dns_net_free(w->net);
    kr_anchors_free(w->anchors);
    kr_domains_free(&w->domains);
    kr_prefixset_free(&w->exempt);
}

/* Everything that opens something happens before the filter stands. */
static int prepare(const struct worker_options *o, struct work *w, struct kr_err *e)
{
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    w->net = kr_dns_net_open(e);
    if (!w->net || kr_drop(NULL, e) || choose_servers(o, &w->servers, e) ||
        read_anchors(o, &w->anchors, e))
        return -1;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* lost with the user id (prctl(2)) */
    return worker_filter(e);
}

static int tell_sinks(const struct worker_options *o, struct work *w, struct kr_buf *out,
                      struct kr_err *e)
{
    struct kr_sink_said said = {0};
    if (!o->sinks.n)
        return 0;
    if (look_at_sinks(&w->fetcher, w->plan, &o->sinks, &said, e))
        return -1;
    kr_frame_add(out, KR_FRAME_SINK, &said, sizeof said);
    return 0;
}

static int work(const struct worker_options *o, struct work *w, struct kr_buf *out,
                struct kr_err *e)
{
    struct kr_dns_account account;
    enum kr_dns_judge judge;
    w->fetcher.fd = o->fetcher ? (int)o->fetcher : -1;
    w->fetcher.patience = (30 + (o->seconds ? o->seconds : 60)) * 1000000;
    if (read_exempt(o->exempt, &w->exempt, e) || prepare(o, w, e) ||
        read_inputs(o, &w->domains, e) || fetcher_await(&w->fetcher, e))
        return -1;
    int servers = kr_dns_net_connect(w->net, &w->servers, e);
    if (servers < 0)
        return -1;
    bool near = all_loopback(&w->servers);
    struct kr_dns_engine_config c = {.domains = &w->domains,
                                     .anchors = w->anchors,
                                     .trust_ad = near || o->trust_ad,
                                     .own_tlsa = o->own_tlsa,
                                     .policies = o->policies,
                                     .exempt = &w->exempt,
                                     .address_asks = o->address_asks,
                                     .qps = o->qps,
                                     .jobs = o->jobs,
                                     .mix_case = !near,
                                     .progress = on_progress};
    if (kr_dns_engine_run(w->net, (unsigned)servers, &c, &w->plan, &judge, &account, e))
        return -1;
    note(&w->servers, judge, !near, w->anchors != NULL, out);
    if (o->policies)
        fetch_policies(&w->fetcher, w->plan, &account, on_progress);
    if (tell_sinks(o, w, out, e) || write_facts(w->plan, &w->domains, out, e))
        return -1;
    kr_frame_add(out, KR_FRAME_END, &account, sizeof account);
    return send_all(out, e);
}

/* Domains that were asked in vain fill the list as unknown when nobody answers. */
static void tell_error(const struct kr_err *e, struct kr_buf *out)
{
    KR_AUTO_BUF struct kr_buf b = {0};
    uint8_t exit = (uint8_t)e->exit;
    out->len = 0;
    kr_buf_add(&b, &exit, 1);
    kr_buf_text(&b, e->msg);
    kr_frame_add(out, KR_FRAME_ERROR, b.s, b.len);
    send_all(out, NULL);
}

int main(int argc, char **argv)
{
    struct worker_options o = {0};
    struct kr_err e = {0};
    struct work w = {0};
    KR_AUTO_BUF struct kr_buf out = {0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    kr_log_setup("kumo-preflight", KR_LOG_INFO, KR_COLOR_AUTO);
    int bad = worker_options_read(argc, argv, &o, &e) || work(&o, &w, &out, &e);
    if (bad)
        tell_error(&e, &out);
    end_work(&w);
    worker_options_free(&o);
    return bad ? (int)e.exit : KR_OK;
}

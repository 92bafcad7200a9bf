/* Which checks run how often follows from what they cost here. Each round that is asked to be cheap
 * runs those about what no guard stops and no event tells, and the cheapest of the others as long
 * as the sum is below BUDGET; the whole round takes all, and learns their cost anew. A fact that
 * several checks share is paid for by the first of them that runs, so costs are forgotten slowly:
 * else a dear fact would wander from one to the next. */
#include "watch_internal.h"

#include <kr/checks.h>
#include <kr/err.h>
#include <kr/mem.h>
#include <kr/verify.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUDGET 3000u /* µs */
#define DEAR 20000u  /* µs: too much for every round, whatever it is about */

static const char *const unstoppable[] = {"xdp-programs", "xdp-sockets", "tc-filters",
                                          "tcx-netkit",   "cgroup-bpf",  "lwt-programs"};

struct prover {
    struct kr_verify verify;
    const struct kr_waivers *waivers; /* besides the recorded ones; or NULL */
    bool known;                       /* verify holds what stands */
    unsigned *cost;                   /* of each check, µs */
    bool *cheap;
    char what;
};

/* What is ours is looked at by the watch itself. */
static bool is_its_own(size_t i)
{
    const char *id = kr_checks_at(i)->id;
    return strcmp(kr_checks_group_of(i), "own") == 0 && strcmp(id, "own-sink") != 0;
}

static size_t number_of(const struct kr_check *c)
{
    size_t i = 0;
    while (kr_checks_at(i) != c)
        i++;
    return i;
}

static bool wanted(const struct kr_check *c, void *arg)
{
    const struct prover *p = arg;
    size_t i = number_of(c);
    return !c->advice && !is_its_own(i) && (p->what == KR_PROVE_ALL || p->cheap[i]);
}

/* Returns their cost. */
static unsigned choose_unstoppable(struct prover *p)
{
    unsigned sum = 0;
    for (size_t k = 0; k < sizeof unstoppable / sizeof *unstoppable; k++) {
        const struct kr_check *c = kr_checks_find(unstoppable[k]);
        size_t i = c ? number_of(c) : kr_checks_count();
        if (!c || p->cost[i] > DEAR)
            continue;
        sum += p->cost[i];
        p->cheap[i] = true;
    }
    return sum;
}

/* The sink answers over the network: only in the whole round. */
static void choose(struct prover *p)
{
    size_t n = kr_checks_count();
    memset(p->cheap, 0, n * sizeof *p->cheap);
    unsigned sum = choose_unstoppable(p);
    for (;;) {
        size_t best = n;
        for (size_t i = 0; i < n; i++)
            if (!p->cheap[i] && strcmp(kr_checks_group_of(i), "own") != 0 &&
                (best == n || p->cost[i] < p->cost[best]))
                best = i;
        if (best == n || sum + p->cost[best] > BUDGET)
            return;
        sum += p->cost[best];
        p->cheap[best] = true;
    }
}

static void learn(struct prover *p)
{
    for (size_t i = 0; i < p->verify.n; i++) {
        unsigned *c = &p->cost[number_of(p->verify.v[i].check)];
        unsigned faded = *c - *c / 8;
        *c = p->verify.v[i].us > faded ? p->verify.v[i].us : faded;
    }
    choose(p);
}

static void say(const struct kr_verified *x, struct kr_buf *out)
{
    const char *verdict = kr_verdict_name(x->result.verdict);
    if (x->result.verdict == KR_HOLDS || x->waived)
        return;
    for (size_t i = 0; i < x->result.n; i++) {
        const struct kr_evidence *v = &x->result.v[i];
        if (v->verdict != KR_HOLDS)
            kr_buf_printf(out, "%s\t%s\t%s%s%s: %s\n", x->check->id, verdict, v->object,
                          *v->ifname ? " on " : "", v->ifname, v->detail);
    }
}

static int prove(struct prover *p, const struct kr_paths *paths, struct kr_err *e)
{
    const struct kr_settings none = {0};
    const struct kr_verify_want want = {
        .settings = &none, .waivers = p->waivers, .wanted = wanted, .arg = p};
    if (p->what == KR_PROVE_CHEAP && p->known)
        return kr_verify_again(&p->verify, &want, e);
    if (p->known)
        kr_verify_free(&p->verify);
    p->known = kr_verify(paths, &want, &p->verify, e) == 0;
    return p->known ? 0 : -1;
}

static void answer(struct prover *p, const struct kr_paths *paths, struct kr_buf *out)
{
    struct kr_err why = {0};
    if (prove(p, paths, &why)) {
        kr_buf_printf(out, "checks\tunknown\t%s\n", why.msg);
    } else {
        learn(p);
        for (size_t i = 0; i < p->verify.n; i++)
            say(&p->verify.v[i], out);
    }
    kr_buf_printf(out, ".\n");
}

static bool send_all(int fd, const char *s, size_t n)
{
    while (n) {
        ssize_t k = send(fd, s, n, MSG_NOSIGNAL);
        if (k <= 0)
            return false;
        s += k;
        n -= (size_t)k;
    }
    return true;
}

void kr_prover_run(const struct kr_paths *paths, const struct kr_waivers *waivers, int line)
{
    size_t n = kr_checks_count();
    struct prover p = {.waivers = waivers,
                       .cost = kr_calloc(n + 1, sizeof *p.cost),
                       .cheap = kr_calloc(n + 1, sizeof *p.cheap)};
    while (read(line, &p.what, 1) == 1) {
        KR_AUTO_BUF struct kr_buf out = {0};
        answer(&p, paths, &out);
        if (!send_all(line, out.s, out.len))
            break;
    }
    _exit(0);
}

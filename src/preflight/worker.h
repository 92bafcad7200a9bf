/* What kumo-preflight is told, and what it may do. */
#ifndef KR_WORKER_H
#define KR_WORKER_H

#include <kr/dns_policy.h>
#include <kr/fetch_record.h>
#include <kr/opt.h>

#include <stdbool.h>

#define KR_ROOT_KEY "/usr/share/dns/root.key"

struct worker_options {
    struct kr_strlist inputs, resolvers; /* inputs: "FD:LABEL" */
    struct kr_strlist sinks;             /* "ADDR[-ADDR]:PORT" */
    const char *anchor, *exempt;         /* exempt: prefixes, with spaces between */
    bool trust_ad, own_tlsa, policies;
    uint64_t qps, jobs, address_asks;
    uint64_t fetcher, seconds; /* descriptor of a socket to kumo-fetch, 0: none; of a fetch */
};
int worker_options_read(int argc, char **argv, struct worker_options *o, struct kr_err *e);
void worker_options_free(struct worker_options *o);
/* Should: be called when sockets, anchor and inputs are open. */
int worker_filter(struct kr_err *e);

/* The other side of kumo-fetch. One that is dead answers no more: what it was asked stays open. */
struct fetcher {
    int fd; /* -1: none */
    struct kr_frame_reader in;
    uint64_t patience; /* us without a word from it */
    uint32_t out;
};
struct fetcher_asks {
    void *arg;
    bool (*next)(void *arg, struct kr_fetch_job *j); /* false: no more */
    void (*done)(void *arg, const struct kr_fetch_done *d);
    void (*idle)(void *arg); /* several times a second */
};
/* Until it is ready. 0, also when it is dead; -1: what it says is the matter. */
int fetcher_await(struct fetcher *f, struct kr_err *e);
void fetcher_run(struct fetcher *f, const struct fetcher_asks *a);
void fetcher_end(struct fetcher *f);

/* Fetches all policies of the plan; progress is told through *account. */
void fetch_policies(struct fetcher *f, struct kr_dns_plan *p, struct kr_dns_account *account,
                    void (*progress)(void *, const struct kr_dns_account *));
/* Shows itself to the sinks as the MX hosts of the plan, or some of them. */
int look_at_sinks(struct fetcher *f, const struct kr_dns_plan *p, const struct kr_strlist *sinks,
                  struct kr_sink_said *out, struct kr_err *e);

#endif

/* What kumo-preflight is told, and what it may do. */
#ifndef KR_WORKER_H
#define KR_WORKER_H

#include <kr/opt.h>

#include <stdbool.h>

#define KR_ROOT_KEY "/usr/share/dns/root.key"

struct worker_options {
    struct kr_strlist inputs, resolvers; /* inputs: "FD:LABEL" */
    const char *anchor;
    bool trust_ad, own_tlsa;
    uint64_t qps, jobs;
};
int worker_options_read(int argc, char **argv, struct worker_options *o, struct kr_err *e);
void worker_options_free(struct worker_options *o);
/* Should: be called when sockets, anchor and inputs are open. */
int worker_filter(struct kr_err *e);

#endif

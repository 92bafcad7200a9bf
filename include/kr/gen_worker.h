/* A worker process of kumo-gen: its share of the clients, until all have ended. */
#ifndef KR_GEN_WORKER_H
#define KR_GEN_WORKER_H

#include <kr/gen_config.h>
#include <kr/gen_stats.h>

#include <openssl/types.h>

struct kr_mail;
struct kr_target;

struct kr_gen_run { /* what master and workers share */
    const struct kr_gen_config *cfg;
    const struct kr_mail *mail;
    const struct kr_target *target;
    struct kr_gen_shared *shared;
    SSL_CTX *tls; /* NULL: --starttls was not given */
    unsigned workers;
    int64_t began, measured_from; /* us of kr_now_us() */
};

/* Returns an exit status. */
int kr_gen_worker_run(const struct kr_gen_run *run, unsigned index);
/* For --starttls: any certificate will do. NULL: KR_CANNOT. */
SSL_CTX *kr_gen_tls(struct kr_err *e);

#endif

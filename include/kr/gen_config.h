/* What the command line of kumo-gen says. */
#ifndef KR_GEN_CONFIG_H
#define KR_GEN_CONFIG_H

#include <kr/addr.h>
#include <kr/strlist.h>

enum kr_gen_live { KR_GEN_LIVE_AUTO, KR_GEN_LIVE_ALWAYS, KR_GEN_LIVE_NEVER };
enum kr_gen_compat { KR_GEN_COMPAT_NONE, KR_GEN_COMPAT_TRAFFIC_GEN };
enum kr_gen_format { KR_GEN_TEXT, KR_GEN_JSON };
enum kr_gen_shape { KR_GEN_STEADY, KR_GEN_POISSON, KR_GEN_RAMP, KR_GEN_SPIKE };

struct kr_gen_domain {
    const char *name; /* `len` octets of it: a weight may follow */
    size_t len;
    double weight;
};
struct kr_gen_arrivals {
    enum kr_gen_shape shape;
    double from;                   /* RAMP: messages a second at the beginning */
    double factor, every, lasting; /* SPIKE: so many times the rate, each so many seconds */
};

#define KR_GEN_TARGET "127.0.0.1:2025"
#define KR_GEN_SUFFIX "mx-sink.wezfurlong.org"

struct kr_gen_config {
    /* As traffic-gen has them. */
    const char *target, *suffix, *body_file;
    uint64_t concurrency;   /* 0: ten for each processor */
    uint64_t message_count; /* 0: as many as there is time for */
    uint64_t duration;      /* seconds, behind the warm-up */
    uint64_t body_size;     /* octets */
    double rate;            /* messages a second; 0: no limit */
    struct kr_gen_domain *domain;
    size_t domains, domain_cap;
    struct kr_strlist headers; /* "Name: value" */
    bool starttls, keep_going;
    /* Our own. */
    const char *mail_file;
    struct kr_addr *source;
    size_t sources, source_cap;
    struct kr_gen_arrivals arrivals;
    uint64_t per_connection; /* messages; 0: any number */
    uint64_t recipients;     /* of a message */
    uint64_t seed, warm_up, drain, timeout, workers;
    int compat, live, format; /* the enums above */
    bool seeded, no_pipelining, open_loop, i_know, quiet;
};

#endif

/* Preflight: asks DNS in a program without privileges and judges what it tells. */
#ifndef KR_PREFLIGHT_H
#define KR_PREFLIGHT_H

#include <kr/dns_record.h>
#include <kr/dns_verdict.h>
#include <kr/mta_set.h>
#include <kr/strlist.h>

struct kr_err;

struct kr_preflight_want {
    const struct kr_strlist *domains, *files; /* "NAME[:WEIGHT]"; paths, "-" is standard input */
    const struct kr_strlist *resolvers;
    const struct kr_strlist *sinks; /* "ADDR[-ADDR]:PORT", to be looked at */
    enum kr_sink_tls sink;          /* when there are none: what it is like, */
    const char *sink_why;           /* and how that is known */
    const char *exempt;           /* prefixes that the redirect leaves alone, with spaces between */
    const char *exempt_why;       /* why these may not be all of them; NULL: they are */
    const char *anchor, *ca_file; /* ca_file: NULL: the system's CAs */
    bool trust_ad, policies;      /* policies: fetch those of MTA-STS */
    bool shed;                    /* this process needs no privileges once the programs run */
    uint64_t qps, jobs, seconds;  /* seconds: for each policy; 0: 60 */
    uint64_t address_asks;        /* struct kr_dns_plan_config */
    struct kr_mta_sides *sides;   /* whose sink becomes what it turns out to be */
};
struct kr_preflight_hooks {
    void *arg;
    void (*progress)(void *arg, const struct kr_dns_account *a);
    void (*domain)(void *arg, const struct kr_domain_facts *d,
                   const struct kr_preflight_verdict *v);
};
struct kr_preflight_end {
    char note[512];                /* who was asked, and who judges */
    struct kr_dns_account account; /* the last one that came */
    uint64_t told;                 /* domains that were told about */
    bool whole;                    /* all of them were, and it came to its end */
    char why[256];                 /* when not */
    struct kr_sink_said sink;      /* looked at, or else assumed */
    bool looked;
    char exempt_why[256]; /* why it is not known which addresses the redirect leaves alone; or "" */
    char fetcher[256];    /* how kumo-fetch ended, when not well */
};
/* Should: be called without a capability that is not needed to open the files and to start a
 * program. Mustn't: believe what the program tells beyond its form. Everything that was not told is
 * unknown. Returns 0, or -1: bad domains or options (KR_USAGE), no answers (KR_UNKNOWN), KR_CANNOT.
 */
int kr_preflight_run(const struct kr_preflight_want *w, const struct kr_preflight_hooks *h,
                     struct kr_preflight_end *end, struct kr_err *e);

/* The domains of traffic-gen's command line, its own defaults when it names none. Words, or one
 * word that holds them all, quoted as for a shell. `store` keeps the words that had to be taken
 * apart. */
int kr_traffic_gen_domains(const struct kr_strlist *words, char **store, struct kr_strlist *out,
                           struct kr_err *e);
void kr_traffic_gen_defaults(struct kr_strlist *out);

#endif

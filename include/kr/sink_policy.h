/* The policy: what is answered to whom, when, and how late. Read from TOML: KumoMTA's
 * responses.toml as it is published, and tables of our own beside it (kumo-sink(8), POLICY). */
#ifndef KR_SINK_POLICY_H
#define KR_SINK_POLICY_H

#include <kr/sink_answer.h>

#include <stdbool.h>
#include <stdint.h>

struct kr_err;
struct kr_names;
struct kr_addr;

enum kr_stage {
    KR_STAGE_CONNECT,
    KR_STAGE_EHLO,
    KR_STAGE_MAIL,
    KR_STAGE_RCPT,
    KR_STAGE_DATA,
    KR_STAGE_DOT,
    KR_STAGES
};

struct kr_policy; /* compiled; it does not change, but for who holds it */
struct kr_site;   /* a provider: domains and MX addresses that are answered for in one way */

struct kr_policy_how {
    bool compat;      /* KumoMTA's own dice and fixed texts */
    const char *seed; /* decimal; NULL: the file's, or 0 */
    const char *set;  /* more TOML, set."NAME".KEY = VALUE, that goes over the file's; or NULL */
    size_t set_len;
};

/* Compiles `len` bytes of TOML named `name`. The caller holds the result once. NULL: KR_USAGE,
 * "NAME:LINE: ...", quoting what is wrong. */
struct kr_policy *kr_policy_read(const char *name, const char *text, size_t len,
                                 const struct kr_policy_how *how, struct kr_err *e);
/* For one process: it is freed when nobody holds it any more. NULL is fine. */
struct kr_policy *kr_policy_hold(struct kr_policy *p);
void kr_policy_drop(struct kr_policy *p);

/* The providers: the one for all others is 0 and is called "other". */
size_t kr_policy_sites(const struct kr_policy *p);
const char *kr_policy_site_name(const struct kr_policy *p, size_t i);
size_t kr_policy_rules(const struct kr_policy *p);

/* Counts its providers under the numbers these names have. */
void kr_policy_number(struct kr_policy *p, const struct kr_names *names);

/* By recipient domain (any case, but for KumoMTA's keys, which are exact), by MX address, by the MX
 * name a TLS client asked for. NULL: none. */
const struct kr_site *kr_policy_by_domain(const struct kr_policy *p, const char *domain, size_t n);
const struct kr_site *kr_policy_by_mx(const struct kr_policy *p, const struct kr_addr *mx);
const struct kr_site *kr_policy_by_mx_name(const struct kr_policy *p, const char *name);

#endif

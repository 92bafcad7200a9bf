/* How the MTA under test is set, as far as it decides what TLS its deliveries need. */
#ifndef KR_MTA_SIDE_H
#define KR_MTA_SIDE_H

#include <kr/mta_path.h>

#include <stddef.h>

struct kr_domain_facts;

enum kr_mta_column {
    KR_COLUMN_POSTFIX,      /* level dane */
    KR_COLUMN_KUMO_RELEASE, /* up to 2026.06.23 */
    KR_COLUMN_KUMO_LATER,
    KR_COLUMN_EXIM,
    KR_COLUMN_STRICTEST, /* an MTA that honours all a domain asks for */
    KR_COLUMNS,
};
enum kr_sink_tls {
    KR_SINK_CLEAR,     /* no STARTTLS */
    KR_SINK_UNTRUSTED, /* a certificate of its own */
    KR_SINK_TRUSTED,   /* one the MTA's host trusts, naming the MX host */
    KR_SINK_UNTOLD,
    KR_SINKS,
};
/* Another level where the domain is `match`, or an MX host ends with it when it begins with a dot.
 */
struct kr_tls_override {
    const char *match;
    enum kr_tls_level level;
    const char *where; /* "shaping.toml, google" */
};
/* A setting as it stands: of a transport, or of the whole (""). */
struct kr_mta_option {
    const char *of, *name, *value;
};
struct kr_mta_side {
    const char *id, *title, *config; /* config: its folder or file; NULL: the usual one */
    enum kr_mta_column column;
    bool assumed; /* these are documented defaults: nobody asked the MTA */
    enum kr_tls_level base;
    bool dane, half_dane, mta_sts, tlsrpt;
    bool no_sts_lookup; /* struct kr_mta_path's is off, whatever a path says */
    enum kr_sink_tls sink;
    const struct kr_tls_override *overrides;
    size_t n_overrides;
    /* What is set otherwise for this domain and host (NULL: it has none); NULL: nothing is. */
    void (*path)(void *arg, const struct kr_domain_facts *d, const char *host,
                 struct kr_mta_path *out);
    void *arg;
    const struct kr_mta_option *options; /* what a configuration that changes it has to know */
    size_t n_options;
};
/* The documented defaults of "kumomta", "kumomta-release", "postfix", "exim" or "none", marked as
 * assumed; NULL: there is no such MTA. */
const struct kr_mta_side *kr_mta_side_default(const char *id);
struct kr_mta_path kr_mta_side_path(const struct kr_mta_side *s, const struct kr_domain_facts *d,
                                    const char *host);

#endif

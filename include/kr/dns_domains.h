/* The recipient domains that are asked about: A-labels, each once, in the order they came. */
#ifndef KR_DNS_DOMAINS_H
#define KR_DNS_DOMAINS_H

#include <kr/buf.h>
#include <kr/dns_name.h>

struct kr_err;

struct kr_domains {
    struct kr_name_table names;
    float *weights; /* NULL: all are 1 */
    size_t cap_weights;
    size_t n_bad;
    struct kr_buf bad; /* the first of them, a line each */
};

/* A domain in any spelling that means one: U-labels (IDNA 2008), capitals, a final dot. At most 237
 * bytes as A-labels, so that "_mta-sts." and "_25._tcp." fit before it. NULL, or why it is none. */
const char *kr_domain_read(const char *text, uint8_t out[static KR_NAME_MAX]);
/* "NAME[:WEIGHT]", as traffic-gen takes it; a domain given again adds its weight. What is none is
 * noted in d->bad, with where it came from: "FILE:LINE". */
void kr_domains_add(struct kr_domains *d, const char *text, const char *where, size_t line);
/* One a line; blank lines and those that begin with # are passed over. `label` names the file in
 * complaints. 0, or -1 (KR_CANNOT): it can't be read. */
int kr_domains_read(struct kr_domains *d, int fd, const char *label, struct kr_err *e);
double kr_domains_weight(const struct kr_domains *d, uint32_t i);
/* 0 when every one was a domain and there is at least one; else -1 (KR_USAGE), naming the first bad
 * ones. */
int kr_domains_check(const struct kr_domains *d, struct kr_err *e);
void kr_domains_free(struct kr_domains *d);

#endif

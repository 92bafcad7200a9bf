/* The values of kumo-gen's options that have a grammar of their own. All return 0, or -1 (KR_USAGE,
 * quoting the text) with the output untouched. */
#ifndef KR_GEN_PARSE_H
#define KR_GEN_PARSE_H

#include <kr/gen_config.h>

struct kr_err;

/* "1024", "60kb", "100k", "1.5mb", "64KiB": octets, at most 1 TiB. k and kb are 1000, ki and kib
 * 1024, in any case, as traffic-gen reads them. */
int kr_gen_size(const char *text, uint64_t *out, struct kr_err *e);
/* "1000/s", "1,000/min", "5_000/hour", "1/day", "local:100/h": messages a second. */
int kr_gen_rate(const char *text, double *out, struct kr_err *e);
/* "gmail.com", "gmail.com:67.4", "bellsouth.net:.2". */
int kr_gen_domain(const char *text, struct kr_gen_domain *out, struct kr_err *e);
/* A domain to be appended; "" is one: real names. */
int kr_gen_suffix(const char *text, struct kr_err *e);
/* "Name: value" (RFC 5322 2.2), in one line of at most 998 octets. */
int kr_gen_header(const char *text, struct kr_err *e);
/* "steady", "poisson", "ramp[:RATE]", "spike[:FACTOR[,EVERY,LASTING]]"; RATE as above, EVERY and
 * LASTING in seconds. */
int kr_gen_arrivals_parse(const char *text, struct kr_gen_arrivals *out, struct kr_err *e);
/* "local@domain" of printable ASCII that may stand between angle brackets (RFC 5321 4.1.2). */
int kr_gen_mailbox(const char *text, size_t n, struct kr_err *e);
/* A positive number in decimal with or without a fraction, below 10^15, of the first n octets. */
int kr_gen_decimal(const char *text, size_t n, double *out, struct kr_err *e);

#endif

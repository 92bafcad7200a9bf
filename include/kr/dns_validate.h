/* DNSSEC validation (RFC 4033 to 4035, 5155, 6840) of answers that came from a server nobody
 * trusts, from the root's anchor down. Asks for DS and DNSKEY records by the same engine. */
#ifndef KR_DNS_VALIDATE_H
#define KR_DNS_VALIDATE_H

#include <kr/dns_ask.h>
#include <kr/dns_plan.h>

#include <time.h>

struct kr_err;
struct kr_anchors;
struct kr_validator;

/* DS or DNSKEY records of the root from a file in zone format (dns-root-data's root.key). NULL:
 * error (KR_CANNOT; errno ENOENT behind it when there is no such file). */
struct kr_anchors *kr_anchors_read(const char *path, struct kr_err *e);
void kr_anchors_free(struct kr_anchors *a);

#define KR_VALIDATOR_KINDS 100u /* kinds of question from here on are the validator's */

typedef void kr_judged(void *arg, const struct kr_question *q, const struct kr_packet *p,
                       const struct kr_reply *r, enum kr_proof proof);
/* now: the time signatures are judged at; 0: the clock's. */
struct kr_validator *kr_validator_new(const struct kr_anchors *a, time_t now, kr_judged *judged,
                                      void *arg);
void kr_validator_free(struct kr_validator *v);
/* Judges an answer, now or when what it needs has come; the message is copied if need be. */
void kr_validator_judge(struct kr_validator *v, const struct kr_question *q,
                        const struct kr_packet *p, const struct kr_reply *r);
bool kr_validator_next(struct kr_validator *v, struct kr_question *q);
/* An answer to one of its own questions; NULL: none came. */
void kr_validator_take(struct kr_validator *v, const struct kr_question *q,
                       const struct kr_packet *p, const struct kr_reply *r);
/* Begins with the root; what kr_validator_root says then: KR_PROOF_SECURE, or that this server
 * passes no signatures on. */
void kr_validator_begin(struct kr_validator *v);
enum kr_proof kr_validator_root(const struct kr_validator *v);

#endif

/* The judgement of one message. */
#ifndef KR_DNS_JUDGE_H
#define KR_DNS_JUDGE_H

#include "dns_validate_internal.h"

struct judging {
    struct kr_validator *v;
    const struct kr_packet *p;
    int work;
    uint32_t wait; /* the node that must be known first; KR_NO_NAME: none */
};
enum kr_proof kr_judge_answer(struct judging *j, const uint8_t *qname, const struct kr_reply *r);
bool kr_judge_by_zone(struct judging *j, const uint8_t *owner, uint16_t type, uint32_t zone);
bool kr_judge_by_keys(struct judging *j, const uint8_t *owner, uint16_t type,
                      const struct kr_keys *keys);
enum node_state kr_judge_no_ds(struct judging *j, const uint8_t *name, uint32_t zone,
                               bool nxdomain);

#endif

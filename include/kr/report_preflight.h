/* How a preflight is said. */
#ifndef KR_REPORT_PREFLIGHT_H
#define KR_REPORT_PREFLIGHT_H

#include <kr/preflight_sum.h>

#include <stdio.h>

void kr_text_preflight_domain(const struct kr_domain_facts *d, const struct kr_preflight_verdict *v,
                              FILE *out);
void kr_text_preflight(const struct kr_preflight_sum *s, const struct kr_preflight_end *end,
                       const struct kr_mta_sides *sides, FILE *out);
/* A line each: kumo-redirect/preflight-domain/1; the sum, the last line: kumo-redirect/preflight/1.
 */
void kr_json_preflight_domain(const struct kr_domain_facts *d, const struct kr_preflight_verdict *v,
                              FILE *out);
void kr_json_preflight(const struct kr_preflight_sum *s, const struct kr_preflight_end *end,
                       const struct kr_mta_sides *sides, FILE *out);

#endif

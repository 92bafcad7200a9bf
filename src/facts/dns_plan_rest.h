/* The addresses that nothing but a look for hosts inside calls for. */
#ifndef KR_DNS_PLAN_REST_H
#define KR_DNS_PLAN_REST_H

#include <stddef.h>
#include <stdint.h>

struct kr_dns_plan;
struct kr_dns_plan_config;

/* Questions for them, at most. */
uint64_t kr_plan_rest_most(const struct kr_dns_plan_config *c, size_t domains);
/* When nothing else is to be asked: asks for as many as still may be. */
void kr_plan_rest(struct kr_dns_plan *p);
/* Address families of a host that nobody asked for: 0..2; and asks for them. */
unsigned kr_plan_host_unasked(const struct kr_dns_plan *p, uint32_t host);
void kr_plan_host_rest(struct kr_dns_plan *p, uint32_t host);

#endif

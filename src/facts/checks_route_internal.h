/* The checks of the group "route", a file each subject. */
#ifndef KR_CHECKS_ROUTE_INTERNAL_H
#define KR_CHECKS_ROUTE_INTERNAL_H

#include <kr/scene.h>

int kr_check_policy_rules(struct kr_scene *s, struct kr_result *r, struct kr_err *e);
int kr_check_kernel_route(struct kr_scene *s, struct kr_result *r, struct kr_err *e);
int kr_check_sysctls(struct kr_scene *s, struct kr_result *r, struct kr_err *e);

/* 1: this host forwards packets of the family by some device; 0; -1 (KR_UNKNOWN). */
int kr_forwards(int family, struct kr_err *e);
static inline char kr_digit(int family)
{
    return family == AF_INET ? '4' : '6';
}

#endif

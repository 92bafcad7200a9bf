/* The guard's own side. */
#ifndef KR_RUN_GUARD_INTERNAL_H
#define KR_RUN_GUARD_INTERNAL_H

#include <kr/run_guard.h>
#include <kr/run_guard_said.h>

#define KR_ASK_ARM 'a'
#define KR_ASK_END 'e'
void kr_guard_run(const struct kr_guard_want *want, int line) __attribute__((noreturn));

#endif

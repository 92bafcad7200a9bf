/* Tells clang's analyzer what the comments of <kr/err.h> promise: a failure is always -1. */
#ifndef KR_ANALYZER_H
#define KR_ANALYZER_H

#include <kr/err.h>

#define kr_fail(...) (kr_fail(__VA_ARGS__), -1)
#define kr_wrap(...) (kr_wrap(__VA_ARGS__), -1)

#endif

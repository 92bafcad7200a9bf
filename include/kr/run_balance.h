/* The balance of a run: what must be equal, whether it is, and what explains it when not. */
#ifndef KR_RUN_BALANCE_H
#define KR_RUN_BALANCE_H

#include <stddef.h>

struct kr_run;

/* NOTED: no mismatch, but mail took another way than the sink. EXPLAINED: a difference that what
 * was measured allows for, and how. BROKEN: a difference that nothing explains. */
enum kr_balanced { KR_BAL_HOLDS, KR_BAL_NOTED, KR_BAL_EXPLAINED, KR_BAL_UNKNOWN, KR_BAL_BROKEN };
#define KR_BALANCED_N (KR_BAL_BROKEN + 1)
const char *kr_balanced_name(enum kr_balanced b); /* "holds" ... */

struct kr_balance_row {
    const char *id, *title; /* "messages", "every message is accounted for" */
    enum kr_balanced is;
    char text[512];
};
#define KR_BALANCE_ROWS 12
struct kr_balance {
    struct kr_balance_row v[KR_BALANCE_ROWS];
    size_t n;
    enum kr_balanced worst;
};
/* Never KR_BAL_HOLDS for a row that needs a number nobody knows. */
void kr_run_balance(const struct kr_run *r, struct kr_balance *out);
/* What report exits with: 0, KR_UNSAFE, KR_UNKNOWN or KR_BREACH. */
int kr_run_exit(const struct kr_run *r, const struct kr_balance *b);

#endif

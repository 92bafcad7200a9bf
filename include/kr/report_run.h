/* How a run is said: its account, and the audit of the MTA's logs when there was one. */
#ifndef KR_REPORT_RUN_H
#define KR_REPORT_RUN_H

#include <stdio.h>

struct kr_audit;
struct kr_run;

/* audit may be NULL: then nothing is said of it. */
void kr_text_run(const struct kr_run *r, const struct kr_audit *audit, FILE *out);
int kr_json_run(const struct kr_run *r, const struct kr_audit *audit, FILE *out); /* run/1 */

#endif

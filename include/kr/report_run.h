/* How a run is said: its account, and the audit of the MTA's logs when there was one. */
#ifndef KR_REPORT_RUN_H
#define KR_REPORT_RUN_H

#include <stdio.h>

struct kr_audit;
struct kr_run;

/* audit may be NULL: then nothing is said of it. */
void kr_text_run(const struct kr_run *r, const struct kr_audit *audit, FILE *out);
/* kumo-redirect/run/1 */
void kr_json_run(const struct kr_run *r, const struct kr_audit *audit, FILE *out);
void kr_tap_run(const struct kr_run *r, const struct kr_audit *audit, FILE *out);
void kr_junit_run(const struct kr_run *r, const struct kr_audit *audit, FILE *out);
/* Workflow commands; and, in Markdown, into the file $GITHUB_STEP_SUMMARY names, when it does. */
void kr_github_run(const struct kr_run *r, const struct kr_audit *audit, FILE *out);
void kr_markdown_run(const struct kr_run *r, const struct kr_audit *audit, FILE *out);
/* One page that needs nothing else: no scripts, plots as inline SVG. */
void kr_html_run(const struct kr_run *r, const struct kr_audit *audit, FILE *out);

#endif

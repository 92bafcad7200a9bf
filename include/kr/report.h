/* How results are said: text for people, JSON (described in contrib/schema) for machines. */
#ifndef KR_REPORT_H
#define KR_REPORT_H

#include <stdbool.h>
#include <stdio.h>

struct kr_check;
struct kr_down_result;
struct kr_standing;
struct kr_up_result;
struct kr_verify;

void kr_text_up(const struct kr_up_result *r, FILE *out);
void kr_text_down(const struct kr_down_result *r, FILE *out);
void kr_text_status(const struct kr_standing *s, FILE *out);

/* One JSON object and a newline; -1 when it could not be made. */
int kr_json_up(const struct kr_up_result *r, FILE *out);     /* kumo-redirect/up/1 */
int kr_json_down(const struct kr_down_result *r, FILE *out); /* kumo-redirect/down/1 */
int kr_json_status(const struct kr_standing *s, FILE *out);  /* kumo-redirect/status/1 */

/* A verification. all: checks that hold are listed too. */
void kr_text_verify(const struct kr_verify *v, bool all, FILE *out);
void kr_json_verify(const struct kr_verify *v, bool all, FILE *out);   /* kumo-redirect/verify/1 */
void kr_tap_verify(const struct kr_verify *v, bool all, FILE *out);    /* TAP version 13 */
void kr_junit_verify(const struct kr_verify *v, bool all, FILE *out);  /* one test suite */
void kr_github_verify(const struct kr_verify *v, bool all, FILE *out); /* workflow commands */

/* One check, or with NULL a list of all. */
void kr_text_explain(const struct kr_check *c, FILE *out);
void kr_json_explain(const struct kr_check *c, FILE *out); /* kumo-redirect/explain/1 */

/* One event of a watch: a line of JSON; a line of text for each thing it says. */
struct kr_event;
void kr_json_event(const struct kr_event *ev, FILE *out);
void kr_text_event(const struct kr_event *ev, FILE *out);

#endif

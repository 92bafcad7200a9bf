/* How results are said: text for people, JSON (described in contrib/schema) for machines. */
#ifndef KR_REPORT_H
#define KR_REPORT_H

#include <stdio.h>

struct kr_down_result;
struct kr_standing;
struct kr_up_result;

void kr_text_up(const struct kr_up_result *r, FILE *out);
void kr_text_down(const struct kr_down_result *r, FILE *out);
void kr_text_status(const struct kr_standing *s, FILE *out);

/* One JSON object and a newline; -1 when it could not be made. */
int kr_json_up(const struct kr_up_result *r, FILE *out);     /* kumo-redirect/up/1 */
int kr_json_down(const struct kr_down_result *r, FILE *out); /* kumo-redirect/down/1 */
int kr_json_status(const struct kr_standing *s, FILE *out);  /* kumo-redirect/status/1 */

#endif

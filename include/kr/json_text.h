/* Other people's texts in JSON. */
#ifndef KR_JSON_TEXT_H
#define KR_JSON_TEXT_H

struct json_t;

/* A string of whatever octets: one that is no UTF-8 gets "?" for each that is not ASCII. The caller
 * owns it. */
struct json_t *kr_json_text(const char *s);

#endif

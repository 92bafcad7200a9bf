/* Other people's texts in JSON, and JSON from files. */
#ifndef KR_JSON_TEXT_H
#define KR_JSON_TEXT_H

struct json_t;
struct json_error_t;

/* A string of whatever octets: one that is no UTF-8 gets "?" for each that is not ASCII. The caller
 * owns it. */
struct json_t *kr_json_text(const char *s);
/* What is read from `fd` to its end, many octets at a time: json_loadfd(3) asks for each one. The
 * caller owns it; NULL: *why. */
struct json_t *kr_json_read(int fd, struct json_error_t *why);

#endif

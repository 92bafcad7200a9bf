/* Replies of the policy, made once and sent as they are. */
#ifndef KR_SINK_ANSWER_H
#define KR_SINK_ANSWER_H

#include <stddef.h>
#include <stdint.h>

struct kr_err;

struct kr_answer {
    char *wire;    /* with CRLF, in RFC 5321 4.2.1's multi-line form; owned */
    uint32_t len;  /* of wire */
    uint16_t code; /* 200..599 */
    double weight; /* among the others of its list */
};
struct kr_answers {
    struct kr_answer *v;
    size_t n, cap;
    double total; /* of the weights */
};

/* Makes a reply of a code and a text as people write them down: line breaks of any kind, each line
 * perhaps with the code in front of it. An enhanced code that begins the text is given to every
 * line (RFC 2034 4); lines over 500 octets are broken at a space. Returns 0, or -1 (KR_USAGE,
 * quotes the text: octets that may not stand in a reply). */
int kr_answer_make(struct kr_answer *out, int code, const char *text, size_t len, struct kr_err *e);
/* Takes over the reply. */
void kr_answers_add(struct kr_answers *l, const struct kr_answer *a);
/* By weight, u from 0 up to 1; NULL: there is none. */
const struct kr_answer *kr_answers_pick(const struct kr_answers *l, double u);
void kr_answers_free(struct kr_answers *l);

#endif

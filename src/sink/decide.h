/* The session's side of the policy. Each function answers the command itself, late or not at all,
 * when the policy says so, and returns true then; without a policy it does nothing. */
#ifndef KR_DECIDE_H
#define KR_DECIDE_H

#include "session_internal.h"

#include <kr/sink_path.h>
#include <kr/sink_sums.h>

struct kr_answer;

bool decide_connect(struct kr_sink_ctx *x, struct kr_sink_session *s, const struct kr_addr *source,
                    const struct kr_addr *meant);
/* The MX name a TLS client asked for. */
void decide_name(struct kr_sink_session *s, const char *mx);
bool decide_ehlo(struct kr_sink_ctx *x, struct kr_sink_session *s);
bool decide_mail(struct kr_sink_ctx *x, struct kr_sink_session *s, const struct kr_path *from);
bool decide_rcpt(struct kr_sink_ctx *x, struct kr_sink_session *s, const struct kr_path *to);
/* For the whole message: the code of the answer, 0: none, -1: the connection ends instead. With
 * LMTP decide_each() has the answer to a recipient; NULL: accepted. */
int decide_data(struct kr_sink_ctx *x, struct kr_sink_session *s);
int decide_dot(struct kr_sink_ctx *x, struct kr_sink_session *s);
const struct kr_answer *decide_each(const struct kr_sink_session *s, uint32_t recipient);
/* Says an answer of the policy and counts it; one of 421 ends the connection. */
void decide_say(struct kr_sink_ctx *x, struct kr_sink_session *s, const struct kr_answer *a);
/* Counted by provider: the message, as its first recipient's; its recipients, all by this code,
 * with 0 each by its own answer. */
void decide_message(struct kr_sink_ctx *x, const struct kr_sink_session *s, enum kr_outcome what);
void decide_recipients(struct kr_sink_ctx *x, const struct kr_sink_session *s, int code);
void decide_end(struct kr_sink_ctx *x, struct kr_sink_session *s);

#endif

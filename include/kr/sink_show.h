/* What a policy comes to, for people to look at. */
#ifndef KR_SINK_SHOW_H
#define KR_SINK_SHOW_H

struct kr_buf;
struct kr_policy;

/* All of it, as a JSON object. */
void kr_policy_show(const struct kr_policy *p, struct kr_buf *out);

#endif

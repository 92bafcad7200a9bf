/* The evidence: one JSON record of what a verification found, for whoever needs to know whether
 * the redirect stands (kumo-redirect/evidence/1, described in contrib/schema). */
#ifndef KR_EVIDENCE_H
#define KR_EVIDENCE_H

#include <kr/state.h>

struct kr_err;
struct kr_verify;

/* Writes it beside the state file, mode 0644, as a whole or not at all, whatever the verdict. It
 * goes when the state changes. Returns 0, or -1 (KR_CANNOT). */
int kr_evidence_write(const struct kr_paths *paths, const struct kr_verify *v, struct kr_err *e);

#endif

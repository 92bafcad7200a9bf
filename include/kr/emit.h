/* A configuration that switches off, for the time of a test, just what keeps mail from the sink. */
#ifndef KR_EMIT_H
#define KR_EMIT_H

#include <kr/remedy.h>

#include <stdio.h>

/* Ready to be used, with comments that say where it goes and how it is taken back. The same remedy
 * gives the same text. `whole`: every domain could be judged. */
void kr_emit_postfix(const struct kr_remedy *r, const struct kr_mta_side *side, bool whole,
                     FILE *out);
void kr_emit_exim(const struct kr_remedy *r, const struct kr_mta_side *side, bool whole, FILE *out);
void kr_emit_kumomta(const struct kr_remedy *r, const struct kr_mta_side *side, bool whole,
                     FILE *out);

#endif

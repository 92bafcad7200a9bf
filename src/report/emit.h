/* What the configurations have in common. */
#ifndef KR_EMIT_INTERNAL_H
#define KR_EMIT_INTERNAL_H

#include <kr/emit.h>

/* The head, each line behind `mark`. False: nothing has to be switched off, which was said. */
bool kr_emit_head(const struct kr_remedy *r, const struct kr_mta_side *side, bool whole,
                  const char *mark, FILE *out);
/* A setting as it stands, or NULL. */
const char *kr_emit_option(const struct kr_mta_side *side, const char *of, const char *name);

#endif

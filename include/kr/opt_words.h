/* Options written as they would be given. */
#ifndef KR_OPT_WORDS_H
#define KR_OPT_WORDS_H

struct kr_buf;
struct kr_opt_table;

/* The flags, choices and lists of a target as words of a command line that sets them so, each ended
 * by NUL. */
void kr_opt_words(const struct kr_opt_table *t, const void *target, struct kr_buf *out);

#endif

/* What stands, seen again and again: a screen, or a line each time. */
#ifndef KR_SCREEN_H
#define KR_SCREEN_H

#include <kr/standing.h>

/* Two looks make a rate. */
struct kr_look {
    struct kr_standing standing;
    struct kr_buf sink; /* its account, JSON; empty without a sink of ours */
    uint64_t us;        /* when, by kr_now_us */
};
/* Takes a look. Returns 0, or -1 (KR_UNKNOWN). */
int kr_look(const struct kr_paths *paths, struct kr_look *out, struct kr_err *e);
void kr_look_free(struct kr_look *l);
/* The screen as text for a terminal of so many rows and columns, each line ended by "\033[K", from
 * the upper left corner on. `was`: the look before, or NULL. */
void kr_screen_draw(const struct kr_paths *paths, const struct kr_look *was,
                    const struct kr_look *now, unsigned rows, unsigned columns, bool color,
                    struct kr_buf *out);
/* One line with the line feed. */
void kr_screen_line(const struct kr_look *was, const struct kr_look *now, struct kr_buf *out);

#endif

/* Which sink a preflight looks at. */
#ifndef KR_PREFLIGHT_SINK_H
#define KR_PREFLIGHT_SINK_H

#include <kr/addr.h>
#include <kr/mta_side.h>
#include <kr/strlist.h>

struct kr_buf;
struct kr_err;

struct kr_sink_choice {
    struct kr_strlist at;   /* to be looked at: "ADDR[-ADDR]:PORT" */
    enum kr_sink_tls state; /* when there is none to be looked at */
    const char *why;        /* how that is known; NULL: look */
    char text[2][2 * KR_ADDRSTRLEN];
};
/* The first that says one: `told` (by --sink; "builtin" is what the built-in sink is like), the
 * redirect that stands in this network namespace, `configured` (what up would take). Else what up
 * starts by itself: the built-in sink, which offers no STARTTLS. A record of a redirect that can't
 * be read makes it unknown. 0, or -1 (KR_USAGE). */
int kr_sink_choose(const struct kr_strlist *told, const struct kr_strlist *configured,
                   struct kr_sink_choice *out, struct kr_err *e);
/* The prefixes that the redirect in this network namespace leaves alone, with spaces between; where
 * none stands, those of `configured` (what up would take, its automatic ones aside, which are
 * private). 0; or -1: the record of a redirect can't be read (KR_UNKNOWN, which ones it leaves
 * alone is then unknown: `out` has those of `configured`, some of them maybe), or one of
 * `configured` is no prefix (KR_USAGE). */
int kr_exempt_find(const struct kr_strlist *configured, struct kr_buf *out, struct kr_err *e);

#endif

/* How long a client may be silent, by what is waited for. */
#ifndef KR_SINK_IDLE_H
#define KR_SINK_IDLE_H

#include <stdint.h>

struct kr_err;

/* Name and seconds: those of RFC 5321 4.5.3.2, where 7 is the server's own, and what the others ask
 * of clients is asked of a client that is silent. */
#define KR_IDLES(X)                                                                           \
    X(greeting, "greeting", 300)     /* connected: the first command (4.5.3.2.1) */           \
    X(command, "command", 300)       /* the next command (4.5.3.2.7) */                       \
    X(data_init, "data-init", 120)   /* the first octet of the content (4.5.3.2.4) */         \
    X(data, "data", 180)             /* more of the content (4.5.3.2.5) */                    \
    X(after_data, "after-data", 300) /* a command, after the answer to content (4.5.3.2.7) */ \
    X(reply, "reply", 600)           /* room for what was said: it is not read (4.5.3.2.6) */
#define KR_IDLE_ENUM(id, name, seconds) KR_IDLE_##id,
enum kr_idle { KR_IDLES(KR_IDLE_ENUM) KR_IDLE_N };

/* Seconds, by enum kr_idle. */
struct kr_idles {
    uint32_t after[KR_IDLE_N];
};

void kr_idles_default(struct kr_idles *out);
/* "60": all; "data=60": one. Returns 0, or -1 (KR_USAGE, quotes it and names what there is). */
int kr_idles_set(struct kr_idles *out, const char *text, struct kr_err *e);

#endif

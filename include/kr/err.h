/* Errors: one object, passed last, untouched on success. */
#ifndef KR_ERR_H
#define KR_ERR_H

/* Exit statuses of kumo-redirect; an error carries the one it leads to. */
enum kr_exit {
    KR_OK = 0,        /* safe, or done */
    KR_UNSAFE = 1,    /* not safe, refused */
    KR_USAGE = 2,     /* wrong usage or configuration */
    KR_CANNOT = 3,    /* privilege, kernel feature or resource is missing; nothing changed */
    KR_UNKNOWN = 4,   /* could not be determined */
    KR_BREACH = 5,    /* breach while running */
    KR_INTERNAL = 70, /* a defect of this program */
};

struct kr_err {
    enum kr_exit exit;
    int sys; /* errno value behind it, or 0 */
    char msg[1024];
};

/* Records an error in e (which may be NULL): the exit status it leads to, the errno value behind
 * it (0: none; else its text is appended after a colon), and a printf-style message without a final
 * full stop. Always returns -1, so that callers can `return kr_fail(...)`. */
int kr_fail(struct kr_err *e, enum kr_exit exit, int sys, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts "CONTEXT: " before the message already in e. Always returns -1. */
int kr_wrap(struct kr_err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif

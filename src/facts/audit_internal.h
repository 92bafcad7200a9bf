/* Shared by the readers of mail logs. */
#ifndef KR_AUDIT_INTERNAL_H
#define KR_AUDIT_INTERNAL_H

#include <kr/audit.h>

#define AUDIT_LINE_MOST (1u << 20) /* octets of a line */

struct audit_log {
    struct kr_audit *all;
    const struct kr_audit_want *want;
    const char *path;
    uint64_t line;  /* its number */
    uint64_t known; /* lines that are of a log we know */
};

/* A delivery that did not end at the sink. */
__attribute__((format(printf, 2, 3))) void audit_elsewhere(struct audit_log *l, const char *fmt,
                                                           ...);
__attribute__((format(printf, 2, 3))) void audit_doubt(struct audit_log *l, const char *fmt, ...);
/* A delivery at this time, of which the receiver said this. Judges it; where says by what way. The
 * clock of a log ticks by so many us. */
bool audit_in_window(struct audit_log *l, int64_t us, int64_t tick);
void audit_delivery(struct audit_log *l, const char *reply, const char *where);
void audit_kept(struct audit_log *l); /* in a mailbox of this host */

/* Each takes a line without its end; false: it is not of this log. */
bool audit_kumo_line(struct audit_log *l, const char *line, size_t n);
bool audit_postfix_line(struct audit_log *l, const char *line);
bool audit_exim_line(struct audit_log *l, const char *line);

/* Reads a file as lines, of which it takes zstd off (RFC 8878), and calls for each. NULL, or why it
 * could not be read to its end; whole: it ended with a line's end. */
const char *audit_read(int fd, void (*take)(void *arg, char *line, size_t n), void *arg,
                       bool *whole);

/* Times at the beginning of a line: us since 1970, and what follows it; -1: it is none. near: the
 * time of the syslog format, which has no year, is the last one not after this. Local time unless
 * an offset is said. */
int64_t audit_syslog_time(const char **at, int64_t near_us);
int64_t audit_iso_time(const char **at); /* "2026-11-27T18:15:30.123456+00:00", a space for the T */

#endif

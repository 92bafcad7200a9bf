/* Finds the end of the content that follows DATA (RFC 5321 4.1.1.4, 4.5.2), in pieces of any size,
 * and counts what is wrong with it. */
#ifndef KR_SINK_SCANNER_H
#define KR_SINK_SCANNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kr_scan {
    uint64_t bytes;        /* content octets: without stuffed dots, without the final dot */
    uint32_t bare_lf;      /* LF without CR before it */
    uint32_t bare_cr;      /* CR without LF after it */
    uint32_t long_lines;   /* over 998 octets without their CRLF (RFC 5321 4.5.3.1.6) */
    uint32_t smuggle;      /* false ends of data that an SMTP command follows */
    uint32_t line_len;     /* of the line so far, at most KR_SCAN_LONG + 1 */
    uint8_t at, brk, hunt; /* private to the scanner */
    char verb[4];
};
#define KR_SCAN_LONG 998u

/* The state after 354: at the start of a line, as if a CRLF had just been read. */
void kr_scan_begin(struct kr_scan *s);
/* Takes up to n octets; returns how many belong to the content. *ended becomes true when CRLF.CRLF
 * was met (its last octet is the last one taken), else all n were taken and it is left alone. */
size_t kr_scan_feed(struct kr_scan *s, const char *data, size_t n, bool *ended);

#endif

/* The paths of MAIL and RCPT: RFC 5321 4.1.2, with what RFC 6531 adds; lenient where software in
 * the field is, and right about where the path ends. */
#ifndef KR_SINK_PATH_H
#define KR_SINK_PATH_H

#include <stdbool.h>
#include <stddef.h>

enum kr_path_kind {
    KR_PATH_BAD,
    KR_PATH_NULL,       /* <> */
    KR_PATH_POSTMASTER, /* <postmaster>, in any case, without a domain */
    KR_PATH_MAILBOX,
};
struct kr_path {
    enum kr_path_kind kind;
    bool utf8;         /* holds octets above 127: needs SMTPUTF8 */
    const char *local; /* points into the text; a source route before it was skipped */
    const char *domain;
    size_t local_len, domain_len;
};

/* Reads a path in angle brackets at the start of text[0..n), up to its end or to white space.
 * Returns how many octets it takes, 0 with kind KR_PATH_BAD when there is none. */
size_t kr_path_parse(const char *text, size_t n, struct kr_path *out);

/* Octets of the multi-octet UTF-8 sequence text[0..n) starts with; 0: none that is well formed
 * (RFC 3629 4). */
size_t kr_utf8_len(const char *text, size_t n);

#endif

/* The replies of an SMTP server (RFC 5321 4.2), however they are cut into pieces. */
#ifndef KR_GEN_REPLY_H
#define KR_GEN_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KR_REPLY_KEPT 160u      /* of a line that comes in pieces; what is longer is cut there */
#define KR_REPLY_LONGEST 16384u /* octets of one line; a longer one is garbage */

enum kr_reply_offer { KR_REPLY_PIPELINING = 1, KR_REPLY_STARTTLS = 2, KR_REPLY_8BITMIME = 4 };

/* What is kept of a connection between two reads; zero it. */
struct kr_reply {
    uint16_t code;   /* 200..599, of the last whole reply */
    uint16_t begun;  /* the code of a reply of which more lines follow; 0: none */
    uint8_t offers;  /* enum kr_reply_offer, of this reply's lines behind the first */
    unsigned lines;  /* of this reply so far */
    bool crowded;    /* 4.5.3, too many recipients */
    uint16_t kept;   /* octets in `part` */
    uint32_t length; /* of the line so far */
    char part[KR_REPLY_KEPT];
    const char *text; /* the last line of the last reply, without CRLF; till the next call */
    size_t text_len;
};

/* Reads from *data on, at most *n octets, up to the end of one reply; *data and *n move on.
 * 1: a reply is whole, see code, offers, crowded, text; 0: all was read, and more is needed;
 * -1: this is no reply, and nothing more can be read. */
int kr_reply_read(struct kr_reply *r, const char **data, size_t *n);
/* Forgets everything: a connection begins. */
void kr_reply_reset(struct kr_reply *r);

#endif

/* How the program that asks DNS tells what it found: frames over a pipe, to a reader that believes
 * nothing it has not checked. */
#ifndef KR_DNS_RECORD_H
#define KR_DNS_RECORD_H

#include <kr/buf.h>
#include <kr/dns_facts.h>

enum kr_frame {
    KR_FRAME_NOTE = 'n',     /* text: how answers are judged, and by whom they are given */
    KR_FRAME_PROGRESS = 'p', /* struct kr_dns_account */
    KR_FRAME_DOMAIN = 'd',
    KR_FRAME_SINK = 's',  /* struct kr_sink_said */
    KR_FRAME_ERROR = 'x', /* a byte of enum kr_exit, text; the last one */
    KR_FRAME_END = 'e',   /* struct kr_dns_account; the last one */
};
/* What the sink showed to whom asked for STARTTLS as if it were an MX host. */
struct kr_sink_said {
    uint32_t tried, hosts; /* of so many MX hosts so many were tried */
    uint8_t state;         /* enum kr_sink_tls */
    char words[215];       /* where, and what is the matter; ASCII that JSON takes as it is */
};
#define KR_FRAME_MOST 131072u

struct kr_dns_account {
    uint64_t domains, done, unknown, hosts;
    uint64_t sent, again, answered, lost, strays, tcp;
    uint64_t us, cpu_us, peak_kb;
    uint64_t policies, fetched; /* MTA-STS policies: to fetch, and ended so far */
    uint64_t unasked;           /* hosts some of whose addresses were not asked for; at the end */
    uint64_t unjudged;          /* 1: nobody here can tell secure from insecure */
};

void kr_frame_add(struct kr_buf *b, enum kr_frame type, const void *data, size_t len);
void kr_frame_domain(struct kr_buf *b, const struct kr_domain_facts *d);

struct kr_frame_reader {
    uint8_t buf[2 * KR_FRAME_MOST];
    size_t at, n;
};
/* The next frame; *data stays until the next call. 1: one, 0: the other side has ended, -1 with
 * errno: reading failed or what came is no frame (EBADMSG), or a signal came (EINTR). */
int kr_frame_read(struct kr_frame_reader *r, int fd, enum kr_frame *type, const uint8_t **data,
                  size_t *len);
/* 0, or -1: malformed. The strings live in data. */
int kr_record_read(const uint8_t *data, size_t len, struct kr_domain_facts *out);

#endif

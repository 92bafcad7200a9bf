/* What a worker tells the writer: records of the queue. */
#ifndef KR_SINK_NOTE_H
#define KR_SINK_NOTE_H

#include <kr/sink_tally.h>

enum kr_note { KR_NOTE_MESSAGE, KR_NOTE_CONNECTION };

/* Then hello, sender, recipients (each a struct kr_note_rcpt and its address), content. */
struct kr_note_message {
    uint32_t kind; /* enum kr_note, as in all records */
    uint32_t worker;
    int64_t at;                  /* CLOCK_REALTIME, us */
    uint64_t connection, serial; /* of the connection, of the message if it was accepted */
    uint64_t size;               /* octets of content, whether it is here or not */
    uint64_t content_len;
    struct kr_addr source, meant;
    uint32_t hello_len, sender_len, rcpts, rcpts_len;
    uint16_t port, code, tls;
    bool redirected, each; /* each recipient has an answer of its own (LMTP) */
};
struct kr_note_rcpt {
    uint16_t code, len;
};

/* Then the codes, hello and name; the pointers of the account mean nothing here. */
struct kr_note_connection {
    uint32_t kind;
    uint32_t worker, hello_len, name_len;
    int64_t took; /* us */
    struct kr_account account;
};

#endif

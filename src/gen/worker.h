/* What the clients of one worker share. */
#ifndef KR_GEN_WORKER_INTERNAL_H
#define KR_GEN_WORKER_INTERNAL_H

#include "client.h"

#include <kr/gen_arrivals.h>
#include <kr/gen_mail.h>
#include <kr/gen_worker.h>

struct worker {
    const struct kr_gen_run *run;
    struct kr_gen_block *stats;
    unsigned index, clients, alive, connecting;
    struct client *client;
    struct {
        struct client *first, *last;
    } list[LISTS];
    int epoll;
    int64_t now;    /* us */
    bool exhausted; /* every message number was given out */
    unsigned complaints;
    struct kr_arrivals arrivals;
    struct kr_mail_now date;
    struct kr_buf head, tail; /* being written */
    char *in;                 /* IN_SIZE octets, being read */
    char *record;             /* RECORD octets, being encrypted */
};
#define IN_SIZE 65536u
#define RECORD 16384u

enum claim { CLAIMED, NOT_DUE, NONE_LEFT };
enum claim worker_claim(struct worker *w, struct letter *out);
bool worker_over(const struct worker *w); /* nothing new is begun */
#endif

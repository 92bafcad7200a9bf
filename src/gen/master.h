/* What the files of the master share. */
#ifndef KR_GEN_MASTER_H
#define KR_GEN_MASTER_H

#include <kr/gen_run.h>
#include <kr/gen_worker.h>

#include <sys/types.h>

struct master {
    struct kr_gen_run run;
    pid_t *pid; /* 0: ended */
    unsigned running;
    int signals;
    bool interrupted, crashed;
    bool live;
    int64_t live_at; /* us */
    uint64_t live_sent;
};

void live_begin(struct master *m);
void live_line(struct master *m);
void live_end(struct master *m);

#endif

/* What the guard of a run tells the gate. */
#ifndef KR_RUN_GUARD_SAID_H
#define KR_RUN_GUARD_SAID_H

#include <kr/watch.h>

enum kr_guard_word {
    KR_GUARD_ALIVE,    /* once a second at least */
    KR_GUARD_PROBLEM,  /* not armed yet: something is wrong */
    KR_GUARD_ARMED,    /* from now on a problem is a breach */
    KR_GUARD_NOT_YET,  /* can't be armed; why */
    KR_GUARD_EVENT,    /* of the watch, and no breach */
    KR_GUARD_BREACH,   /* the generator is frozen */
    KR_GUARD_BLOCKED,  /* and nothing is redirected any more */
    KR_GUARD_UNBLOCKED /* that could not be done; why */
};
#define KR_GUARD_TEXT 4096
struct kr_guard_said {
    enum kr_guard_word word;
    unsigned us;             /* BREACH: how long freezing took */
    bool frozen;             /* BREACH: it is known that nothing runs any more */
    enum kr_event_kind kind; /* BREACH, EVENT, PROBLEM: of the watch's event ... */
    unsigned deed_us;
    char time[40], id[64];
    char text[KR_GUARD_TEXT]; /* ... and what it says */
};

#endif

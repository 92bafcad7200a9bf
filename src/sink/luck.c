/* A client on this very processor runs when a reply wakes it and our turn is over: by the time that
 * send() returns it has said its next word, and reading on at once saves a wait. That send() took
 * longer than others then, though nobody says whether it was the client that ran. So what was true
 * lately decides, for each kind of reply apart; where it does not pay it is tried once in so many
 * times. */
#include "luck.h"

#define MOST 8    /* reads in vain that good ones before make up for */
#define REST 32   /* times it is not tried after that */
#define WORTH 2   /* a wait costs as much as so many reads in vain */
#define LATE 2.5  /* times the usual */
#define DRIFT 256 /* replies in which the usual comes near what it is now */

void luck_said(struct luck *l, int64_t us)
{
    double took = (double)us;
    if (l->usual <= 0 || took < l->usual)
        l->usual = took;
    l->after = took > LATE * l->usual ? LUCK_LATE_REPLY : LUCK_REPLY;
    l->usual += (took - l->usual) / DRIFT;
}

void luck_silence(struct luck *l)
{
    l->after = LUCK_SILENCE;
}

bool luck_try(struct luck *l)
{
    int8_t *was = &l->was[l->after];
    l->tried = l->after;
    if (*was < 0)
        ++*was;
    return *was >= 0;
}

void luck_note(struct luck *l, bool good)
{
    int was = l->was[l->tried] + (good ? WORTH : -1);
    l->was[l->tried] = (int8_t)(was > MOST ? MOST : was < 0 ? -REST : was);
}

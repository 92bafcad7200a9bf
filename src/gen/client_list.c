#include "actions.h"

void list_take(struct worker *w, struct client *c)
{
    if (c->list == NO_LIST)
        return;
    *(c->prev ? &c->prev->next : &w->list[c->list].first) = c->next;
    *(c->next ? &c->next->prev : &w->list[c->list].last) = c->prev;
    c->list = NO_LIST;
}

void list_put(struct worker *w, struct client *c, enum list_name to)
{
    list_take(w, c);
    c->list = (uint8_t)to;
    c->since = w->now;
    c->prev = w->list[to].last;
    c->next = NULL;
    *(c->prev ? &c->prev->next : &w->list[to].first) = c;
    w->list[to].last = c;
}

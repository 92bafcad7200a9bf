/* What is done with a client. */
#ifndef KR_GEN_ACTIONS_H
#define KR_GEN_ACTIONS_H

#include "worker.h"

struct kr_body;

/* client_list.c */
void list_put(struct worker *w, struct client *c, enum list_name to);
void list_take(struct worker *w, struct client *c);
/* client_open.c: what ends a connection. */
void client_close(struct worker *w, struct client *c);
/* It broke, or the server said what it must not: what of its messages is known is counted. */
void client_lost(struct worker *w, struct client *c, enum kr_gen_counter why, const char *text);
/* A session can't be had: the end of the client, or another try later (--keep-going). */
void client_trouble(struct worker *w, struct client *c);
void client_end(struct worker *w, struct client *c);
void client_outcome(struct worker *w, struct client *c, enum kr_gen_counter what);
void complain(struct worker *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* client_io.c. Sends head (w->head), body and tail (w->tail); what can't go now goes later. */
int client_send(struct worker *w, struct client *c, const struct kr_body *body);
int client_flush(struct worker *w, struct client *c); /* -1: the connection broke */
size_t client_left(const struct client *c);           /* octets not sent yet */
long client_recv(struct worker *w, struct client *c); /* as recv(2), into w->in */
/* 1: done, 0: not yet, -1: it failed. */
int client_handshake(struct worker *w, struct client *c);

/* client_open.c */
void client_open(struct worker *w, struct client *c);
void client_event(struct worker *w, struct client *c, uint32_t events);
/* client_talk.c: a whole reply came; the connection is free for what comes next. */
void client_reply(struct worker *w, struct client *c);
void client_proceed(struct worker *w, struct client *c);

#endif

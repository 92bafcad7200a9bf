/* The control socket: AF_UNIX, mode 0600, lines in, one line of JSON each out. */
#ifndef KR_SINK_CONTROL_H
#define KR_SINK_CONTROL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

struct kr_buf;
struct kr_err;

struct kr_control; /* the socket and who is connected */

/* What the master does for a command: appends the answer, or returns false to answer later. body()
 * says how many octets come after the command's line and belong to it; SIZE_MAX: too many, the body
 * is NULL and the client is hung up on. */
struct kr_control_ops {
    bool (*run)(void *arg, const char *command, const struct kr_buf *body, struct kr_buf *answer);
    size_t (*body)(void *arg, const char *command);
    void *arg;
};
#define KR_CONTROL_FDS 17 /* the socket and 16 clients: the descriptors to poll */

/* Makes the socket at path. A socket file nobody answers on is replaced; anything else there is an
 * error. NULL: KR_CANNOT, or KR_USAGE for a path that is too long. */
struct kr_control *kr_control_open(const char *path, struct kr_err *e);
/* Fills p[0..KR_CONTROL_FDS) for poll(2), and handles what it said. c may be NULL. */
void kr_control_poll(const struct kr_control *c, struct pollfd *p);
void kr_control_handle(struct kr_control *c, const struct pollfd *p,
                       const struct kr_control_ops *ops);
/* Gives the clients whose answer is owed this one, waiting at most 2 s for each; closes all and
 * removes the socket file where it may. */
void kr_control_close(struct kr_control *c, const struct kr_buf *owed);
/* Closes all and leaves the file alone: for a child that has nothing to do with it. */
void kr_control_abandon(struct kr_control *c);

#endif

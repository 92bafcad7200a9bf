/* The listening sockets: one set a worker, sharing the ports by SO_REUSEPORT. */
#ifndef KR_SINK_LISTEN_H
#define KR_SINK_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

struct kr_err;
struct kr_sink_config;

/* Those beyond the processors: each more costs what all do, so they are started once another holds
 * many connections. */
bool kr_sink_in_reserve(unsigned worker);
/* Binds for every worker, which listens itself; the socket of worker w and endpoint i is
 * out[w * listens + i] (malloc'd). May drop [::] from the configuration's default endpoints on
 * a kernel without IPv6. Returns 0, or -1 (KR_CANNOT, quotes the endpoint; also when others listen
 * there). */
int kr_sink_bind(struct kr_sink_config *cfg, int **out, struct kr_err *e);
/* For one that was bound. Returns 0, or -1 with errno. */
int kr_sink_listen(int fd);
/* Closes n sockets; those already closed are -1. */
void kr_sink_unlisten(int *fds, size_t n);

#endif

/* One worker process: its listeners, its connections, one epoll loop. */
#ifndef KR_SINK_WORKER_H
#define KR_SINK_WORKER_H

#include <stddef.h>

struct kr_sink_config;
struct kr_sink_shared;

struct kr_sink_worker {
    const struct kr_sink_config *cfg;
    const struct kr_sink_shared *shared;
    unsigned index;
    const int *listeners; /* this worker's, cfg->listens of them */
    int started;          /* one octet is written there once it serves, then it is closed; or -1 */
};

/* Serves until SIGTERM; then resets every connection. SIGHUP: there is another policy. Both signals
 * must be blocked. Returns an exit status. */
int kr_sink_worker_run(const struct kr_sink_worker *w);

#endif

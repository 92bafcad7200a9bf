/* The process that starts the workers, watches over them, and answers on the control socket. */
#ifndef KR_SINK_MASTER_H
#define KR_SINK_MASTER_H

struct kr_err;
struct kr_sink_config;

/* Opens everything, gives privileges up, serves until told to stop. Returns 0, or -1. */
int kr_sink_run(struct kr_sink_config *cfg, struct kr_err *e);

#endif

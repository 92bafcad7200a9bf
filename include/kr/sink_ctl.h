/* The command `kumo-sink ctl SOCKET COMMAND...`: asks a running sink. */
#ifndef KR_SINK_CTL_H
#define KR_SINK_CTL_H

struct kr_err;

/* Prints the answer. Returns 0, or -1: KR_UNSAFE when the sink says no, KR_CANNOT when nobody is
 * there, KR_USAGE. */
int kr_ctl_command(int argc, char **argv, struct kr_err *e);

#endif

/* The system calls a worker, and the writer, may make. */
#ifndef KR_SINK_FILTER_H
#define KR_SINK_FILTER_H

struct kr_err;

/* Should: be called once everything is open. From then on any system call that serving and logging
 * don't need kills the process (SIGSYS): no new sockets, files, programs or processes. Sets
 * no_new_privs. Does nothing in a build with AddressSanitizer, which needs more calls.
 * Returns 0, or -1 (KR_CANNOT). */
int kr_sink_filter(struct kr_err *e);
/* The same for the writer, which may besides make, rename and remove files. */
int kr_writer_filter(struct kr_err *e);

#endif

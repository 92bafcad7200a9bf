/* Shedding what is not needed. */
#ifndef KR_PRIVILEGE_H
#define KR_PRIVILEGE_H

struct kr_err;

/* Fails (KR_CANNOT, names the capability) unless CAP_NET_ADMIN is effective. */
int kr_privilege_need(const char *command, struct kr_err *e);
/* Keeps only what a job needs. INSTALL: CAP_NET_ADMIN (rules, routes, links, sockets), CAP_SETUID,
 * CAP_SETGID, CAP_SETPCAP and CAP_KILL (to start and stop the sink), CAP_DAC_OVERRIDE (the state
 * folder). LOOK: those that only look, CAP_NET_ADMIN, CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH (the
 * files of others), CAP_SYS_PTRACE (the namespaces of others, proc(5)), CAP_SYS_ADMIN (setns(2),
 * bpf(2)), CAP_NET_RAW (probes), CAP_SETUID and CAP_SETGID (to give them up). WATCH: both. ASK:
 * CAP_SETUID, CAP_SETGID, CAP_SETPCAP and CAP_KILL (to ask other programs as another user). Never
 * CAP_SYS_MODULE: looking must not load anything. A capability that does not go ends the program
 * (KR_INTERNAL). Should: be called once, after the namespace was entered. Mustn't: be called by the
 * sink, which drops everything by itself. */
enum kr_job { KR_JOB_INSTALL, KR_JOB_LOOK, KR_JOB_WATCH, KR_JOB_ASK };
int kr_privilege_reduce(enum kr_job job, struct kr_err *e);

#endif

/* Shedding what is not needed. */
#ifndef KR_PRIVILEGE_H
#define KR_PRIVILEGE_H

struct kr_err;

/* Fails (KR_CANNOT, names the capability) unless CAP_NET_ADMIN is effective. */
int kr_privilege_need(const char *command, struct kr_err *e);
/* Keeps only what installing and removing needs: CAP_NET_ADMIN (rules, routes, links, sockets),
 * CAP_SETUID, CAP_SETGID, CAP_SETPCAP and CAP_KILL (to start and stop the sink), CAP_DAC_OVERRIDE
 * (the state folder). A capability that does not go ends the program (KR_INTERNAL). Should: be
 * called once, after the namespace was entered. Mustn't: be called by the sink, which drops
 * everything by itself. */
int kr_privilege_reduce(struct kr_err *e);

#endif

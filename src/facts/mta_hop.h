/* Where mail goes next. */
#ifndef KR_MTA_HOP_H
#define KR_MTA_HOP_H

#include "mta_internal.h"

/* A next hop. */
enum kr_mta_role { KR_MTA_RELAY, KR_MTA_FILTER, KR_MTA_LMTP };
struct kr_mta_hop {
    char host[96];       /* printable; "" when there is none */
    bool is_addr, local; /* local: a unix socket */
    struct kr_addr addr;
    int port; /* 0: not named; -1: can't be told */
};
/* "host", "host:port", "[host]:port", "[IPv6:::1]:port", "inet:host:port", "unix:path". */
struct kr_mta_hop kr_mta_hop_parse(const char *text, size_t len);
/* 1..65535 by number or one of the usual names; 0: an empty text; -1: can't be told. */
int kr_mta_port(const char *text, size_t len);
bool kr_mta_guarded(const struct kr_mta_reading *r, int port);
/* What follows from mail going there. port: of the setting, when the hop names none. */
void kr_mta_judge(struct kr_mta_reading *r, enum kr_mta_role role, const char *file, unsigned line,
                  const char *setting, const struct kr_mta_hop *hop, int port);
/* A port by itself, for all hosts. */
void kr_mta_judge_port(struct kr_mta_reading *r, const char *file, unsigned line,
                       const char *setting, int port);

#endif

/* What the user asked for: the options of every command and the keys of the configuration file. */
#ifndef KR_SETTINGS_H
#define KR_SETTINGS_H

#include <kr/endpoint.h>
#include <kr/opt.h>

#include <stdbool.h>

#define KR_MAX_PORTS 16

struct kr_ports {
    uint16_t v[KR_MAX_PORTS];
    size_t n;
};
/* Adds a port that is not there yet; -1 (KR_USAGE) when there are too many. */
int kr_ports_add(struct kr_ports *p, uint16_t port, struct kr_err *e);
bool kr_ports_have(const struct kr_ports *p, uint16_t port);

/* A waiver: what the user accepts by `--allow ID=REASON`; recorded wherever the result is shown. */
struct kr_waiver {
    char id[32], reason[160];
};
struct kr_waivers {
    struct kr_waiver v[16];
    size_t n;
};
/* Parses "ID=REASON". -1 (KR_USAGE): unknown ID (the known ones are listed), no reason, too many.
 */
int kr_waiver_add(struct kr_waivers *w, const char *text, struct kr_err *e);
bool kr_waived(const struct kr_waivers *w, const char *id);

enum kr_forward { KR_FORWARD_BLOCK, KR_FORWARD_REDIRECT };

struct kr_settings {
    bool sink4, sink6; /* a sink was named for this family; neither: the built-in one for both */
    struct kr_endpoint sink4_at, sink6_at;
    struct kr_strlist lan, uplinks;
    struct kr_ports ports, block_ports;
    struct kr_waivers waivers;
    int forward; /* enum kr_forward */
    bool capture_local, block, dry_run;
};

#endif

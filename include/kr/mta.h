/* The mail servers of this host, and what their configuration tells of ways out that no guard of a
 * port closes. Configuration is read as text and never run. */
#ifndef KR_MTA_H
#define KR_MTA_H

#include <kr/check.h>

struct kr_err;
struct kr_mta;
struct kr_mta_reading;
struct kr_scene;

struct kr_mta_kind {
    const char *id, *title;        /* "postfix", "Postfix" */
    const char *const *names;      /* of its main process (comm); NULL ends each list */
    const char *const *helpers;    /* of processes it starts that send mail */
    const char *exe, *exe_not;     /* what the program's path holds, and doesn't hold; or NULL */
    const char *const *configs;    /* where its configuration is; the first that exists is read */
    const char *option, *variable; /* by which its process is told another place: "-c" */
    void (*read)(struct kr_mta_reading *r, const char *config); /* NULL: nobody reads it */
    bool each; /* each process has a queue of its own */
};
extern const struct kr_mta_kind kr_mta_kinds[];
extern const size_t kr_mta_n_kinds;
struct kr_mta {
    const struct kr_mta_kind *kind;
    pid_t pid;                  /* its first process; 0: only files were found */
    bool elsewhere;             /* that process is in another network namespace */
    bool looked;                /* its configuration was found and read, as far as it could be */
    char name[16], config[256]; /* process; configuration, as that process would name it */
};
enum kr_mta_topic {
    KR_MTA_UNKNOWN,    /* what can't be read or isn't known */
    KR_MTA_PORTS,      /* ports that are not guarded */
    KR_MTA_PROXIES,    /* SOCKS5, HAProxy */
    KR_MTA_SMARTHOSTS, /* hosts that take mail for others */
    KR_MTA_OTHER,      /* LMTP, programs, HTTP */
    KR_MTA_TLS,        /* what asks for TLS, DANE, MTA-STS or reports; no leak: preflight's */
    KR_MTA_TOPICS,
};
struct kr_mta_way {
    enum kr_mta_topic topic;
    struct kr_evidence evidence; /* object: "FILE:LINE" */
};
struct kr_mtas {
    struct kr_mta *v;
    size_t n, cap;
    struct kr_mta_way *ways; /* the first 40 of each topic and verdict, no two alike */
    size_t n_ways, cap_ways;
    size_t count[KR_MTA_TOPICS][KR_BROKEN + 1], left_out[KR_MTA_TOPICS][KR_BROKEN + 1];
};

/* Finds them, and (not _find) reads their configuration: of those that run below /proc/PID/root, of
 * others below `root` (NULL: /), never out of that by links. Ways are judged against the scene's
 * ports, exemptions and listeners. Returns 0, or -1 (KR_UNKNOWN). */
int kr_mtas_read(struct kr_scene *s, const char *root, struct kr_mtas *out, struct kr_err *e);
int kr_mtas_find(struct kr_scene *s, const char *root, struct kr_mtas *out, struct kr_err *e);
void kr_mtas_free(struct kr_mtas *m);

#endif

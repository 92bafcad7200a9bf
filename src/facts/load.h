/* Is there room for the test? Figures, and what they suffice for. */
#ifndef KR_FACTS_LOAD_H
#define KR_FACTS_LOAD_H

#include <kr/scene.h>

struct kr_load_conntrack {
    long max, count, buckets;
    long time_wait; /* seconds an entry stays after both sides have closed */
};
void kr_load_conntrack(const struct kr_scene *s, const struct kr_load_conntrack *c,
                       struct kr_result *r);
/* sources: addresses of this host in the sink's family. */
void kr_load_tuples(const struct kr_scene *s, const struct kr_endpoint *sink, size_t sources,
                    long time_wait, struct kr_result *r);

struct kr_load_ports {
    long first, last;
    size_t reserved, sources;
    bool reuse; /* net.ipv4.tcp_tw_reuse = 1 */
};
void kr_load_ports(const struct kr_scene *s, const struct kr_load_ports *p, struct kr_result *r);
/* How many ports of first..last are in "8080,9000-9010". */
size_t kr_load_reserved(const char *list, long first, long last);

/* "Max open files" of the text of /proc/PID/limits (proc(5)): the soft limit; UINT64_MAX:
 * unlimited. False when it isn't there. */
bool kr_load_file_limit(const char *text, uint64_t *soft);
struct kr_load_files {
    const char *who;
    pid_t pid;
    uint64_t room;  /* descriptors, of all its processes */
    uint64_t wants; /* 0: nobody knows */
};
void kr_load_files(const struct kr_load_files *f, struct kr_result *r);

struct kr_load_backlog {
    size_t listeners;
    uint64_t backlog, queued; /* of all of them */
    long somaxconn;
};
void kr_load_backlog(const struct kr_scene *s, const struct kr_load_backlog *b,
                     struct kr_result *r);
/* A counter of a "NAME: words" and "NAME: numbers" pair of lines, as /proc/net/netstat has them. */
bool kr_load_counter(const char *text, const char *group, const char *name, uint64_t *out);

#endif

/* What the readers of the mail servers' configuration share. */
#ifndef KR_MTA_INTERNAL_H
#define KR_MTA_INTERNAL_H

#include <kr/addr.h>
#include <kr/buf.h>
#include <kr/listener.h>
#include <kr/mta.h>
#include <kr/owners.h>
#include <kr/prefixset.h>

struct kr_mta_reading {
    struct kr_scene *s;
    struct kr_mtas *out;
    const struct kr_mta *mta; /* whose configuration it is */
    int root;                 /* its root folder */
    ino_t netns;
    struct kr_listeners listeners;
    struct kr_prefixset lan, own; /* exempt; addresses of this host */
    size_t files_left, bytes_left, visits_left;
    pid_t last_owner;
    struct kr_inodes known;
    bool every; /* processes of one program that have a queue each are listed each */
};

/* Records one finding. line 0: of the file as a whole. */
void kr_mta_say(struct kr_mta_reading *r, enum kr_mta_topic topic, enum kr_verdict v,
                const char *file, unsigned line, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
/* Text of a file below the root. 1; 0: it isn't there; -1: it can't be read, which was said. */
int kr_mta_file(struct kr_mta_reading *r, const char *path, struct kr_buf *out);
/* Calls f for each file of a folder, and of those in it down to `depth` more levels. 1, 0, -1 as
 * above; what is below it and can't be read was said. */
int kr_mta_folder(struct kr_mta_reading *r, const char *path, unsigned depth,
                  void (*f)(struct kr_mta_reading *r, const char *path));
/* As open(2), and links never lead out of `root`. */
int kr_mta_open_below(int root, const char *path, int flags);
int kr_mta_root(pid_t pid); /* a descriptor of its root folder; 0: of ours; -1 */
/* Has this process come to its end, while another of the same server, with the same configuration,
 * runs and tells (a delivery of Exim, and its daemon)? Never of one that has a queue of its own. */
bool kr_mta_goes_on(const struct kr_mtas *all, const struct kr_mta *x);
bool kr_mta_exists(const struct kr_mta_reading *r, const char *path, time_t *mtime);

/* The process that holds a listening socket: one of the known mail servers' or the sink's first,
 * with `all` any other of this namespace. 0: none. *known: it is a mail server or the sink. */
pid_t kr_mta_owner(struct kr_mta_reading *r, uint32_t inode, bool all, bool *known);

/* Says who uses mail ports and is none of the known. */
void kr_mta_strangers(struct kr_mta_reading *r);
bool kr_mta_is_kind(const char *name, pid_t pid); /* a process of a known mail server */

void kr_mta_read_postfix(struct kr_mta_reading *r, const char *config);
void kr_mta_read_exim(struct kr_mta_reading *r, const char *config);
void kr_mta_read_kumomta(struct kr_mta_reading *r, const char *config);

#endif

/* What stands in the kernel, compared with what was recorded. */
#ifndef KR_STANDING_H
#define KR_STANDING_H

#include <kr/buf.h>
#include <kr/let_go.h>
#include <kr/run_note.h>
#include <kr/watcher.h>

struct kr_nft_count;

enum kr_part { KR_PART_RECORD, KR_PART_RULES, KR_PART_ROUTES, KR_PART_SINK, KR_PARTS };

struct kr_standing {
    bool inet, netdev, failsafe;  /* something of ours is there */
    int recorded;                 /* 1: the state file was read; 0: none; -1: unreadable */
    int rules, routes, sink;      /* 1: as recorded; 0: not; -1: unknown */
    struct kr_state state;        /* when recorded is 1 */
    struct kr_buf why;            /* a line for each thing that is not as recorded, by part: */
    size_t part_at[KR_PARTS + 1]; /* part p is from part_at[p] to part_at[p + 1] */
    int watched;                  /* 1: a watch lives; 0: none; -1: unknown */
    struct kr_watcher watcher;
    struct kr_run_note run;
    struct kr_let_go let_go; /* a down --force before this; kept until a down finds empty queues */
    uint32_t generation;
    struct kr_nft_count *counts; /* both tables, added up by name */
    size_t n_counts;
};

/* Returns 0, or -1 (KR_UNKNOWN) when the kernel can't be asked at all. */
int kr_standing_read(const struct kr_paths *paths, struct kr_standing *out, struct kr_err *e);
/* The same with a reading of the network that was just made. */
int kr_standing_read_in(const struct kr_netview *v, const struct kr_paths *paths,
                        struct kr_standing *out, struct kr_err *e);
bool kr_standing_any(const struct kr_standing *s);
/* Everything recorded is in force. */
bool kr_standing_whole(const struct kr_standing *s);
/* "off", "redirect", "blocked", "leftovers" (ours, but not recorded), "damaged". */
const char *kr_standing_name(const struct kr_standing *s);
uint64_t kr_standing_packets(const struct kr_standing *s, const char *counter);
void kr_standing_free(struct kr_standing *s);

#endif

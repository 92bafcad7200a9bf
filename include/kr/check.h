/* A check: one question about leaks, one verdict, and the evidence for it. Unknown is not safe. */
#ifndef KR_CHECK_H
#define KR_CHECK_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct kr_err;
struct kr_scene;

enum kr_verdict { KR_HOLDS, KR_IN_DOUBT, KR_BROKEN }; /* the higher, the worse */
const char *kr_verdict_name(enum kr_verdict v);       /* "holds", "unknown", "broken" */

struct kr_evidence {
    enum kr_verdict verdict; /* what it shows; KR_HOLDS: only said for the record */
    char object[160];        /* "inet nat/output", "cgroup /system.slice/kumomta.service" */
    char detail[256];        /* what is wrong with it, or why it can't be told */
    char ifname[IFNAMSIZ];   /* "" without one */
    uint64_t handle;         /* nft handle, program id, cookie ...; 0 without one */
    pid_t pid;               /* 0 without one */
};
struct kr_result {
    enum kr_verdict verdict; /* the worst of the evidence; none: KR_HOLDS */
    struct kr_evidence *v;
    size_t n, cap,
        left_out; /* left_out: beyond the first 64, counted in the verdict all the same */
    struct kr_evidence spare;
};
/* Adds evidence and returns it, so that ifname, handle and pid can be filled in. `object` is copied
 * and cut to fit; what is not printable becomes '?'. Never NULL; valid until the next call. */
struct kr_evidence *kr_result_add(struct kr_result *r, enum kr_verdict v, const char *object,
                                  const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void kr_result_free(struct kr_result *r);

enum kr_phase { KR_STATIC, KR_ACTIVE }; /* looks only; sends something */
struct kr_check {
    const char *id, *title;
    const char *rows;   /* of the catalogue of leak paths: "12 13"; "" for none */
    const char *why;    /* how mail leaks by it */
    const char *how;    /* how it is checked */
    const char *remedy; /* what to do */
    bool waivable;      /* --allow ID=REASON; never for our own rules */
    bool advice;        /* no leak: shown, but not judged */
    enum kr_phase phase;
    /* Adds evidence. Returns 0 when everything was looked at, else -1: then the verdict is unknown
     * at best, with the error as evidence. */
    int (*run)(struct kr_scene *s, struct kr_result *r, struct kr_err *e);
};
/* Checks of one subject, in one file. */
struct kr_check_group {
    const char *name;
    const struct kr_check *v;
    size_t n;
};

#endif

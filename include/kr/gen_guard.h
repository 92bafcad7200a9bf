/* Whether mail may be sent at all: kumo-gen is safe by itself.
 *
 * With the domain suffix taken away, an MTA on this host would deliver to real people; and whoever
 * answers on port 25 of a stranger is a real mail server. Both are refused unless the redirect
 * stands in this network namespace. What tells is the record of kumo-redirect verify, which is
 * believed when it is root's, of this boot, kernel and namespace, says that everything holds, and
 * fits the state that is in force; and then only when the kernel still routes connections to port
 * 25 into the failsafe, and such a connection to an address that nobody has is answered by the
 * sink. The generation of the ruleset is compared where it may be read; where it may not, the
 * record must not be older than an hour. */
#ifndef KR_GEN_GUARD_H
#define KR_GEN_GUARD_H

#include <kr/gen_target.h>

#include <sys/types.h>
#include <time.h>

struct kr_err;

struct kr_evidence_place { /* where the record is, and what it has to fit */
    const char *dir;
    ino_t netns;
    uid_t owner;
    time_t now, boot;
    const char *kernel;
};
#define KR_EVIDENCE_PORTS 16u
struct kr_stands {
    char when[32], nonce[40]; /* RFC 3339; nonce: of the built-in sink, "" with another */
    time_t age;               /* seconds since */
    uint32_t generation;
    bool redirected4, redirected6;
    uint16_t port[KR_EVIDENCE_PORTS];
    size_t ports;
};

/* This namespace's place. -1: KR_UNKNOWN. */
int kr_evidence_here(struct kr_evidence_place *out, struct kr_err *e);
/* 0: the record says that the redirect stands; -1: KR_UNSAFE with the reason. Asks nobody. */
int kr_evidence_look(const struct kr_evidence_place *at, struct kr_stands *out, struct kr_err *e);
/* The same, and the kernel and the sink are asked too; with `again` only the kernel. */
int kr_evidence_check(bool again, struct kr_stands *out, struct kr_err *e);

enum kr_guard_need { KR_GUARD_NOTHING, KR_GUARD_EVIDENCE, KR_GUARD_WORD };
/* What mail to such a target needs; real: without a domain suffix. KR_GUARD_WORD: --i-know, since
 * the redirect of this host does not stand between another host and the world. */
enum kr_guard_need kr_guard_need(enum kr_target_where where, uint16_t port, bool real);
/* 0: go ahead, and *watched says that it is so because of the evidence; -1: KR_UNSAFE, with what to
 * do about it. */
int kr_guard_check(const struct kr_target *t, bool real, bool *watched, struct kr_err *e);

#endif

/* The policy-routing failsafe: `ip rule … ipproto tcp dport N lookup TABLE` with a table of its
 * own, whose default leads into a device that drops. It needs no nftables and survives their loss.
 */
#ifndef KR_FAILSAFE_H
#define KR_FAILSAFE_H

#include <kr/lan.h>
#include <kr/rt.h>

struct kr_buf;
struct kr_failsafe {
    uint16_t ports[16];
    size_t n_ports;
    /* A family with no source has no hole: its table is `unreachable` only. */
    bool hole4, hole6;
    struct kr_addr source4, source6;
    const struct kr_lan *lan;
    struct kr_prefix local[8]; /* made local: `ip route add local PREFIX dev lo` */
    size_t n_local;
};

/* Brings the kernel from whatever of ours is there to exactly this, adding before removing, so that
 * no instant is without rule and table; the hole is the first of dummy, ifb, veth that exists (its
 * kind is copied to `kind`). Runs again: nothing changes when it stands. Every ack is read. Refuses
 * when table 2525 holds routes of others or a rule of others stands at or ahead of ours (except
 * priority 0 `local`) and would take these packets. Returns 0, or -1 (KR_CANNOT, KR_UNSAFE). */
int kr_failsafe_apply(const struct kr_failsafe *want, char kind[static 16], struct kr_err *e);
/* The same from a reading (a kr_netview) that was just made and is used up, without reading again
 * behind it: for who checks later on. */
int kr_failsafe_apply_to(const struct kr_failsafe *want, struct kr_netview *v, char kind[static 16],
                         struct kr_err *e);
/* 1: the kernel holds exactly this (rules first after local, routes, hole up); 0: it does not, what
 * and where is in `diff`; -1: unknown. */
int kr_failsafe_check(const struct kr_failsafe *want, struct kr_buf *diff, struct kr_err *e);
int kr_failsafe_check_view(const struct kr_failsafe *want, const struct kr_netview *v,
                           struct kr_buf *diff);
/* Removes everything of ours: rules by our protocol number, table, local routes, hole. Found by
 * scanning, so leftovers of a killed run go too. */
int kr_failsafe_remove(struct kr_err *e);
/* True when anything of ours is in the kernel. */
bool kr_failsafe_present(const struct kr_netview *v);
/* The same as iproute2 commands, one a line. */
void kr_failsafe_text(const struct kr_failsafe *want, struct kr_buf *out);

#endif

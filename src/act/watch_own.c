/* Ownership. A table that belongs to nobody can't be taken (Linux takes only such as are `persist`
 * already, 31bf508be656), so one transaction on a socket that stays open removes the tables and
 * puts the same back with `owner, persist`. `owner` alone is never asked for: the kernel would
 * remove the tables with the socket. When the socket closes, by whatever end of this process, the
 * tables stay, belong to nobody, and `persist` alone means nothing. */
#include "tables.h"
#include "watch_internal.h"

#include <kr/err.h>

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>

#define GIVEN_MS 3000

static int note(struct kr_watch *w, uint32_t port, struct kr_err *e)
{
    w->me.port = port;
    return kr_watcher_write(w->record, &w->me, e);
}

static int load(struct kr_watch *w, struct kr_err *e)
{
    return kr_nl_open_new(&w->owner, NETLINK_NETFILTER, e) || note(w, kr_nl_port(&w->owner), e) ||
                   (kr_tables_own(&w->owner), kr_watch_load(&w->state.plan, e))
               ? -1
               : 0;
}

int kr_watch_take(struct kr_watch *w, struct kr_err *e)
{
    struct kr_err why = {0};
    if (!w->can_own || w->owns)
        return 0;
    if (load(w, &why) == 0) {
        w->owns = true;
        return 0;
    }
    kr_watch_give(w);
    if (why.exit == KR_CANNOT && (why.sys == EOPNOTSUPP || why.sys == EINVAL)) {
        w->can_own = false;
        return 0;
    }
    if (e)
        *e = why;
    return kr_wrap(e, "taking the tables");
}

/* A child that was just made may hold the socket until it gets to closing it. */
static bool is_given(void)
{
    const struct kr_nft_name *const ours[] = {&kr_table_inet, &kr_table_netdev};
    uint32_t port = 0;
    for (size_t i = 0; i < 2; i++)
        if (kr_nft_owner(ours[i], &port, NULL) || port)
            return false;
    return true;
}

bool kr_watch_give(struct kr_watch *w)
{
    bool owned = w->owns;
    kr_tables_own(NULL);
    note(w, 0, NULL);
    kr_nl_end(&w->owner);
    w->owns = false;
    for (int ms = 0; ms < GIVEN_MS; ms += 2) {
        if (!owned || is_given())
            return true;
        poll(NULL, 0, 2);
    }
    return false;
}

#include "dns_ask_internal.h"

#define LEAST_US 250000u
#define FIRST_US 1000000u
#define MOST_US 5000000u
#define SLOW_US 2000000u
#define LEAST_WINDOW 64u
#define LOOK_US 200000u
#define REST_LOOKS 5u

static struct kr_wheel_link *link_at(struct kr_wheel_links l, uint32_t i)
{
    return (struct kr_wheel_link *)(void *)((char *)l.base + l.stride * i);
}

void kr_wheel_begin(struct kr_wheel *w, uint64_t now)
{
    for (size_t i = 0; i < KR_WHEEL; i++)
        w->first[i] = KR_NO_SLOT;
    w->at = now / KR_WHEEL_US;
    w->n = 0;
}

/* What is due later than the wheel reaches waits in its last spoke, and is put in again then. */
void kr_wheel_add(struct kr_wheel *w, struct kr_wheel_links l, uint32_t i, uint64_t due)
{
    struct kr_wheel_link *k = link_at(l, i);
    uint64_t spoke = due / KR_WHEEL_US;
    if (spoke < w->at)
        spoke = w->at;
    if (spoke > w->at + KR_WHEEL - 1)
        spoke = w->at + KR_WHEEL - 1;
    uint32_t *first = &w->first[spoke & (KR_WHEEL - 1)];
    *k = (struct kr_wheel_link){.next = *first,
                                .before = KR_NO_SLOT - 1 - (uint32_t)(spoke & (KR_WHEEL - 1)),
                                .due = due,
                                .linked = true};
    if (*first != KR_NO_SLOT)
        link_at(l, *first)->before = i;
    *first = i;
    w->n++;
}

/* `before` of the first one in a spoke names the spoke, counted down from the top. */
void kr_wheel_drop(struct kr_wheel *w, struct kr_wheel_links l, uint32_t i)
{
    struct kr_wheel_link *k = link_at(l, i);
    if (!k->linked)
        return;
    if (k->before >= KR_NO_SLOT - KR_WHEEL)
        w->first[KR_NO_SLOT - 1 - k->before] = k->next;
    else
        link_at(l, k->before)->next = k->next;
    if (k->next != KR_NO_SLOT)
        link_at(l, k->next)->before = k->before;
    k->linked = false;
    w->n--;
}

uint32_t kr_wheel_due(struct kr_wheel *w, struct kr_wheel_links l, uint64_t now)
{
    uint64_t today = now / KR_WHEEL_US;
    for (; w->n && w->at <= today; w->at++) {
        uint32_t i = w->first[w->at & (KR_WHEEL - 1)];
        while (i != KR_NO_SLOT) {
            struct kr_wheel_link *k = link_at(l, i);
            uint32_t next = k->next;
            if (k->due <= now) {
                kr_wheel_drop(w, l, i);
                return i;
            }
            if (k->due / KR_WHEEL_US > w->at) {
                kr_wheel_drop(w, l, i);
                kr_wheel_add(w, l, i, k->due);
            }
            i = next;
        }
        if (w->at == today)
            break;
    }
    if (!w->n && w->at < today)
        w->at = today;
    return KR_NO_SLOT;
}

void kr_pace_measure(struct kr_pace *p, uint64_t us)
{
    uint32_t r = us < MOST_US ? (uint32_t)us : MOST_US;
    if (!p->srtt) {
        p->srtt = r ? r : 1;
        p->var = r / 2;
        return;
    }
    uint32_t off = r > p->srtt ? r - p->srtt : p->srtt - r;
    p->var = (3 * p->var + off) / 4;
    p->srtt = (7 * p->srtt + r) / 8;
    p->srtt = p->srtt ? p->srtt : 1;
}

uint64_t kr_pace_timeout(const struct kr_pace *p, unsigned tries, bool slow)
{
    uint64_t t = p->srtt ? p->srtt + 4ull * p->var : FIRST_US;
    t = t < LEAST_US ? LEAST_US : t;
    t = slow && t < SLOW_US ? SLOW_US : t;
    t <<= slow ? 0 : tries < 5 ? tries : 5;
    return t < MOST_US ? t : MOST_US;
}

void kr_window_begin(struct kr_window *w, uint32_t most)
{
    uint32_t start = 4 * LEAST_WINDOW;
    *w = (struct kr_window){.now = start < most ? start : most, .most = most};
}

/* More out at once is only worth it while more is answered for it: else it just waits in queues,
 * and runs over. What did not pay is taken back, and tried again later. */
static void grow(struct kr_window *w)
{
    bool paid = w->done > w->rate + w->rate / 40;
    if (w->before && !paid) {
        w->now = w->before;
        w->before = 0;
        w->rest = REST_LOOKS;
    } else if (w->rest) {
        w->rest--;
    } else {
        w->before = w->now;
        w->rate = w->done;
        w->now += w->now / 2;
    }
}

/* A loss shows only after a timeout, so that it is looked at by time and not by what was answered.
 * One in twenty is the network's; more is a queue that runs over, the server's or our own. */
void kr_window_look(struct kr_window *w, uint64_t now)
{
    if (now < w->looked + LOOK_US)
        return;
    uint32_t all = w->done + w->lost, less = w->now - w->now / 4;
    if (w->lost > 8 && w->lost > all / 12) {
        w->now = less > LEAST_WINDOW ? less : LEAST_WINDOW;
        w->before = 0;
        w->rest = REST_LOOKS;
    } else if (all >= w->now) { /* it was in use */
        grow(w);
    }
    if (w->now > w->most)
        w->now = w->most;
    w->done = w->lost = 0;
    w->looked = now;
}

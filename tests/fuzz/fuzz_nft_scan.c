/* libFuzzer on other people's rules: whatever expressions stand in one, following them ends, reads
 * nothing outside, and only ever narrows. */
#include "net/nft_scan_rule.c"

#include <kr/mem.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(what) ((what) ? (void)0 : abort())

static void on_act(void *arg, const struct kr_scan_act *a)
{
    (void)arg;
    MUST(a->does < KR_DOES_N && memchr(a->what, '\0', sizeof a->what) && *a->what);
    MUST((a->may & ~KR_MAY_ALL) == 0);
}

static void on_jump(void *arg, const char *chain, uint32_t may)
{
    (void)arg;
    MUST(!chain || strlen(chain) < 256);
    MUST((may & ~KR_MAY_ALL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t ports[] = {25, 587};
    struct kr_rule_walk w = {.ports = ports,
                             .n_ports = 2,
                             .objects = ~0u,
                             .act = on_act,
                             .jump = on_jump,
                             .may = KR_MAY_ALL};
    if (size > 4096)
        return 0;
    KR_AUTO_FREE struct nlattr *list = kr_calloc(sizeof *list + size, 1); /* no byte more */
    list->nla_len = (uint16_t)(sizeof *list + size);
    list->nla_type = NFTA_RULE_EXPRESSIONS | NLA_F_NESTED;
    if (size)
        memcpy(list + 1, data, size);
    (void)kr_rule_reduce(&w, list);
    return 0;
}

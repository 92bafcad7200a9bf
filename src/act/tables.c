#include "tables.h"

#include <kr/nl.h>
#include <kr/plan.h>

#include <linux/netfilter.h>

const struct kr_nft_name kr_table_inet = {NFPROTO_INET, KR_TABLE};
const struct kr_nft_name kr_table_netdev = {NFPROTO_NETDEV, KR_TABLE};

static const struct kr_nft_name ours[] = {
    {NFPROTO_INET, KR_TABLE},
    {NFPROTO_NETDEV, KR_TABLE},
};
#define OURS (sizeof ours / sizeof *ours)

static struct kr_nl *owner;

void kr_tables_own(struct kr_nl *by)
{
    owner = by;
}

uint32_t kr_tables_owner(void)
{
    return owner ? kr_nl_port(owner) : 0;
}

int kr_tables_swap(const struct kr_nft *r, struct kr_err *e)
{
    return kr_nft_load_by(owner, r, ours, OURS, e);
}

int kr_tables_swap_first(const struct kr_nft *r, struct kr_err *e)
{
    return kr_nft_load_first(r, ours, OURS, e);
}

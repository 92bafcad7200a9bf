#include "tables.h"

#include <kr/plan.h>

#include <linux/netfilter.h>

const struct kr_nft_name kr_table_inet = {NFPROTO_INET, KR_TABLE};
const struct kr_nft_name kr_table_netdev = {NFPROTO_NETDEV, KR_TABLE};

int kr_tables_swap(const struct kr_nft *r, struct kr_err *e)
{
    const struct kr_nft_name ours[] = {kr_table_inet, kr_table_netdev};
    return kr_nft_load(r, ours, sizeof ours / sizeof *ours, e);
}

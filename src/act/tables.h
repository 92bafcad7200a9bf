/* Our tables, by name: all that is ever put into nftables, and all that is ever taken away. */
#ifndef KR_TABLES_H
#define KR_TABLES_H

#include <kr/nft_kernel.h>

extern const struct kr_nft_name kr_table_inet, kr_table_netdev;

/* From now on tables are swapped by this socket, which must live as long, so that they can belong
 * to it (kr_nft_set_owner); NULL: by none in particular. */
struct kr_nl;
void kr_tables_own(struct kr_nl *by);
uint32_t kr_tables_owner(void); /* its port, or 0 */

/* One transaction: whatever of our tables exists goes, r comes in its place (NULL: nothing does).
 */
int kr_tables_swap(const struct kr_nft *r, struct kr_err *e);
/* The same without the chains of r that are put off: all guards, no redirect yet. */
int kr_tables_swap_first(const struct kr_nft *r, struct kr_err *e);

#endif

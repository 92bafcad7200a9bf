#include "nft_compare_set.h"

#include <stdbool.h>
#include <stdint.h>

#include <libnftnl/set.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

static bool same_data(const struct nftnl_set *a, const struct nftnl_set *b, uint16_t attr)
{
    uint32_t na = 0, nb = 0;
    const void *x = nftnl_set_is_set(a, attr) ? nftnl_set_get_data(a, attr, &na) : NULL;
    const void *y = nftnl_set_is_set(b, attr) ? nftnl_set_get_data(b, attr, &nb) : NULL;
    return na == nb && (!na || memcmp(x, y, na) == 0);
}

const char *kr_nft_set_differs(const struct nftnl_set *want, const struct nftnl_set *got)
{
    static const struct {
        uint16_t attr;
        const char *name;
    } numbers[] =
        {
            {NFTNL_SET_FLAGS, "flags"},          {NFTNL_SET_KEY_TYPE, "key type"},
            {NFTNL_SET_KEY_LEN, "key length"},   {NFTNL_SET_DATA_TYPE, "data type"},
            {NFTNL_SET_DATA_LEN, "data length"}, {NFTNL_SET_OBJ_TYPE, "object type"},
        },
      others[] = {
          {NFTNL_SET_TIMEOUT, "timeout"},
          {NFTNL_SET_GC_INTERVAL, "interval of garbage collection"},
          {NFTNL_SET_EXPR, "expression"},
          {NFTNL_SET_EXPRESSIONS, "expressions"},
      };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (nftnl_set_get_u32(want, numbers[i].attr) != nftnl_set_get_u32(got, numbers[i].attr))
            return numbers[i].name;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (nftnl_set_is_set(got, others[i].attr))
            return others[i].name;
    if (!same_data(want, got, NFTNL_SET_DESC_CONCAT))
        return "concatenation";
    return NULL;
}

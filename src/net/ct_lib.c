#include "ct_lib.h"

#include <kr/late.h>

#include <stdbool.h>

struct kr_nfct kr_nfct;

static const struct kr_late_symbol symbols[] = {
    {"nfct_new", &kr_nfct.make},
    {"nfct_destroy", &kr_nfct.destroy},
    {"nfct_attr_is_set", &kr_nfct.is_set},
    {"nfct_get_attr", &kr_nfct.get},
    {"nfct_get_attr_u8", &kr_nfct.get_u8},
    {"nfct_get_attr_u16", &kr_nfct.get_u16},
    {"nfct_get_attr_u32", &kr_nfct.get_u32},
    {"nfct_set_attr", &kr_nfct.set},
    {"nfct_set_attr_u8", &kr_nfct.set_u8},
    {"nfct_set_attr_u16", &kr_nfct.set_u16},
    {"nfct_nlmsg_build", &kr_nfct.build},
    {"nfct_nlmsg_parse", &kr_nfct.parse},
};

int ct_lib_load(struct kr_err *e)
{
    static bool loaded;
    loaded = loaded || !kr_late_load("libnetfilter_conntrack.so.3", symbols,
                                     sizeof symbols / sizeof *symbols, e);
    return loaded ? 0 : -1;
}

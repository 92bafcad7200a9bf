/* libnetfilter_conntrack, loaded when conntrack holds something here. */
#ifndef KR_CT_LIB_H
#define KR_CT_LIB_H

#include <libnetfilter_conntrack/libnetfilter_conntrack.h>

struct kr_err;

/* Its functions, callable once ct_lib_load() has returned 0. */
extern struct kr_nfct {
    __typeof__(&nfct_new) make;
    __typeof__(&nfct_destroy) destroy;
    __typeof__(&nfct_attr_is_set) is_set;
    __typeof__(&nfct_get_attr) get;
    __typeof__(&nfct_get_attr_u8) get_u8;
    __typeof__(&nfct_get_attr_u16) get_u16;
    __typeof__(&nfct_get_attr_u32) get_u32;
    __typeof__(&nfct_set_attr) set;
    __typeof__(&nfct_set_attr_u8) set_u8;
    __typeof__(&nfct_set_attr_u16) set_u16;
    __typeof__(&nfct_nlmsg_build) build;
    __typeof__(&nfct_nlmsg_parse) parse;
} kr_nfct;
/* Once is enough: it stays loaded. Returns 0, or -1 with KR_CANNOT when this host has none. */
int ct_lib_load(struct kr_err *e);

#endif

/* What is believed without a proof. */
#ifndef KR_DNS_ANCHOR_H
#define KR_DNS_ANCHOR_H

#include "dns_rrset.h"

#include <kr/dns_validate.h>

struct kr_anchors {
    struct kr_keys *keys;
};

#endif

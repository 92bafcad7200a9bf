#include "nft_attr.h"

#include <arpa/inet.h>
#include <endian.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

static int on_attr(const struct nlattr *a, void *arg)
{
    struct kr_nft_attrs *to = arg;
    if (mnl_attr_get_type(a) > KR_NFT_MAX_ATTR)
        to->higher = true;
    else
        to->v[mnl_attr_get_type(a)] = a;
    return MNL_CB_OK;
}

/* mnl_attr_parse passes over what is left behind the last whole attribute. */
static bool whole(const char *data, size_t len)
{
    while (len >= sizeof(struct nlattr)) {
        const struct nlattr *a = (const void *)data;
        if (a->nla_len < sizeof *a || a->nla_len > len)
            return false;
        size_t step = MNL_ALIGN(a->nla_len);
        if (step >= len)
            return true;
        data += step;
        len -= step;
    }
    return len == 0;
}

int kr_nft_attrs(const struct nlmsghdr *m, struct kr_nft_attrs *out)
{
    memset(out, 0, sizeof *out);
    if (mnl_nlmsg_get_payload_len(m) < sizeof(struct nfgenmsg))
        return -1;
    return !whole(mnl_nlmsg_get_payload_offset(m, sizeof(struct nfgenmsg)),
                  mnl_nlmsg_get_payload_len(m) - sizeof(struct nfgenmsg)) ||
           mnl_attr_parse(m, sizeof(struct nfgenmsg), on_attr, out) < 0;
}

int kr_nft_attrs_in(const struct nlattr *nest, struct kr_nft_attrs *out)
{
    memset(out, 0, sizeof *out);
    return !whole(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest)) ||
           mnl_attr_parse_nested(nest, on_attr, out) < 0;
}

int kr_nft_family_of(const struct nlmsghdr *m)
{
    return ((const struct nfgenmsg *)mnl_nlmsg_get_payload(m))->nfgen_family;
}

uint32_t kr_nft_number(const struct nlattr *a)
{
    return a && mnl_attr_validate(a, MNL_TYPE_U32) >= 0 ? ntohl(mnl_attr_get_u32(a)) : 0;
}

uint64_t kr_nft_number64(const struct nlattr *a)
{
    return a && mnl_attr_validate(a, MNL_TYPE_U64) >= 0 ? be64toh(mnl_attr_get_u64(a)) : 0;
}

bool kr_nft_string(const struct nlattr *a, char *out, size_t size)
{
    if (!a || mnl_attr_validate(a, MNL_TYPE_NUL_STRING) < 0)
        return false;
    int n = snprintf(out, size, "%s", mnl_attr_get_str(a));
    return n >= 0 && (size_t)n < size;
}

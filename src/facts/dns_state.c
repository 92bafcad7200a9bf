#include <kr/dns_state.h>

#include <assert.h>

static const char *const mx_kinds[] = {
    [KR_MX_HOSTS] = "hosts",       [KR_MX_IMPLICIT] = "implicit", [KR_MX_NULL] = "null",
    [KR_MX_NXDOMAIN] = "nxdomain", [KR_MX_FAILED] = "failed",     [KR_MX_BOGUS] = "bogus",
    [KR_MX_TIMEOUT] = "timeout",
};
static const char *const trusts[] = {[KR_TRUST_INSECURE] = "insecure",
                                     [KR_TRUST_SECURE] = "secure",
                                     [KR_TRUST_UNJUDGED] = "unjudged"};
static const char *const addresses[] = {[KR_ADDRESS_UNASKED] = "unasked",
                                        [KR_ADDRESS_SECURE] = "secure",
                                        [KR_ADDRESS_INSECURE] = "insecure",
                                        [KR_ADDRESS_NONE] = "none",
                                        [KR_ADDRESS_FAILED] = "failed"};
static const char *const aliases[] = {[KR_ALIAS_NONE] = "none",
                                      [KR_ALIAS_SECURE] = "secure",
                                      [KR_ALIAS_FIRST_SECURE] = "first-secure",
                                      [KR_ALIAS_INSECURE] = "insecure"};
static const char *const tlsas[] = {
    [KR_TLSA_UNASKED] = "unasked",   [KR_TLSA_NONE] = "none",         [KR_TLSA_USABLE] = "usable",
    [KR_TLSA_UNUSABLE] = "unusable", [KR_TLSA_INSECURE] = "insecure", [KR_TLSA_FAILED] = "failed",
    [KR_TLSA_UNJUDGED] = "unjudged",
};
static_assert(sizeof mx_kinds / sizeof *mx_kinds == KR_MX_KINDS, "a name for each");
static_assert(sizeof trusts / sizeof *trusts == KR_TRUSTS, "a name for each");
static_assert(sizeof addresses / sizeof *addresses == KR_ADDRESSES, "a name for each");
static_assert(sizeof aliases / sizeof *aliases == KR_ALIASES, "a name for each");
static_assert(sizeof tlsas / sizeof *tlsas == KR_TLSA_STATES, "a name for each");

const char *kr_mx_kind_name(enum kr_mx_kind k)
{
    return mx_kinds[k];
}

const char *kr_dns_trust_name(enum kr_dns_trust t)
{
    return trusts[t];
}

const char *kr_host_address_name(enum kr_host_address a)
{
    return addresses[a];
}

const char *kr_host_alias_name(enum kr_host_alias a)
{
    return aliases[a];
}

const char *kr_tlsa_name(enum kr_tlsa t)
{
    return tlsas[t];
}

/* The compiled policy. */
#ifndef KR_POLICY_INTERNAL_H
#define KR_POLICY_INTERNAL_H

#include "policy_parts.h"

struct domain_key {
    char *name; /* ".x" for *.x */
    uint64_t hash;
    bool exact; /* in its case too */
    struct kr_site *site;
};

struct kr_policy {
    unsigned held;
    bool compat, special; /* tempfail, permfail, 450- and 250- in local parts mean something */
    uint64_t seed;
    struct kr_site **site; /* site[0]: all others */
    size_t sites, site_cap;
    struct rule *rule;
    size_t rules, rule_cap;
    unsigned senders;       /* rules that look at the sender */
    unsigned stages;        /* bits of enum kr_stage that rules or delays exist for */
    struct domain_key *key; /* a hash table, a power of two in size, never over half full */
    size_t keys, key_room;
    bool wildcards, greylists;
    struct kr_answers tempfail, permfail, said_450;
};

#endif

/* Postfix as its own tools tell of it (postconf(1), postmap(1)). */
#ifndef KR_MTA_SET_POSTFIX_H
#define KR_MTA_SET_POSTFIX_H

#include "mta_params.h"
#include "mta_set.h"

struct kr_pfmap_entry {
    const char *key, *value; /* in the table's text */
};
/* One table of a list of maps, as far as it can be known beforehand. */
struct kr_pfmap {
    enum kr_pfmap_kind {
        KR_PFMAP_TABLE,
        KR_PFMAP_ASK,
        KR_PFMAP_STATIC,
        KR_PFMAP_PLUGIN,
        KR_PFMAP_UNSURE
    } kind;
    char *spec, *text; /* "hash:/etc/postfix/tls"; what postmap(1) says it holds */
    struct kr_pfmap_entry *v;
    size_t n, cap;
};
struct kr_pfmaps {
    char *list; /* as it is written */
    struct kr_pfmap *v;
    size_t n, cap;
};
/* By what tables are asked; asks_left counts those that are asked for each key. */
struct kr_pfmap_asker {
    const char *postmap, *folder;
    uint64_t asks_left, asked, unasked;
};
void kr_pfmaps_load(struct kr_pfmap_asker *a, const char *list, struct kr_pfmaps *out);
/* HIT: the first result. DOUBT: a table that can't be looked at comes before any. BY_PLUGIN: the
 * same, of a server that answers by MTA-STS. */
enum kr_pfmap_found { KR_PFMAP_MISS, KR_PFMAP_HIT, KR_PFMAP_DOUBT, KR_PFMAP_BY_PLUGIN };
/* smtp_tls_policy_maps: the next hop, else ".parent" of each parent. */
enum kr_pfmap_found kr_pfmaps_policy(struct kr_pfmap_asker *a, const struct kr_pfmaps *m,
                                     const char *hop, struct kr_buf *value);
/* transport_maps (transport(5)), for the address of a load generator's user: the whole of it, which
 * is all that patterns see; the domain; ".parent" of each parent, or "parent" with `dotless`
 * (parent_domain_matches_subdomains); "*". */
#define KR_PFMAP_USER "user-1"
enum kr_pfmap_found kr_pfmaps_route(struct kr_pfmap_asker *a, const struct kr_pfmaps *m,
                                    const char *domain, bool dotless, struct kr_buf *value);
/* How many keys are whole addresses; *first: one of them, when there is any. */
size_t kr_pfmaps_addresses(const struct kr_pfmaps *m, const char **first);
void kr_pfmaps_free(struct kr_pfmaps *m);

#endif

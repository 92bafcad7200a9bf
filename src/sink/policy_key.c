/* From domains and MX addresses to providers. */
#include "policy_load.h"

#include <kr/mem.h>

#include <string.h>
#include <strings.h>

#define ROOM_MIN 64u

static void insert(struct domain_key *table, size_t room, const struct domain_key *k)
{
    size_t i = k->hash & (room - 1);
    while (table[i].name)
        i = (i + 1) & (room - 1);
    table[i] = *k;
}

static void make_room(struct kr_policy *p)
{
    if (2 * (p->keys + 1) <= p->key_room)
        return;
    size_t room = p->key_room ? 2 * p->key_room : ROOM_MIN;
    struct domain_key *table = kr_calloc(room, sizeof *table);
    for (size_t i = 0; i < p->key_room; i++)
        if (p->key[i].name)
            insert(table, room, &p->key[i]);
    free(p->key);
    p->key = table;
    p->key_room = room;
}

static const struct domain_key *find(const struct kr_policy *p, const char *name, size_t n)
{
    uint64_t hash = dice_mix(dice_text(0, name, n));
    for (size_t i = hash & (p->key_room - 1); p->key_room && p->key[i].name;
         i = (i + 1) & (p->key_room - 1)) {
        const struct domain_key *k = &p->key[i];
        if (k->hash == hash && strlen(k->name) == n && strncasecmp(k->name, name, n) == 0 &&
            (!k->exact || memcmp(k->name, name, n) == 0))
            return k;
    }
    return NULL;
}

/* "x" is x alone, "*.x" is whatever ends in ".x". */
int load_key(struct load *l, const struct kr_toml_value *v, const char *name, bool exact,
             struct kr_site *s)
{
    bool wild = !exact && name[0] == '*' && name[1] == '.';
    const char *text = wild ? name + 1 : name;
    if (!exact && strpbrk(text, "*?"))
        return load_bad(l, v, "domains = '%.80s': a star may only begin it, as in *.example.com",
                        name);
    const struct domain_key *there = find(l->p, text, strlen(text));
    if (there && !(exact && there->site->kumo))
        return load_bad(l, v, "the domain '%.80s' belongs to '%.60s' already", name,
                        there->site->name);
    make_room(l->p);
    struct domain_key k = {kr_strdup(text), dice_mix(dice_text(0, text, strlen(text))), exact, s};
    insert(l->p->key, l->p->key_room, &k);
    l->p->keys++;
    l->p->wildcards |= wild;
    return 0;
}

const struct kr_site *kr_policy_by_domain(const struct kr_policy *p, const char *domain, size_t n)
{
    const struct domain_key *k = find(p, domain, n);
    const char *end = domain + n;
    for (const char *at = domain; p->wildcards && !k && at < end; at++) {
        at = memchr(at, '.', (size_t)(end - at));
        if (!at)
            break;
        k = find(p, at, (size_t)(end - at));
    }
    return k ? k->site : NULL;
}

/* The longest prefix wins, the first one of equals. */
const struct kr_site *kr_policy_by_mx(const struct kr_policy *p, const struct kr_addr *mx)
{
    const struct kr_site *best = NULL;
    int longest = -1;
    for (size_t i = 0; i < p->sites; i++) {
        const struct kr_prefix *hit = kr_prefixset_find(&p->site[i]->mx, mx);
        if (hit && hit->len > longest) {
            best = p->site[i];
            longest = hit->len;
        }
    }
    return best;
}

const struct kr_site *kr_policy_by_mx_name(const struct kr_policy *p, const char *name)
{
    for (size_t i = 0; i < p->sites; i++)
        if (p->site[i]->mx_names.n && patterns_match(&p->site[i]->mx_names, name, strlen(name)))
            return p->site[i];
    return NULL;
}

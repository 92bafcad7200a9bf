/* Tables of Postfix: those that have an end are read once, patterns are asked for each key, and
 * servers behind a socket are not asked at all: their answer is an act of theirs. */
#include "mta_postfix.h"
#include "mta_set_postfix.h"

#include <kr/mem.h>
#include <kr/tool.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *type;
    enum kr_pfmap_kind kind;
} types[] = {
    {"hash", KR_PFMAP_TABLE},     {"btree", KR_PFMAP_TABLE},   {"cdb", KR_PFMAP_TABLE},
    {"lmdb", KR_PFMAP_TABLE},     {"dbm", KR_PFMAP_TABLE},     {"sdbm", KR_PFMAP_TABLE},
    {"texthash", KR_PFMAP_TABLE}, {"inline", KR_PFMAP_TABLE},  {"regexp", KR_PFMAP_ASK},
    {"pcre", KR_PFMAP_ASK},       {"static", KR_PFMAP_STATIC}, {"socketmap", KR_PFMAP_PLUGIN},
    {"tcp", KR_PFMAP_PLUGIN},
};

static enum kr_pfmap_kind kind_of(const char *spec)
{
    const char *colon = strchr(spec, ':');
    if (!colon)
        return KR_PFMAP_TABLE; /* of the default type */
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strlen(types[i].type) == (size_t)(colon - spec) &&
            strncmp(spec, types[i].type, (size_t)(colon - spec)) == 0)
            return types[i].kind;
    return KR_PFMAP_UNSURE;
}

/* Braces around the whole of a value are taken off. */
static char *bare(char *s)
{
    size_t n = strlen(s);
    while (n && isspace((unsigned char)s[n - 1]))
        s[--n] = '\0';
    if (n > 1 && *s == '{' && s[n - 1] == '}') {
        s[n - 1] = '\0';
        s++;
    }
    return s + strspn(s, " \t");
}

static int by_key(const void *a, const void *b)
{
    return strcasecmp(((const struct kr_pfmap_entry *)a)->key,
                      ((const struct kr_pfmap_entry *)b)->key);
}

static void read_entries(struct kr_pfmap *m)
{
    char *at = m->text, *line;
    while ((line = kr_mta_next_line(&at)) != NULL) {
        char *value = line + strcspn(line, "\t ");
        if (*value)
            *value++ = '\0';
        m->v = kr_grow(m->v, &m->cap, m->n + 1, sizeof *m->v);
        m->v[m->n++] = (struct kr_pfmap_entry){line, bare(value + strspn(value, "\t "))};
    }
    if (m->n)
        qsort(m->v, m->n, sizeof *m->v, by_key);
}

static int run(const struct kr_pfmap_asker *a, const char *option, const char *key,
               const char *spec, struct kr_buf *out, struct kr_tool_end *end)
{
    const char *argv[8] = {a->postmap, "-c", a->folder, option};
    size_t n = 4;
    if (key)
        argv[n++] = key;
    argv[n++] = spec;
    argv[n] = NULL;
    return kr_mta_tool_end(argv, NULL, out, end, NULL);
}

static void load(const struct kr_pfmap_asker *a, const char *word, size_t len, struct kr_pfmap *m)
{
    static const char proxy[] = "proxy:";
    KR_AUTO_BUF struct kr_buf text = {0};
    struct kr_tool_end end;
    while (len > sizeof proxy - 1 && memcmp(word, proxy, sizeof proxy - 1) == 0) {
        word += sizeof proxy - 1;
        len -= sizeof proxy - 1;
    }
    m->spec = kr_calloc(len + 1, 1);
    memcpy(m->spec, word, len);
    m->kind = kind_of(m->spec);
    if (m->kind != KR_PFMAP_TABLE)
        return;
    if (run(a, "-s", NULL, m->spec, &text, &end) || end.status) {
        m->kind = KR_PFMAP_UNSURE;
        return;
    }
    m->text = kr_strdup(text.s);
    read_entries(m);
}

void kr_pfmaps_load(struct kr_pfmap_asker *a, const char *list, struct kr_pfmaps *out)
{
    const char *at = list, *end = list + strlen(list), *word;
    size_t len;
    out->list = kr_strdup(list);
    while (kr_pf_word(&at, end, &word, &len)) {
        out->v = kr_grow(out->v, &out->cap, out->n + 1, sizeof *out->v);
        struct kr_pfmap *m = &out->v[out->n++];
        *m = (struct kr_pfmap){0};
        load(a, word, len, m);
    }
}

static enum kr_pfmap_found ask(struct kr_pfmap_asker *a, const struct kr_pfmap *m, const char *key,
                               struct kr_buf *value)
{
    struct kr_tool_end end;
    if (*key == '-' || !a->asks_left) {
        a->unasked++;
        return KR_PFMAP_DOUBT;
    }
    a->asks_left--;
    a->asked++;
    value->len = 0;
    if (run(a, "-q", key, m->spec, value, &end))
        return KR_PFMAP_DOUBT;
    if (end.status) /* 1 without a complaint: there is no such key (postmap(1)) */
        return end.status == 1 && !strstr(end.said, "fatal:") ? KR_PFMAP_MISS : KR_PFMAP_DOUBT;
    value->s[strcspn(value->s, "\n")] = '\0';
    return KR_PFMAP_HIT;
}

static enum kr_pfmap_found find_in(struct kr_pfmap_asker *a, const struct kr_pfmap *m,
                                   const char *key, struct kr_buf *value)
{
    const struct kr_pfmap_entry want = {key, NULL};
    const struct kr_pfmap_entry *hit;
    const char *found = NULL;
    switch (m->kind) {
    case KR_PFMAP_TABLE:
        hit = m->n ? bsearch(&want, m->v, m->n, sizeof *m->v, by_key) : NULL;
        found = hit ? hit->value : NULL;
        break;
    case KR_PFMAP_STATIC:
        found = strchr(m->spec, ':') + 1;
        break;
    case KR_PFMAP_ASK:
        return ask(a, m, key, value);
    case KR_PFMAP_PLUGIN:
        return KR_PFMAP_BY_PLUGIN;
    case KR_PFMAP_UNSURE:
        return KR_PFMAP_DOUBT;
    }
    if (!found)
        return KR_PFMAP_MISS;
    value->len = 0;
    kr_buf_text(value, found);
    return KR_PFMAP_HIT;
}

/* Parts of an address are no keys for patterns, nor for what answers as they do (maps_find(3)). */
static bool takes_parts(const struct kr_pfmap *m)
{
    return m->kind == KR_PFMAP_TABLE || m->kind == KR_PFMAP_STATIC || m->kind == KR_PFMAP_UNSURE;
}

static enum kr_pfmap_found find_key(struct kr_pfmap_asker *a, const struct kr_pfmaps *m,
                                    const char *key, bool part, struct kr_buf *value)
{
    for (size_t i = 0; i < m->n; i++) {
        enum kr_pfmap_found f =
            !part || takes_parts(&m->v[i]) ? find_in(a, &m->v[i], key, value) : KR_PFMAP_MISS;
        if (f != KR_PFMAP_MISS)
            return f;
    }
    return KR_PFMAP_MISS;
}

enum kr_pfmap_found kr_pfmaps_policy(struct kr_pfmap_asker *a, const struct kr_pfmaps *m,
                                     const char *hop, struct kr_buf *value)
{
    enum kr_pfmap_found f = find_key(a, m, hop, false, value);
    bool outside = *hop == '['; /* "[host]:port" has no parents */
    for (const char *p = strchr(hop, '.'); !outside && p && f == KR_PFMAP_MISS;
         p = strchr(p + 1, '.'))
        f = find_key(a, m, p, false, value);
    return f;
}

enum kr_pfmap_found kr_pfmaps_route(struct kr_pfmap_asker *a, const struct kr_pfmaps *m,
                                    const char *domain, bool dotless, struct kr_buf *value)
{
    KR_AUTO_BUF struct kr_buf address = {0};
    kr_buf_printf(&address, "%s@%s", KR_PFMAP_USER, domain);
    enum kr_pfmap_found f = find_key(a, m, address.s, false, value);
    if (f == KR_PFMAP_MISS)
        f = find_key(a, m, domain, true, value);
    for (const char *p = strchr(domain, '.'); p && f == KR_PFMAP_MISS; p = strchr(p + 1, '.'))
        f = find_key(a, m, p + dotless, true, value);
    return f == KR_PFMAP_MISS ? find_key(a, m, "*", false, value) : f;
}

size_t kr_pfmaps_addresses(const struct kr_pfmaps *m, const char **first)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++)
        for (size_t k = 0; k < m->v[i].n; k++)
            if (strchr(m->v[i].v[k].key, '@') && n++ == 0)
                *first = m->v[i].v[k].key;
    return n;
}

void kr_pfmaps_free(struct kr_pfmaps *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->v[i].spec);
        free(m->v[i].text);
        free(m->v[i].v);
    }
    free(m->v);
    free(m->list);
    *m = (struct kr_pfmaps){0};
}

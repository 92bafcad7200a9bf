#include <kr/prefixset.h>

#include <kr/mem.h>

#include <string.h>

void kr_prefixset_add(struct kr_prefixset *s, const struct kr_prefix *p)
{
    s->v = kr_grow(s->v, &s->cap, s->n + 1, sizeof *s->v);
    s->v[s->n++] = *p;
}

static int by_address(const void *a, const void *b)
{
    return kr_prefix_cmp(a, b);
}

/* Joins the last two of the set when together they are one shorter prefix. IPv4 and what lies
 * beside it in the mapped space never join: 0.0.0.0/0 is /96 and the shortest that is IPv4. */
static bool join_last(struct kr_prefixset *s, size_t *n)
{
    if (*n < 2)
        return false;
    struct kr_prefix *a = &s->v[*n - 2], *b = &s->v[*n - 1];
    if (a->len != b->len || a->len == 0)
        return false;
    struct kr_prefix up = kr_prefix_make(&a->addr, (uint8_t)(a->len - 1));
    if (!kr_prefix_covers(&up, b) || kr_prefix_is_v4(b) != kr_prefix_is_v4(&up))
        return false;
    *a = up;
    (*n)--;
    return true;
}

void kr_prefixset_normalize(struct kr_prefixset *s)
{
    if (s->n < 2)
        return;
    qsort(s->v, s->n, sizeof *s->v, by_address);
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (n && kr_prefix_covers(&s->v[n - 1], &s->v[i]))
            continue;
        s->v[n++] = s->v[i];
        while (join_last(s, &n))
            ;
    }
    s->n = n;
}

const struct kr_prefix *kr_prefixset_find(const struct kr_prefixset *s, const struct kr_addr *a)
{
    size_t lo = 0, hi = s->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (kr_addr_cmp(&s->v[mid].addr, a) <= 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo && kr_prefix_has(&s->v[lo - 1], a) ? &s->v[lo - 1] : NULL;
}

bool kr_prefixset_covers(const struct kr_prefixset *s, const struct kr_prefix *p)
{
    const struct kr_prefix *found = kr_prefixset_find(s, &p->addr);
    return found && kr_prefix_covers(found, p);
}

bool kr_prefixset_overlaps(const struct kr_prefixset *s, const struct kr_prefix *p)
{
    size_t lo = 0, hi = s->n;
    if (kr_prefixset_find(s, &p->addr))
        return true;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (kr_addr_cmp(&s->v[mid].addr, &p->addr) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < s->n && kr_prefix_has(p, &s->v[lo].addr);
}

void kr_prefixset_free(struct kr_prefixset *s)
{
    free(s->v);
    memset(s, 0, sizeof *s);
}

static bool in_list(const char *const *texts, size_t n, const struct kr_prefix *p)
{
    for (size_t i = 0; i < n; i++) {
        struct kr_prefix known;
        if (kr_prefix_parse(texts[i], &known, NULL) == 0 && kr_prefix_covers(&known, p))
            return true;
    }
    return false;
}

bool kr_prefix_is_private(const struct kr_prefix *p)
{
    static const char *const texts[] = {"10.0.0.0/8",     "172.16.0.0/12", "192.168.0.0/16",
                                        "169.254.0.0/16", "fc00::/7",      "fe80::/10"};
    return in_list(texts, sizeof texts / sizeof *texts, p);
}

bool kr_prefix_is_documentation(const struct kr_prefix *p)
{
    static const char *const texts[] = {"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",
                                        "2001:db8::/32", "3fff::/20"};
    return in_list(texts, sizeof texts / sizeof *texts, p);
}

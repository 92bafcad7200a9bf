#include <kr/dns_name.h>

#include <kr/ascii.h>
#include <kr/fnv.h>
#include <kr/mem.h>

#include <stdio.h>
#include <string.h>

size_t kr_name_len(const uint8_t *n)
{
    size_t len = 0;
    while (n[len])
        len += n[len] + 1u;
    return len + 1;
}

bool kr_name_equal(const uint8_t *a, const uint8_t *b)
{
    size_t len = kr_name_len(a);
    return len == kr_name_len(b) && memcmp(a, b, len) == 0;
}

/* A final mix, so that the low bits depend on all of it. */
uint64_t kr_name_hash(const uint8_t *n)
{
    uint64_t h = kr_fnv1a(KR_FNV1A_BASIS, n, kr_name_len(n));
    h ^= h >> 32;
    h *= 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

unsigned kr_name_labels(const uint8_t *n)
{
    unsigned labels = 0;
    for (; *n; n += *n + 1)
        labels++;
    return labels;
}

const uint8_t *kr_name_parent(const uint8_t *n)
{
    return *n ? n + *n + 1 : n;
}

bool kr_name_below(const uint8_t *n, const uint8_t *zone)
{
    unsigned mine = kr_name_labels(n), its = kr_name_labels(zone);
    for (; mine > its; mine--)
        n = kr_name_parent(n);
    return kr_name_equal(n, zone);
}

void kr_name_lower(uint8_t *n)
{
    while (*n) {
        for (uint8_t i = 1; i <= *n; i++)
            n[i] = (uint8_t)kr_ascii_lower((char)n[i]);
        n += *n + 1;
    }
}

int kr_name_from_text(const char *text, uint8_t out[static KR_NAME_MAX])
{
    size_t at = 0, len = strlen(text);
    if (len == 0 || len > KR_NAME_MAX)
        return -1;
    while (*text && !(at == 0 && text[0] == '.' && !text[1])) {
        size_t n = strcspn(text, ".");
        if (n == 0 || n > 63 || at + n + 2 > KR_NAME_MAX)
            return -1;
        out[at++] = (uint8_t)n;
        for (size_t i = 0; i < n; i++)
            out[at++] = (uint8_t)kr_ascii_lower(text[i]);
        text += n + (text[n] == '.');
    }
    out[at] = 0;
    return 0;
}

static bool plain(uint8_t c)
{
    return c > ' ' && c < 127 && !strchr(".\\\"();@$", c);
}

const char *kr_name_text(const uint8_t *n, char out[static KR_NAME_TEXT])
{
    char *to = out;
    if (!*n)
        *to++ = '.';
    while (*n) {
        if (to != out)
            *to++ = '.';
        for (uint8_t i = 1; i <= *n; i++) {
            if (plain(n[i]))
                *to++ = (char)n[i];
            else
                to += sprintf(to, "\\%03u", n[i]);
        }
        n += *n + 1;
    }
    *to = '\0';
    return out;
}

int kr_name_under(const char *labels, const uint8_t *n, uint8_t out[static KR_NAME_MAX])
{
    size_t len = kr_name_len(n);
    if (kr_name_from_text(labels, out))
        return -1;
    size_t at = kr_name_len(out) - 1;
    if (at + len > KR_NAME_MAX)
        return -1;
    memcpy(out + at, n, len);
    return 0;
}

const uint8_t *kr_name_table_get(const struct kr_name_table *t, uint32_t i)
{
    return t->bytes + t->at[i];
}

/* The slot of a name: where it is, or where it would be put. */
static uint32_t *slot_of(const struct kr_name_table *t, const uint8_t *name)
{
    size_t i = kr_name_hash(name) & (t->n_slots - 1);
    while (t->slots[i] && !kr_name_equal(kr_name_table_get(t, t->slots[i] - 1), name))
        i = (i + 1) & (t->n_slots - 1);
    return &t->slots[i];
}

/* At most three quarters full. */
static void make_room(struct kr_name_table *t)
{
    if (t->n_slots && t->n < t->n_slots / 4 * 3)
        return;
    free(t->slots);
    t->n_slots = t->n_slots ? t->n_slots * 2 : 64;
    t->slots = kr_calloc(t->n_slots, sizeof *t->slots);
    for (uint32_t i = 0; i < t->n; i++)
        *slot_of(t, kr_name_table_get(t, i)) = i + 1;
}

uint32_t kr_name_table_find(const struct kr_name_table *t, const uint8_t *name)
{
    uint32_t at = t->n_slots ? *slot_of(t, name) : 0;
    return at ? at - 1 : KR_NO_NAME;
}

uint32_t kr_name_table_add(struct kr_name_table *t, const uint8_t *name, bool *fresh)
{
    make_room(t);
    uint32_t *slot = slot_of(t, name);
    if (fresh)
        *fresh = !*slot;
    if (*slot)
        return *slot - 1;
    size_t len = kr_name_len(name);
    t->bytes = kr_grow(t->bytes, &t->cap_bytes, t->n_bytes + len, 1);
    t->at = kr_grow(t->at, &t->cap, t->n + 1, sizeof *t->at);
    memcpy(t->bytes + t->n_bytes, name, len);
    t->at[t->n] = (uint32_t)t->n_bytes;
    t->n_bytes += len;
    *slot = (uint32_t)++t->n;
    return *slot - 1;
}

void kr_name_table_free(struct kr_name_table *t)
{
    free(t->bytes);
    free(t->at);
    free(t->slots);
    *t = (struct kr_name_table){0};
}

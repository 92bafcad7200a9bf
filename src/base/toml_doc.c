#include "toml_tree.h"

#include <kr/fnv.h>
#include <kr/mem.h>

#include <string.h>

#define BLOCK_SIZE 65536u

struct block {
    struct block *next;
    size_t used, size;
    _Alignas(max_align_t) char bytes[];
};

struct kr_toml {
    const char *name;
    struct block *blocks;
    struct kr_toml_value *root;
    struct kr_toml_value **index; /* open addressing; slots is a power of two, at most half full */
    size_t slots, indexed;
};

static void *take(struct kr_toml *doc, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    size = (size + align - 1) / align * align;
    struct block *b = doc->blocks;
    if (!b || b->size - b->used < size) {
        size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        b = kr_calloc(1, sizeof *b + room);
        b->size = room;
        b->next = doc->blocks;
        doc->blocks = b;
    }
    void *p = b->bytes + b->used;
    b->used += size;
    return p;
}

struct toml_text kr_toml_keep(struct kr_toml *doc, const char *s, size_t len)
{
    char *copy = take(doc, len + 1);
    if (len)
        memcpy(copy, s, len);
    return (struct toml_text){copy, len};
}

struct kr_toml *kr_toml_new(const char *name)
{
    struct kr_toml *doc = kr_calloc(1, sizeof *doc);
    doc->name = kr_toml_keep(doc, name, strlen(name)).s;
    doc->root = take(doc, sizeof *doc->root);
    doc->root->doc = doc;
    doc->root->type = KR_TOML_TABLE;
    doc->root->form = TOML_HEADER;
    doc->root->line = 1;
    return doc;
}

void kr_toml_free(struct kr_toml *doc)
{
    if (!doc)
        return;
    for (struct block *b = doc->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(doc->index);
    free(doc);
}

/* Begun with the table's address so that equal keys of many tables spread. */
static uint64_t hash_of(const struct kr_toml_value *table, struct toml_text key)
{
    uint64_t h = KR_FNV1A_BASIS ^ (uint64_t)(uintptr_t)table * 0x9e3779b97f4a7c15u;
    h = kr_fnv1a(h, key.s, key.len);
    return h ^ h >> 29;
}

struct kr_toml_value *kr_toml_find(const struct kr_toml_value *table, struct toml_text key)
{
    const struct kr_toml *doc = table->doc;
    if (!doc->slots)
        return NULL;
    uint64_t h = hash_of(table, key);
    for (size_t i = h & (doc->slots - 1); doc->index[i]; i = (i + 1) & (doc->slots - 1)) {
        struct kr_toml_value *v = doc->index[i];
        if (v->hash == h && v->parent == table && v->key.len == key.len &&
            memcmp(v->key.s, key.s, key.len) == 0)
            return v;
    }
    return NULL;
}

static void place(struct kr_toml *doc, struct kr_toml_value *v)
{
    size_t i = v->hash & (doc->slots - 1);
    while (doc->index[i])
        i = (i + 1) & (doc->slots - 1);
    doc->index[i] = v;
}

static void index_add(struct kr_toml *doc, struct kr_toml_value *v)
{
    if (doc->indexed * 2 >= doc->slots) {
        struct kr_toml_value **old = doc->index;
        size_t n = doc->slots;
        doc->slots = n ? n * 2 : 64;
        doc->index = kr_calloc(doc->slots, sizeof(struct kr_toml_value *));
        for (size_t i = 0; i < n; i++)
            if (old[i])
                place(doc, old[i]);
        free(old);
    }
    place(doc, v);
    doc->indexed++;
}

/* Growing leaves the smaller array in the arena: at most as much again as the final one. */
static void attach(struct kr_toml_value *parent, struct kr_toml_value *v)
{
    if (parent->kids.n == parent->kids.cap) {
        size_t cap = parent->kids.cap ? parent->kids.cap * 2 : 4;
        struct kr_toml_value **grown = take(parent->doc, cap * sizeof *grown);
        if (parent->kids.n)
            memcpy(grown, parent->kids.v, parent->kids.n * sizeof *grown);
        parent->kids.v = grown;
        parent->kids.cap = cap;
    }
    parent->kids.v[parent->kids.n++] = v;
}

struct kr_toml_value *kr_toml_add(struct kr_toml_value *parent, const struct toml_text *key,
                                  unsigned line)
{
    if (parent->depth >= KR_TOML_DEPTH)
        return NULL;
    struct kr_toml_value *v = take(parent->doc, sizeof *v);
    v->doc = parent->doc;
    v->depth = parent->depth + 1;
    v->line = line;
    v->parent = parent;
    attach(parent, v);
    if (key) {
        v->key = *key;
        v->hash = hash_of(parent, *key);
        index_add(parent->doc, v);
    }
    return v;
}

struct kr_toml_value *kr_toml_tree(struct kr_toml *doc)
{
    return doc->root;
}

const char *kr_toml_name(const struct kr_toml *doc)
{
    return doc->name;
}

const struct kr_toml_value *kr_toml_root(const struct kr_toml *doc)
{
    return doc->root;
}

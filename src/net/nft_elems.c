#include "nft_elems.h"

#include <kr/mem.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

/* The list is one attribute, whose length has 16 bits; below it each element takes at most 100. */
#define LIST_FULL (UINT16_MAX - 4096)

void kr_nft_elems_reserve(struct kr_nft_elems *s, size_t more)
{
    s->v = kr_grow(s->v, &s->cap, s->n + more, sizeof *s->v);
}

void kr_nft_elems_add(struct kr_nft_elems *s, const void *key, const void *end, const void *data)
{
    s->v = kr_grow(s->v, &s->cap, s->n + 1, sizeof *s->v);
    struct kr_nft_elem *x = &s->v[s->n++];
    memset(x, 0, sizeof *x);
    memcpy(x->key, key, s->key_len);
    memcpy(x->end, end ? end : key, s->key_len);
    if (data)
        memcpy(x->data, data, s->data_len);
}

static void put_value(struct nlmsghdr *m, uint16_t type, const void *data, size_t len)
{
    struct nlattr *outer = mnl_attr_nest_start(m, type);
    mnl_attr_put(m, NFTA_DATA_VALUE, len, data);
    mnl_attr_nest_end(m, outer);
}

size_t kr_nft_elems_put(struct nlmsghdr *m, const struct kr_nft_elems *s, size_t from)
{
    struct nlattr *list = mnl_attr_nest_start(m, NFTA_SET_ELEM_LIST_ELEMENTS);
    const char *begin = (const char *)list;
    for (; from < s->n && (char *)mnl_nlmsg_get_payload_tail(m) - begin < LIST_FULL; from++) {
        struct nlattr *elem = mnl_attr_nest_start(m, NFTA_LIST_ELEM);
        put_value(m, NFTA_SET_ELEM_KEY, s->v[from].key, s->key_len);
        if (s->ranges)
            put_value(m, NFTA_SET_ELEM_KEY_END, s->v[from].end, s->key_len);
        if (s->data_len)
            put_value(m, NFTA_SET_ELEM_DATA, s->v[from].data, s->data_len);
        mnl_attr_nest_end(m, elem);
    }
    mnl_attr_nest_end(m, list);
    return from;
}

/* Does `a` lie whole before `end`? */
static bool ok(const struct nlattr *a, const char *end)
{
    return mnl_attr_ok(a, (int)(end - (const char *)a));
}

static const char *end_of(const struct nlattr *a)
{
    return (const char *)a + MNL_ALIGN(a->nla_len);
}

/* Takes the value inside `outer`. False when it is anything but one value of that length. */
static bool take_value(const struct nlattr *outer, void *out, uint32_t len)
{
    const struct nlattr *a = mnl_attr_get_payload(outer);
    uint16_t room = mnl_attr_get_payload_len(outer);
    if (!mnl_attr_ok(a, room) || mnl_attr_get_type(a) != NFTA_DATA_VALUE ||
        mnl_attr_get_payload_len(a) != len || MNL_ALIGN(a->nla_len) != MNL_ALIGN(room))
        return false;
    memcpy(out, mnl_attr_get_payload(a), len);
    return true;
}

static bool take_attr(const struct kr_nft_elems *s, const struct nlattr *a, struct kr_nft_elem *x,
                      unsigned *seen)
{
    uint16_t type = mnl_attr_get_type(a);
    bool twice = type >= 32 || (*seen >> type & 1);
    *seen |= twice ? 0 : 1u << type;
    if (twice)
        return false;
    if (type == NFTA_SET_ELEM_KEY)
        return take_value(a, x->key, s->key_len);
    if (type == NFTA_SET_ELEM_KEY_END)
        return take_value(a, x->end, s->key_len);
    return type == NFTA_SET_ELEM_DATA && s->data_len && take_value(a, x->data, s->data_len);
}

/* A range without an end is one of a single key (nft_pipapo_insert). */
static bool take_element(const struct kr_nft_elems *s, const struct nlattr *elem,
                         struct kr_nft_elem *x)
{
    unsigned seen = 0;
    const struct nlattr *a = mnl_attr_get_payload(elem);
    memset(x, 0, sizeof *x);
    for (; ok(a, end_of(elem)); a = mnl_attr_next(a))
        if (!take_attr(s, a, x, &seen))
            return false;
    if ((const char *)a != end_of(elem) || !(seen >> NFTA_SET_ELEM_KEY & 1))
        return false;
    if (!(seen >> NFTA_SET_ELEM_KEY_END & 1))
        memcpy(x->end, x->key, sizeof x->end);
    return !s->data_len || (seen >> NFTA_SET_ELEM_DATA & 1);
}

static int take_list(struct kr_nft_elems *s, const struct nlattr *list)
{
    const struct nlattr *elem = mnl_attr_get_payload(list);
    if (ok(elem, end_of(list)))
        kr_nft_elems_reserve(s, (size_t)(end_of(list) - (const char *)elem) / elem->nla_len);
    for (; ok(elem, end_of(list)); elem = mnl_attr_next(elem)) {
        s->v = kr_grow(s->v, &s->cap, s->n + 1, sizeof *s->v);
        s->strange |=
            mnl_attr_get_type(elem) != NFTA_LIST_ELEM || !take_element(s, elem, &s->v[s->n]);
        s->n++;
    }
    return (const char *)elem == end_of(list) ? 0 : -1;
}

int kr_nft_elems_take(struct kr_nft_elems *s, const struct nlmsghdr *m)
{
    const char *end = mnl_nlmsg_get_payload_tail(m);
    if (s->key_len > sizeof s->v->key || s->data_len > sizeof s->v->data)
        s->strange = true;
    if (mnl_nlmsg_get_payload_len(m) < sizeof(struct nfgenmsg))
        return -1;
    const struct nlattr *a = mnl_nlmsg_get_payload_offset(m, sizeof(struct nfgenmsg));
    for (; !s->strange && ok(a, end); a = mnl_attr_next(a))
        if (mnl_attr_get_type(a) == NFTA_SET_ELEM_LIST_ELEMENTS && take_list(s, a))
            return -1;
    return s->strange || (const char *)a == end ? 0 : -1;
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct kr_nft_elem));
}

static bool same(const struct kr_nft_elems *a, const struct kr_nft_elems *b)
{
    return !a->n || memcmp(a->v, b->v, a->n * sizeof *a->v) == 0;
}

/* In most sets they come back in the order they were given. */
const char *kr_nft_elems_differ(struct kr_nft_elems *want, struct kr_nft_elems *got)
{
    if (got->strange || want->key_len != got->key_len || want->data_len != got->data_len)
        return "elements: one has more than a key";
    if (want->n != got->n)
        return want->n < got->n ? "elements: there are more" : "elements: some are missing";
    if (same(want, got))
        return NULL;
    qsort(want->v, want->n, sizeof *want->v, by_bytes);
    qsort(got->v, got->n, sizeof *got->v, by_bytes);
    return same(want, got) ? NULL : "elements";
}

void kr_nft_elems_free(struct kr_nft_elems *s)
{
    free(s->v);
    s->v = NULL;
    s->n = s->cap = 0;
}

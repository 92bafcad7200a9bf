#include "nft_compare_set.h"

#include <kr/mem.h>

#include <libnftnl/set.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

/* Elements as byte strings, sorted, since the kernel returns them in an order of its own. */
struct element {
    uint8_t b[64];
    uint32_t n;
};
struct elements {
    struct element *v;
    size_t n, cap;
    bool strange; /* one has something that none of ours has */
};

static void put(struct element *x, const void *data, uint32_t len)
{
    x->b[x->n++] = (uint8_t)len;
    memcpy(x->b + x->n, data, len);
    x->n += len;
}

static int any_expr(struct nftnl_expr *x, void *arg)
{
    (void)x;
    *(bool *)arg = true;
    return 0;
}

/* A verdict, a timeout, an object, a counter, or flags: an open end of an interval, a catch-all. */
static bool is_strange(struct nftnl_set_elem *from)
{
    static const uint16_t others[] = {NFTNL_SET_ELEM_VERDICT,  NFTNL_SET_ELEM_CHAIN,
                                      NFTNL_SET_ELEM_TIMEOUT,  NFTNL_SET_ELEM_EXPIRATION,
                                      NFTNL_SET_ELEM_USERDATA, NFTNL_SET_ELEM_EXPR,
                                      NFTNL_SET_ELEM_OBJREF,   NFTNL_SET_ELEM_EXPRESSIONS};
    bool strange = nftnl_set_elem_is_set(from, NFTNL_SET_ELEM_FLAGS) &&
                   nftnl_set_elem_get_u32(from, NFTNL_SET_ELEM_FLAGS) != 0;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        strange |= nftnl_set_elem_is_set(from, others[i]);
    nftnl_set_elem_expr_foreach(from, any_expr, &strange);
    return strange;
}

/* An interval without an end is one of a single key (nft_pipapo_insert). */
static int add_element(struct nftnl_set_elem *from, void *arg)
{
    struct elements *list = arg;
    struct element x = {.n = 0};
    uint32_t key_len = 0, end_len = 0, data_len = 0;
    const void *key = nftnl_set_elem_get(from, NFTNL_SET_ELEM_KEY, &key_len);
    const void *end = nftnl_set_elem_is_set(from, NFTNL_SET_ELEM_KEY_END)
                          ? nftnl_set_elem_get(from, NFTNL_SET_ELEM_KEY_END, &end_len)
                          : NULL;
    const void *data = nftnl_set_elem_is_set(from, NFTNL_SET_ELEM_DATA)
                           ? nftnl_set_elem_get(from, NFTNL_SET_ELEM_DATA, &data_len)
                           : NULL;
    list->v = kr_grow(list->v, &list->cap, list->n + 1, sizeof x);
    memset(x.b, 0, sizeof x.b);
    list->strange |= is_strange(from) || !nftnl_set_elem_is_set(from, NFTNL_SET_ELEM_KEY) ||
                     key_len > 20 || end_len > 20 || data_len > 20;
    if (list->strange)
        return 0;
    put(&x, key, key_len);
    put(&x, end ? end : key, end ? end_len : key_len);
    put(&x, data ? data : "", data_len);
    list->v[list->n++] = x;
    return 0;
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct element));
}

static void read_elements(struct nftnl_set *s, struct elements *out)
{
    memset(out, 0, sizeof *out);
    nftnl_set_elem_foreach(s, add_element, out);
    if (out->n)
        qsort(out->v, out->n, sizeof *out->v, by_bytes);
}

static const char *elements_differ(struct nftnl_set *want, struct nftnl_set *got)
{
    struct elements a, b;
    read_elements(want, &a);
    read_elements(got, &b);
    const char *what = NULL;
    if (b.strange)
        what = "elements: one has more than a key";
    else if (a.n != b.n)
        what = a.n < b.n ? "elements: there are more" : "elements: some are missing";
    else if (a.n && memcmp(a.v, b.v, a.n * sizeof *a.v) != 0)
        what = "elements";
    free(a.v);
    free(b.v);
    return what;
}

static bool same_data(const struct nftnl_set *a, const struct nftnl_set *b, uint16_t attr)
{
    uint32_t na = 0, nb = 0;
    const void *x = nftnl_set_is_set(a, attr) ? nftnl_set_get_data(a, attr, &na) : NULL;
    const void *y = nftnl_set_is_set(b, attr) ? nftnl_set_get_data(b, attr, &nb) : NULL;
    return na == nb && (!na || memcmp(x, y, na) == 0);
}

const char *kr_nft_set_differs(struct nftnl_set *want, struct nftnl_set *got)
{
    static const struct {
        uint16_t attr;
        const char *name;
    } numbers[] =
        {
            {NFTNL_SET_FLAGS, "flags"},          {NFTNL_SET_KEY_TYPE, "key type"},
            {NFTNL_SET_KEY_LEN, "key length"},   {NFTNL_SET_DATA_TYPE, "data type"},
            {NFTNL_SET_DATA_LEN, "data length"}, {NFTNL_SET_OBJ_TYPE, "object type"},
        },
      others[] = {
          {NFTNL_SET_TIMEOUT, "timeout"},
          {NFTNL_SET_GC_INTERVAL, "interval of garbage collection"},
          {NFTNL_SET_EXPR, "expression"},
          {NFTNL_SET_EXPRESSIONS, "expressions"},
      };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (nftnl_set_get_u32(want, numbers[i].attr) != nftnl_set_get_u32(got, numbers[i].attr))
            return numbers[i].name;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (nftnl_set_is_set(got, others[i].attr))
            return others[i].name;
    if (!same_data(want, got, NFTNL_SET_DESC_CONCAT))
        return "concatenation";
    return elements_differ(want, got);
}

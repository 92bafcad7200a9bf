#include "nft_make.h"

#include <kr/err.h>
#include <kr/mem.h>

#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Of libnftables' datatypes, which travel in a set's key type so that nft(8) prints it rightly. */
enum { TYPE_INTEGER = 4, TYPE_IPADDR = 7, TYPE_IP6ADDR = 8, TYPE_PROTO = 12, TYPE_SERVICE = 13 };
enum { TYPE_IFINDEX = 20 };
#define CONCAT(a, b) ((uint32_t)(a) << 6 | (b))
/* A set's userdata is what nft(8) 1.0.6 keeps for its own printing: the order of bytes and, for
 * `typeof`, the expression the key was written as, by nft's own numbers. */
enum { ORDER_NONE = 0, ORDER_HOST = 1, ORDER_NETWORK = 2 };
enum { EXPR_META = 9, EXPR_CONCAT = 13 };

struct kr_nft *kr_nft_new(void)
{
    return kr_calloc(1, sizeof(struct kr_nft));
}

void kr_nft_set_owner(struct kr_nft *r, uint32_t port)
{
    r->owner = port;
}

struct kr_nft_table *kr_nft_table(struct kr_nft *r, int family, const char *name)
{
    struct kr_nft_table *t = kr_calloc(1, sizeof *t);
    t->ruleset = r;
    t->family = family;
    snprintf(t->name, sizeof t->name, "%s", name);
    r->v = kr_grow(r->v, &r->cap, r->n + 1, sizeof *r->v);
    r->v[r->n++] = t;
    return t;
}

struct kr_nft_table *kr_nft_find_table(const struct kr_nft *r, int family, const char *name)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->v[i]->family == family && strcmp(r->v[i]->name, name) == 0)
            return r->v[i];
    return NULL;
}

void kr_nft_counter(struct kr_nft_table *t, const char *name)
{
    t->counters = kr_grow(t->counters, &t->cap_counters, t->n_counters + 1, sizeof *t->counters);
    struct kr_nft_counter *c = &t->counters[t->n_counters++];
    *c = (struct kr_nft_counter){0};
    snprintf(c->name, sizeof c->name, "%s", name);
}

static struct kr_nft_set *new_set(struct kr_nft_table *t, const char *name, bool anonymous)
{
    struct kr_nft_set *s = kr_calloc(1, sizeof *s);
    s->table = t;
    s->anonymous = anonymous;
    s->id = ++t->ruleset->sets;
    snprintf(s->name, sizeof s->name, "%s", name);
    s->nl = nftnl_set_alloc();
    nftnl_set_set_str(s->nl, NFTNL_SET_TABLE, t->name);
    nftnl_set_set_str(s->nl, NFTNL_SET_NAME, name);
    nftnl_set_set_u32(s->nl, NFTNL_SET_FAMILY, (uint32_t)t->family);
    nftnl_set_set_u32(s->nl, NFTNL_SET_ID, s->id);
    t->sets = kr_grow(t->sets, &t->cap_sets, t->n_sets + 1, sizeof *t->sets);
    t->sets[t->n_sets++] = s;
    return s;
}

static struct nftnl_udata_buf *userdata(uint32_t key_order)
{
    struct nftnl_udata_buf *u = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);
    if (!u)
        _exit(KR_INTERNAL);
    nftnl_udata_put_u32(u, NFTNL_UDATA_SET_KEYBYTEORDER, key_order);
    return u;
}

/* `meta`: the key a META expression loads; nothing more is said of a concatenation. */
static void put_typeof(struct nftnl_udata_buf *u, uint32_t expr, const uint32_t *meta)
{
    struct nftnl_udata *key = nftnl_udata_nest_start(u, NFTNL_UDATA_SET_KEY_TYPEOF);
    nftnl_udata_put_u32(u, NFTNL_UDATA_SET_TYPEOF_EXPR, expr);
    struct nftnl_udata *data = nftnl_udata_nest_start(u, NFTNL_UDATA_SET_TYPEOF_DATA);
    if (meta)
        nftnl_udata_put_u32(u, 0, *meta);
    nftnl_udata_nest_end(u, data);
    nftnl_udata_nest_end(u, key);
}

static void set_userdata(struct kr_nft_set *s, struct nftnl_udata_buf *u)
{
    nftnl_set_set_data(s->nl, NFTNL_SET_USERDATA, nftnl_udata_buf_data(u), nftnl_udata_buf_len(u));
    nftnl_udata_buf_free(u);
}

static void set_key(struct kr_nft_set *s, uint32_t type, uint32_t len)
{
    nftnl_set_set_u32(s->nl, NFTNL_SET_KEY_TYPE, type);
    nftnl_set_set_u32(s->nl, NFTNL_SET_KEY_LEN, len);
    s->elems.key_len = len;
}

static void say_port(const struct kr_nft_set *s, const struct kr_nft_elem *x, struct kr_buf *out)
{
    (void)s;
    kr_buf_printf(out, "%u", (unsigned)x->key[0] << 8 | x->key[1]);
}

struct kr_nft_set *kr_nft_port_set(struct kr_nft_table *t, const char *name)
{
    struct kr_nft_set *s = new_set(t, name, false);
    nftnl_set_set_u32(s->nl, NFTNL_SET_FLAGS, 0);
    set_key(s, TYPE_SERVICE, 2);
    set_userdata(s, userdata(ORDER_NETWORK));
    s->type = "inet_service";
    s->say = say_port;
    return s;
}

void kr_nft_port_add(struct kr_nft_set *s, uint16_t port)
{
    uint16_t key = htons(port);
    kr_nft_elems_add(&s->elems, &key, NULL, NULL);
}

static const char *name_of(const struct kr_nft_set *s, unsigned index)
{
    for (size_t i = 0; i < s->n_names; i++)
        if (s->names[i].index == index)
            return s->names[i].name;
    return NULL;
}

static void keep_name(struct kr_nft_set *s, unsigned index, const char *name)
{
    if (name_of(s, index))
        return;
    s->names = kr_grow(s->names, &s->cap_names, s->n_names + 1, sizeof *s->names);
    struct kr_nft_ifname *x = &s->names[s->n_names++];
    x->index = index;
    snprintf(x->name, sizeof x->name, "%s", name);
}

/* The bits in which the first and the last address differ are those of the host. */
static void say_lan(const struct kr_nft_set *s, const struct kr_nft_elem *x, struct kr_buf *out)
{
    char text[KR_ADDRSTRLEN];
    uint32_t index, size = s->elems.key_len - (uint32_t)sizeof index;
    struct kr_addr a = kr_addr_make(size == 4 ? AF_INET : AF_INET6, x->key);
    int host = 0;
    for (uint32_t i = 0; i < size; i++)
        host += __builtin_popcount(x->key[i] ^ x->end[i]);
    memcpy(&index, x->key + size, sizeof index);
    kr_buf_printf(out, "%s", kr_addr_str(&a, text));
    if (host)
        kr_buf_printf(out, "/%d", (int)(8 * size) - host);
    kr_buf_printf(out, " . \"%s\"", name_of(s, ntohl(index)));
}

struct kr_nft_set *kr_nft_lan_set(struct kr_nft_table *t, const char *name, int family)
{
    bool v4 = family == AF_INET;
    const uint8_t fields[2] = {v4 ? 4 : 16, 4};
    struct kr_nft_set *s = new_set(t, name, false);
    nftnl_set_set_u32(s->nl, NFTNL_SET_FLAGS, NFT_SET_INTERVAL | NFT_SET_CONCAT);
    set_key(s, v4 ? CONCAT(TYPE_IPADDR, TYPE_IFINDEX) : CONCAT(TYPE_IP6ADDR, TYPE_IFINDEX),
            (uint32_t)fields[0] + fields[1]);
    nftnl_set_set_data(s->nl, NFTNL_SET_DESC_CONCAT, fields, sizeof fields);
    struct nftnl_udata_buf *u = userdata(ORDER_NONE);
    put_typeof(u, EXPR_CONCAT, NULL);
    set_userdata(s, u);
    s->elems.ranges = true;
    s->type = v4 ? "ipv4_addr . iface_index" : "ipv6_addr . iface_index";
    s->say = say_lan;
    return s;
}

void kr_nft_lan_add(struct kr_nft_set *s, const struct kr_prefix *p, unsigned ifindex,
                    const char *ifname)
{
    uint8_t key[20], end[20];
    uint32_t index = htonl(ifindex);
    bool v4 = kr_prefix_is_v4(p);
    uint32_t len = v4 ? 4 : 16;
    struct kr_addr last = kr_prefix_last(p);
    memcpy(key, p->addr.b + 16 - len, len);
    memcpy(end, last.b + 16 - len, len);
    memcpy(key + len, &index, sizeof index);
    memcpy(end + len, &index, sizeof index);
    kr_nft_elems_add(&s->elems, key, end, NULL);
    keep_name(s, ifindex, ifname);
}

static struct kr_addr plus(const struct kr_addr *a, uint32_t n)
{
    struct kr_addr out = *a;
    for (unsigned i = 16; i-- > 0 && n;) {
        n += out.b[i];
        out.b[i] = (uint8_t)n;
        n >>= 8;
    }
    return out;
}

static void say_sink(const struct kr_nft_set *s, const struct kr_nft_elem *x, struct kr_buf *out)
{
    char text[KR_ADDRSTRLEN];
    uint32_t number;
    struct kr_addr a = kr_addr_make(s->elems.data_len == 4 ? AF_INET : AF_INET6, x->data);
    memcpy(&number, x->key, sizeof number);
    kr_buf_printf(out, "%u : %s", number, kr_addr_str(&a, text));
}

/* The map behind a dnat: a number to an address. */
static struct kr_nft_set *sink_map(struct kr_nft_table *t, const struct kr_addr *first, uint32_t n)
{
    bool v4 = kr_addr_is_v4(first);
    uint32_t len = v4 ? 4 : 16;
    struct kr_nft_set *s = new_set(t, "__map%d", true);
    nftnl_set_set_u32(s->nl, NFTNL_SET_FLAGS, NFT_SET_ANONYMOUS | NFT_SET_CONSTANT | NFT_SET_MAP);
    set_key(s, TYPE_INTEGER, 4);
    nftnl_set_set_u32(s->nl, NFTNL_SET_DATA_TYPE, v4 ? TYPE_IPADDR : TYPE_IP6ADDR);
    nftnl_set_set_u32(s->nl, NFTNL_SET_DATA_LEN, len);
    nftnl_set_set_u32(s->nl, NFTNL_SET_DESC_SIZE, n);
    struct nftnl_udata_buf *u = userdata(ORDER_HOST);
    nftnl_udata_put_u32(u, NFTNL_UDATA_SET_DATABYTEORDER, ORDER_NETWORK);
    nftnl_udata_put_u32(u, NFTNL_UDATA_SET_DATA_INTERVAL, 0);
    set_userdata(s, u);
    s->elems.data_len = len;
    s->say = say_sink;
    kr_nft_elems_reserve(&s->elems, n);
    for (uint32_t i = 0; i < n; i++) {
        struct kr_addr a = plus(first, i);
        kr_nft_elems_add(&s->elems, &i, NULL, a.b + 16 - len);
    }
    return s;
}

static struct kr_nft_set *used_by(struct kr_nft_rule *r, struct kr_nft_set *s)
{
    r->sets = kr_grow(r->sets, &r->cap_sets, r->n_sets + 1, sizeof *r->sets);
    return r->sets[r->n_sets++] = s;
}

struct kr_nft_set *kr_nft_sink_map(struct kr_nft_rule *r, const struct kr_addr *first, uint32_t n)
{
    return used_by(r, sink_map(r->chain->table, first, n));
}

static void say_proto(const struct kr_nft_set *s, const struct kr_nft_elem *x, struct kr_buf *out)
{
    (void)s;
    kr_buf_printf(out, "%u", x->key[0]);
}

struct kr_nft_set *kr_nft_proto_set(struct kr_nft_rule *r, const uint8_t *protos, size_t n)
{
    const uint32_t l4proto = NFT_META_L4PROTO;
    struct kr_nft_set *s = used_by(r, new_set(r->chain->table, "__set%d", true));
    nftnl_set_set_u32(s->nl, NFTNL_SET_FLAGS, NFT_SET_ANONYMOUS | NFT_SET_CONSTANT);
    set_key(s, TYPE_PROTO, 1);
    nftnl_set_set_u32(s->nl, NFTNL_SET_DESC_SIZE, (uint32_t)n);
    struct nftnl_udata_buf *u = userdata(ORDER_HOST);
    put_typeof(u, EXPR_META, &l4proto);
    set_userdata(s, u);
    s->say = say_proto;
    for (size_t i = 0; i < n; i++)
        kr_nft_elems_add(&s->elems, protos + i, NULL, NULL);
    return s;
}

struct kr_nft_chain *kr_nft_chain(struct kr_nft_table *t, const char *name)
{
    struct kr_nft_chain *c = kr_calloc(1, sizeof *c);
    c->table = t;
    snprintf(c->name, sizeof c->name, "%s", name);
    t->chains = kr_grow(t->chains, &t->cap_chains, t->n_chains + 1, sizeof *t->chains);
    t->chains[t->n_chains++] = c;
    return c;
}

struct kr_nft_chain *kr_nft_base_chain(struct kr_nft_table *t, const char *name,
                                       const struct kr_nft_hook *h)
{
    struct kr_nft_chain *c = kr_nft_chain(t, name);
    c->base = true;
    c->hook = *h;
    if (h->device)
        snprintf(c->device, sizeof c->device, "%s", h->device);
    c->hook.device = h->device ? c->device : NULL;
    return c;
}

void kr_nft_put_off(struct kr_nft_chain *c)
{
    c->put_off = true;
}

/* What nft(8) could not read back inside quotes, or not keep, is left out here as well. */
static char *tidy_comment(const char *comment)
{
    char *text = kr_strdup(comment);
    if (strlen(text) > NFTNL_UDATA_COMMENT_MAXLEN - 1)
        text[NFTNL_UDATA_COMMENT_MAXLEN - 1] = '\0';
    for (char *p = text; *p; p++)
        if (*p == '"' || *p == '\n')
            *p = '\'';
    return text;
}

struct kr_nft_rule *kr_nft_rule(struct kr_nft_chain *c, const char *comment)
{
    struct kr_nft_rule *r = kr_calloc(1, sizeof *r);
    r->chain = c;
    r->comment = comment && *comment ? tidy_comment(comment) : NULL;
    c->v = kr_grow(c->v, &c->cap, c->n + 1, sizeof *c->v);
    c->v[c->n++] = r;
    return r;
}

static void free_rule(struct kr_nft_rule *r)
{
    for (size_t i = 0; i < r->n; i++)
        nftnl_expr_free(r->v[i]);
    free(r->sets);
    free(r->comment);
    kr_buf_free(&r->text);
    free(r);
}

static void free_table(struct kr_nft_table *t)
{
    for (size_t i = 0; i < t->n_sets; i++) {
        nftnl_set_free(t->sets[i]->nl);
        kr_nft_elems_free(&t->sets[i]->elems);
        free(t->sets[i]->names);
        free(t->sets[i]);
    }
    for (size_t i = 0; i < t->n_chains; i++) {
        for (size_t k = 0; k < t->chains[i]->n; k++)
            free_rule(t->chains[i]->v[k]);
        free(t->chains[i]->v);
        free(t->chains[i]);
    }
    free(t->counters);
    free(t->sets);
    free(t->chains);
    free(t);
}

void kr_nft_free(struct kr_nft *r)
{
    for (size_t i = 0; r && i < r->n; i++)
        free_table(r->v[i]);
    if (r)
        free(r->v);
    free(r);
}

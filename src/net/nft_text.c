#include "nft_make.h"

#include <linux/netfilter.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void kr_nft_word(struct kr_nft_rule *r, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof text)
        abort();
    kr_buf_add(&r->text, " ", r->text.len != 0);
    kr_buf_add(&r->text, text, (size_t)n);
}

static const char *hook_name(int family, unsigned hook)
{
    static const char *const inet[] = {"prerouting", "input", "forward", "output", "postrouting"};
    static const char *const netdev[] = {"ingress", "egress"};
    if (family == NFPROTO_NETDEV)
        return netdev[hook == NF_NETDEV_EGRESS];
    return hook < 5 ? inet[hook] : "?";
}

static void elements_text(const struct kr_nft_set *s, struct kr_buf *out)
{
    for (size_t i = 0; i < s->elems.n; i++) {
        kr_buf_add(out, ", ", i ? 2 : 0);
        s->say(s, &s->elems.v[i], out);
    }
}

void kr_nft_rule_text(const struct kr_nft_rule *r, struct kr_buf *out)
{
    const char *s = kr_buf_str(&r->text);
    for (size_t i = 0; i < r->n_sets; i++) {
        size_t n = strcspn(s, KR_NFT_ELEMENTS);
        kr_buf_add(out, s, n);
        elements_text(r->sets[i], out);
        s += n + (s[n] != '\0');
    }
    kr_buf_text(out, s);
}

static void set_text(const struct kr_nft_set *s, struct kr_buf *out)
{
    bool interval = nftnl_set_get_u32(s->nl, NFTNL_SET_FLAGS) != 0;
    kr_buf_printf(out, "\tset %s {\n\t\ttype %s\n", s->name, s->type);
    if (interval)
        kr_buf_printf(out, "\t\tflags interval\n");
    if (s->elems.n) {
        kr_buf_printf(out, "\t\telements = { ");
        elements_text(s, out);
        kr_buf_printf(out, " }\n");
    }
    kr_buf_printf(out, "\t}\n\n");
}

static void rule_text(const struct kr_nft_rule *r, struct kr_buf *out)
{
    kr_buf_printf(out, "\t\t");
    kr_nft_rule_text(r, out);
    if (r->comment)
        kr_buf_printf(out, " comment \"%s\"", r->comment);
    kr_buf_printf(out, "\n");
}

static void chain_text(const struct kr_nft_chain *c, struct kr_buf *out)
{
    kr_buf_printf(out, "\tchain %s {\n", c->name);
    if (c->base && c->hook.device)
        kr_buf_printf(out, "\t\ttype %s hook %s device \"%s\" priority %d; policy %s;\n",
                      c->hook.type, hook_name(c->table->family, c->hook.hook), c->device,
                      c->hook.priority, c->hook.drop ? "drop" : "accept");
    else if (c->base)
        kr_buf_printf(out, "\t\ttype %s hook %s priority %d; policy %s;\n", c->hook.type,
                      hook_name(c->table->family, c->hook.hook), c->hook.priority,
                      c->hook.drop ? "drop" : "accept");
    for (size_t i = 0; i < c->n; i++)
        rule_text(c->v[i], out);
    kr_buf_printf(out, "\t}\n");
}

static void table_text(const struct kr_nft_table *t, struct kr_buf *out)
{
    kr_buf_printf(out, "table %s %s {\n", t->family == NFPROTO_NETDEV ? "netdev" : "inet", t->name);
    for (size_t i = 0; i < t->n_counters; i++)
        kr_buf_printf(out, "\tcounter %s {\n\t}\n\n", t->counters[i].name);
    for (size_t i = 0; i < t->n_sets; i++)
        if (!t->sets[i]->anonymous)
            set_text(t->sets[i], out);
    for (size_t i = 0; i < t->n_chains; i++) {
        kr_buf_printf(out, "%s", i ? "\n" : "");
        chain_text(t->chains[i], out);
    }
    kr_buf_printf(out, "}\n");
}

void kr_nft_text(const struct kr_nft *r, struct kr_buf *out)
{
    for (size_t i = 0; i < r->n; i++)
        table_text(r->v[i], out);
}

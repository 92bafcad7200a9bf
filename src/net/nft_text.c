#include "nft_make.h"

#include <kr/mem.h>

#include <linux/netfilter.h>
#include <stdarg.h>
#include <stddef.h>

void kr_nft_word(struct kr_nft_rule *r, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    size_t n = (size_t)vsnprintf(NULL, 0, fmt, ap) + 1;
    va_end(ap);
    KR_AUTO_FREE char *text = kr_calloc(n, 1);
    vsnprintf(text, n, fmt, again);
    va_end(again);
    kr_buf_printf(&r->text, "%s%s", r->text.len ? " " : "", text);
}

static const char *hook_name(int family, unsigned hook)
{
    static const char *const inet[] = {"prerouting", "input", "forward", "output", "postrouting"};
    static const char *const netdev[] = {"ingress", "egress"};
    if (family == NFPROTO_NETDEV)
        return netdev[hook == NF_NETDEV_EGRESS];
    return hook < 5 ? inet[hook] : "?";
}

static void set_text(const struct kr_nft_set *s, struct kr_buf *out)
{
    bool interval = nftnl_set_get_u32(s->nl, NFTNL_SET_FLAGS) != 0;
    kr_buf_printf(out, "\tset %s {\n\t\ttype %s\n", s->name, kr_buf_str(&s->type));
    if (interval)
        kr_buf_printf(out, "\t\tflags interval\n");
    if (s->n)
        kr_buf_printf(out, "\t\telements = { %s }\n", kr_buf_str(&s->elements));
    kr_buf_printf(out, "\t}\n\n");
}

static void rule_text(const struct kr_nft_rule *r, struct kr_buf *out)
{
    kr_buf_printf(out, "\t\t%s", kr_buf_str(&r->text));
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
        kr_buf_printf(out, "\tcounter %s {\n\t}\n\n", t->counters[i]);
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

#include <kr/sink_tls_names.h>

#include <kr/err.h>
#include <kr/mem.h>

#include <stdio.h>
#include <string.h>

bool kr_tls_is_name(const char *name)
{
    size_t n = strlen(name);
    return n && n <= 253 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == n;
}

static int parse(const char *text, struct kr_tls_name *out, struct kr_err *e)
{
    const char *sign = strchr(text, '=');
    char prefix[KR_ADDRSTRLEN];
    out->name = sign ? sign + 1 : text;
    if (!kr_tls_is_name(out->name))
        return kr_fail(e, KR_USAGE, 0, "--tls-name '%s' names no host", text);
    if (!sign)
        return 0;
    snprintf(prefix, sizeof prefix, "%.*s", (int)(sign - text), text);
    return kr_prefix_parse(prefix, &out->to, e) ? kr_wrap(e, "--tls-name") : 0;
}

int kr_tls_names_add(struct kr_tls_names *l, const char *text, struct kr_err *e)
{
    struct kr_tls_name one = {0};
    if (parse(text, &one, e))
        return -1;
    l->v = kr_grow(l->v, &l->cap, l->n + 1, sizeof *l->v);
    l->v[l->n++] = one;
    return 0;
}

const char *kr_tls_name_for(const struct kr_tls_names *l, const struct kr_addr *meant)
{
    for (size_t i = 0; i < l->n; i++)
        if (kr_prefix_has(&l->v[i].to, meant))
            return l->v[i].name;
    return NULL;
}

#include "mta_params.h"

#include <kr/mem.h>

#include <ctype.h>
#include <string.h>

const char *kr_mta_trim(const char *s, size_t *len)
{
    while (*len && isspace((unsigned char)*s)) {
        s++;
        --*len;
    }
    while (*len && isspace((unsigned char)s[*len - 1]))
        --*len;
    return s;
}

static char *copy(const char *s, size_t len)
{
    char *out = kr_calloc(len + 1, 1);
    memcpy(out, s, len);
    return out;
}

void kr_mta_param_set(struct kr_mta_params *p, const char *name, size_t name_len, const char *value,
                      size_t len, unsigned line)
{
    p->v = kr_grow(p->v, &p->cap, p->n + 1, sizeof *p->v);
    p->v[p->n++] = (struct kr_mta_param){copy(name, name_len), copy(value, len), line};
}

void kr_mta_param_assign(struct kr_mta_params *p, const char *text, size_t len, unsigned line)
{
    const char *eq = memchr(text, '=', len);
    size_t name_len = eq ? (size_t)(eq - text) : len, value_len = eq ? len - name_len - 1 : 0;
    const char *name = kr_mta_trim(text, &name_len);
    const char *value = kr_mta_trim(eq ? eq + 1 : text + len, &value_len);
    kr_mta_param_set(p, name, name_len, value, value_len, line);
}

const struct kr_mta_param *kr_mta_param_get(const struct kr_mta_params *p, const char *name,
                                            size_t len)
{
    for (size_t i = p->n; i-- > 0;)
        if (strlen(p->v[i].name) == len && memcmp(p->v[i].name, name, len) == 0)
            return &p->v[i];
    return NULL;
}

const char *kr_mta_param_value(const struct kr_mta_params *p, const char *name)
{
    const struct kr_mta_param *found = kr_mta_param_get(p, name, strlen(name));
    return found ? found->value : NULL;
}

void kr_mta_params_free(struct kr_mta_params *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free(p->v[i].name);
        free(p->v[i].value);
    }
    free(p->v);
    memset(p, 0, sizeof *p);
}

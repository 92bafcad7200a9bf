#include "toml_parse.h"

#include <string.h>

struct part {
    struct toml_text key;
    const char *from, *to; /* as written */
};

static int parse_part(struct toml_parser *p, struct part *out)
{
    static const char bare[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    char said[TOML_QUOTED];
    size_t n = strspn(p->at, bare);
    out->from = p->at;
    if (n) {
        out->key = kr_toml_keep(p->doc, p->at, n);
        p->at += n;
    } else if (*p->at != '"' && *p->at != '\'') {
        return kr_toml_fail(p, p->at, "a key must stand here, not %s", kr_toml_found(p->at, said));
    } else if (p->at[1] == *p->at && p->at[2] == *p->at) {
        return kr_toml_fail(p, p->at, "a key can't be a multi-line string");
    } else if (kr_toml_parse_string(p, &out->key)) {
        return -1;
    }
    out->to = p->at;
    return 0;
}

static struct kr_toml_value *taken(struct toml_parser *p, const struct part *part,
                                   const struct kr_toml_value *by, const char *how)
{
    char said[TOML_QUOTED];
    kr_toml_fail(p, part->from, "%s %s (%s, line %u)", kr_toml_quote(part->from, part->to, said),
                 how, kr_toml_type_name(by->type), by->line);
    return NULL;
}

static struct kr_toml_value *new_table(struct toml_parser *p, struct kr_toml_value *parent,
                                       const struct part *part, enum toml_form form)
{
    struct kr_toml_value *v = kr_toml_child(p, parent, part ? &part->key : NULL, p->at);
    if (v) {
        v->type = KR_TOML_TABLE;
        v->form = form;
    }
    return v;
}

typedef struct kr_toml_value *step_fn(struct toml_parser *, struct kr_toml_value *,
                                      const struct part *);

/* Into `part` of a dotted key: what a header defined, or what is closed, can't be added to. */
static struct kr_toml_value *step_dotted(struct toml_parser *p, struct kr_toml_value *table,
                                         const struct part *part)
{
    struct kr_toml_value *v = kr_toml_find(table, part->key);
    if (!v)
        return new_table(p, table, part, TOML_DOTTED);
    if (v->type != KR_TOML_TABLE || v->form == TOML_CLOSED || v->form == TOML_HEADER)
        return taken(p, part, v, "is defined already and can't be added to");
    v->form = TOML_DOTTED;
    return v;
}

/* Into `part` of a header: the last element of an array of tables stands for it. */
static struct kr_toml_value *step_header(struct toml_parser *p, struct kr_toml_value *table,
                                         const struct part *part)
{
    struct kr_toml_value *v = kr_toml_find(table, part->key);
    if (!v)
        return new_table(p, table, part, TOML_IMPLICIT);
    if (v->type == KR_TOML_ARRAY && v->form == TOML_ELEMENTS)
        return v->kids.v[v->kids.n - 1];
    if (v->type != KR_TOML_TABLE || v->form == TOML_CLOSED)
        return taken(p, part, v, "is defined already and can't be added to");
    return v;
}

/* Reads a.b.c, steps into all but the last part and returns that. */
static int parse_path(struct toml_parser *p, step_fn *step, struct kr_toml_value **table,
                      struct part *last)
{
    for (;;) {
        if (parse_part(p, last))
            return -1;
        kr_toml_skip_space(p);
        if (*p->at != '.')
            return 0;
        p->at++;
        kr_toml_skip_space(p);
        *table = step(p, *table, last);
        if (!*table)
            return -1;
    }
}

int kr_toml_parse_keyval(struct toml_parser *p, struct kr_toml_value *table)
{
    char said[TOML_QUOTED];
    struct part last = {0};
    if (parse_path(p, step_dotted, &table, &last))
        return -1;
    const struct kr_toml_value *old = kr_toml_find(table, last.key);
    if (old) {
        taken(p, &last, old, "is defined already");
        return -1;
    }
    if (*p->at != '=')
        return kr_toml_fail(p, p->at, "'=' must follow the key, not %s",
                            kr_toml_found(p->at, said));
    struct kr_toml_value *v = kr_toml_child(p, table, &last.key, last.from);
    if (!v)
        return -1;
    p->at++;
    kr_toml_skip_space(p);
    return kr_toml_parse_value(p, v);
}

static struct kr_toml_value *open_table(struct toml_parser *p, struct kr_toml_value *parent,
                                        const struct part *last)
{
    struct kr_toml_value *v = kr_toml_find(parent, last->key);
    if (!v)
        return new_table(p, parent, last, TOML_HEADER);
    if (v->type != KR_TOML_TABLE || v->form != TOML_IMPLICIT)
        return taken(p, last, v, "is defined already");
    v->form = TOML_HEADER;
    v->line = p->line;
    return v;
}

static struct kr_toml_value *open_element(struct toml_parser *p, struct kr_toml_value *parent,
                                          const struct part *last)
{
    struct kr_toml_value *v = kr_toml_find(parent, last->key);
    if (v && (v->type != KR_TOML_ARRAY || v->form != TOML_ELEMENTS))
        return taken(p, last, v, "is defined already and is no array of tables");
    if (!v) {
        v = kr_toml_child(p, parent, &last->key, last->from);
        if (!v)
            return NULL;
        v->type = KR_TOML_ARRAY;
        v->form = TOML_ELEMENTS;
    }
    return new_table(p, v, NULL, TOML_HEADER);
}

int kr_toml_parse_header(struct toml_parser *p, struct kr_toml_value **table)
{
    char said[TOML_QUOTED];
    const char *close = p->at[1] == '[' ? "]]" : "]";
    struct kr_toml_value *parent = kr_toml_tree(p->doc);
    struct part last = {0};
    p->at += strlen(close);
    kr_toml_skip_space(p);
    if (parse_path(p, step_header, &parent, &last))
        return -1;
    if (strncmp(p->at, close, strlen(close)) != 0)
        return kr_toml_fail(p, p->at, "'%s' must follow the name of the table, not %s", close,
                            kr_toml_found(p->at, said));
    p->at += strlen(close);
    *table = close[1] ? open_element(p, parent, &last) : open_table(p, parent, &last);
    return *table ? 0 : -1;
}

/* A TOML document as the reader builds it: values in one arena, and one index over all keys. */
#ifndef KR_TOML_TREE_H
#define KR_TOML_TREE_H

#include <kr/toml.h>

/* How a table or an array came to be, which decides what may be added to it. */
enum toml_form {
    TOML_IMPLICIT, /* only part of a header's path so far */
    TOML_HEADER,   /* [a], an element of [[a]], the root */
    TOML_DOTTED,   /* a in a.b = 1 */
    TOML_CLOSED,   /* { ... } or [ ... ]: nothing is ever added */
    TOML_ELEMENTS, /* the array behind [[a]] */
};

struct toml_text {
    const char *s;
    size_t len;
};

struct kr_toml_value {
    enum kr_toml_type type;
    enum toml_form form;
    unsigned line, depth;
    uint64_t hash;
    struct kr_toml *doc;
    const struct kr_toml_value *parent;
    struct toml_text key, text; /* text: strings, date-times, integers in decimal */
    union {
        int64_t integer;
        double number;
        bool truth;
        struct {
            struct kr_toml_value **v;
            size_t n, cap;
        } kids;
    };
};

#define KR_TOML_DEPTH 128

struct kr_toml *kr_toml_new(const char *name);
struct kr_toml_value *kr_toml_tree(struct kr_toml *doc); /* the root, to be written to */
/* A copy that lives as long as the document, with a NUL behind it. */
struct toml_text kr_toml_keep(struct kr_toml *doc, const char *s, size_t len);
struct kr_toml_value *kr_toml_find(const struct kr_toml_value *table, struct toml_text key);
/* Adds a child of no type yet; key is NULL in an array, else kept already and not in the table.
 * NULL when it would stand more than KR_TOML_DEPTH levels deep. */
struct kr_toml_value *kr_toml_add(struct kr_toml_value *parent, const struct toml_text *key,
                                  unsigned line);

#endif

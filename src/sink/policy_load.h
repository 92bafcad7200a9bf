/* How TOML becomes a policy: tables of fields, and one engine for them. */
#ifndef KR_POLICY_LOAD_H
#define KR_POLICY_LOAD_H

#include <kr/toml.h>

#include "policy_internal.h"

struct load {
    const struct kr_toml *doc;
    struct kr_policy *p;
    struct kr_err *e;
    bool replace; /* answers take the place of those that are there */
};

/* A key of a table, where its value goes, and what may be its value. */
struct field {
    const char *key;
    int (*set)(struct load *l, const struct kr_toml_value *v, const struct field *f, void *at);
    size_t offset;
    const char *const *words; /* NULL-terminated; of set_choice */
};
struct fields {
    const struct field *row;
    size_t n;
};

/* "NAME:LINE: ..."; always -1. */
int load_bad(struct load *l, const struct kr_toml_value *v, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int load_want(struct load *l, const struct kr_toml_value *v, enum kr_toml_type type);
/* Sets the fields of `into` from a table; a key that is no field is an error that names it. */
int load_fields(struct load *l, const struct kr_toml_value *table, const struct fields *f,
                void *into);

typedef int setter(struct load *l, const struct kr_toml_value *v, const struct field *f, void *at);
setter set_bool, set_percent, set_number, set_count, set_duration, set_choice, set_patterns,
    set_prefixes, set_delay, set_text;
setter set_answers; /* {code, msg, weight}, or an array of them */

/* An answer as the file has it. */
struct raw_answer {
    const struct kr_toml_value *msg; /* a string, or NULL */
    uint64_t code;
    double weight;
};
int load_answer(struct load *l, const struct kr_toml_value *v, const struct raw_answer *raw,
                struct kr_answers *to);

struct kr_site *load_site(struct load *l, const char *name); /* made when there is none */
int load_key(struct load *l, const struct kr_toml_value *v, const char *name, bool exact,
             struct kr_site *s);
int load_provider(struct load *l, const struct kr_toml_value *v);
int load_default(struct load *l, const struct kr_toml_value *v);
int load_rule(struct load *l, const struct kr_toml_value *v);
/* set."NAME".KEY = VALUE, of "default", a provider or a domain, over what the file says. */
int load_settings(struct load *l, const struct kr_toml_value *root);
const struct fields *site_fields(void); /* what may stand in [default], and so be set */

#endif

/* Settings of a configuration file. */
#ifndef KR_MTA_PARAMS_H
#define KR_MTA_PARAMS_H

#include <stddef.h>

/* "name = value" of a file, in its order. The last of a name counts. */
struct kr_mta_param {
    char *name, *value; /* as it is written */
    unsigned line;
};
struct kr_mta_params {
    struct kr_mta_param *v;
    size_t n, cap;
};
void kr_mta_param_set(struct kr_mta_params *p, const char *name, size_t name_len, const char *value,
                      size_t len, unsigned line);
/* From "name = value"; without '=' the value is empty. */
void kr_mta_param_assign(struct kr_mta_params *p, const char *text, size_t len, unsigned line);
const struct kr_mta_param *kr_mta_param_get(const struct kr_mta_params *p, const char *name,
                                            size_t len);
/* The value of a name, or NULL. */
const char *kr_mta_param_value(const struct kr_mta_params *p, const char *name);
void kr_mta_params_free(struct kr_mta_params *p);
const char *kr_mta_trim(const char *s, size_t *len); /* without white space at either end */

#endif

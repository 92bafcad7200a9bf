/* TOML 1.0 reader: the whole language; every value knows the line it stood on. */
#ifndef KR_TOML_H
#define KR_TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kr_err;

enum kr_toml_type {
    KR_TOML_STRING,
    KR_TOML_INTEGER,
    KR_TOML_FLOAT,
    KR_TOML_BOOL,
    KR_TOML_DATETIME,
    KR_TOML_ARRAY,
    KR_TOML_TABLE,
};
const char *kr_toml_type_name(enum kr_toml_type t);

struct kr_toml;       /* a document */
struct kr_toml_value; /* a value inside one; lives as long as the document */

/* Reads a file, or `text` of `len` bytes named `name`. Returns NULL with e set (KR_USAGE) as
 * "NAME:LINE:COLUMN: what is wrong, quoting it"; a file that can't be read says why. */
struct kr_toml *kr_toml_read_file(const char *path, struct kr_err *e);
struct kr_toml *kr_toml_read(const char *name, const char *text, size_t len, struct kr_err *e);
void kr_toml_free(struct kr_toml *doc);

const char *kr_toml_name(const struct kr_toml *doc);
const struct kr_toml_value *kr_toml_root(const struct kr_toml *doc); /* a table */

enum kr_toml_type kr_toml_type(const struct kr_toml_value *v);
unsigned kr_toml_line(const struct kr_toml_value *v);
/* Children of a table (in file order, with key) or of an array (key is NULL). */
size_t kr_toml_count(const struct kr_toml_value *v);
const struct kr_toml_value *kr_toml_at(const struct kr_toml_value *v, size_t i);
const char *kr_toml_key(const struct kr_toml_value *v); /* key of this value in its table */
size_t kr_toml_key_len(const struct kr_toml_value *v);  /* a key may hold NUL bytes */
const struct kr_toml_value *kr_toml_get(const struct kr_toml_value *table, const char *key);
/* Each needs a value of that type; strings may hold NUL bytes, hence the length. */
const char *kr_toml_string(const struct kr_toml_value *v, size_t *len);
int64_t kr_toml_integer(const struct kr_toml_value *v);
const char *kr_toml_decimal(const struct kr_toml_value *v); /* an integer as decimal text */
double kr_toml_float(const struct kr_toml_value *v);
bool kr_toml_bool(const struct kr_toml_value *v);
const char *kr_toml_datetime(const struct kr_toml_value *v); /* the text as RFC 3339 has it */

#endif

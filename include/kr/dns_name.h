/* Domain names as they are on the wire (RFC 1035 section 3.1): labels behind their lengths, and a
 * final zero. All names we keep are lower case, so that equal names are equal bytes. */
#ifndef KR_DNS_NAME_H
#define KR_DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KR_NAME_MAX 255   /* bytes, with the final zero */
#define KR_NAME_TEXT 1020 /* enough for any name as text, with its NUL */

/* How long a name is, in bytes with the final zero. */
size_t kr_name_len(const uint8_t *n);
bool kr_name_equal(const uint8_t *a, const uint8_t *b);
uint64_t kr_name_hash(const uint8_t *n);
unsigned kr_name_labels(const uint8_t *n); /* 0: the root */
/* The name without its first label; of the root the root. */
const uint8_t *kr_name_parent(const uint8_t *n);
bool kr_name_below(const uint8_t *n, const uint8_t *zone); /* at it or below */
void kr_name_lower(uint8_t *n);
/* From text without escapes, a final dot allowed, made lower case. Returns 0, or -1: an empty or
 * too long label, or too long as a whole. */
int kr_name_from_text(const char *text, uint8_t out[static KR_NAME_MAX]);
/* As text without the final dot ("." is the root); odd bytes as \DDD. Returns out. */
const char *kr_name_text(const uint8_t *n, char out[static KR_NAME_TEXT]);
/* "_25._tcp" before a name. Returns 0, or -1 when that is too long. */
int kr_name_under(const char *labels, const uint8_t *n, uint8_t out[static KR_NAME_MAX]);

/* A table of names, each once, numbered from 0 as they come. */
struct kr_name_table {
    uint8_t *bytes;
    size_t n_bytes, cap_bytes;
    uint32_t *at; /* where the bytes of name i begin */
    size_t n, cap;
    uint32_t *slots; /* number + 1; 0: free */
    size_t n_slots;
};
#define KR_NO_NAME UINT32_MAX
/* Adds a name that is not there yet; *fresh (may be NULL) says whether. */
uint32_t kr_name_table_add(struct kr_name_table *t, const uint8_t *name, bool *fresh);
uint32_t kr_name_table_find(const struct kr_name_table *t, const uint8_t *name); /* or KR_NO_NAME */
/* Until the next one is added. */
const uint8_t *kr_name_table_get(const struct kr_name_table *t, uint32_t i);
void kr_name_table_free(struct kr_name_table *t);

#endif

/* The record as a tree: shared by what writes it and what reads it. */
#ifndef KR_ACCOUNT_JSON_H
#define KR_ACCOUNT_JSON_H

#include <kr/run_record.h>

#include <jansson.h>

extern const char *const account_columns[];      /* KR_RUN_COLUMN_N names */
json_t *account_to_json(const struct kr_run *r); /* NULL: it can't be made */

#endif

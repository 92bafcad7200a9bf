/* Where records are written. */
#ifndef KR_ACCOUNT_FILES_H
#define KR_ACCOUNT_FILES_H

#include <limits.h>
#include <stdbool.h>

struct kr_err;

/* The file a record goes to; NULL: a new one in KR_RUNS_DIR, which is made. */
int account_file_choose(const char *wish, char out[static PATH_MAX], struct kr_err *e);
/* The whole or nothing, on the disk for good; rehearse: proof that it could be written. */
int account_file_write(const char *path, const char *text, bool rehearse, struct kr_err *e);
void account_files_prune(void); /* the oldest of many records go */

#endif

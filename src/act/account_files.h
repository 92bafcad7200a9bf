/* Where records are written. */
#ifndef KR_ACCOUNT_FILES_H
#define KR_ACCOUNT_FILES_H

#include <limits.h>

struct kr_err;

/* The file a record goes to; NULL: a new one in KR_RUNS_DIR, which is made. */
int account_file_choose(const char *wish, char out[static PATH_MAX], struct kr_err *e);
void account_files_prune(void); /* the oldest of many records go */

#endif

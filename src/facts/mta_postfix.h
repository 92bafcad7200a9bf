/* Postfix's configuration as data (postconf(5), master(5)). */
#ifndef KR_MTA_POSTFIX_H
#define KR_MTA_POSTFIX_H

#include "mta_hop.h"
#include "mta_params.h"

struct kr_pf_service {
    char *name, *command, *program; /* program: of pipe(8), what argv= begins with, or "" */
    bool unix_type;                 /* what a transport's name may mean */
    struct kr_mta_params options;   /* -o */
};
struct kr_pf {
    struct kr_mta_reading *r;
    char folder[256], main[272], master[272];
    struct kr_mta_params params;
    struct kr_pf_service *services;
    size_t n, cap;
    unsigned steps; /* of the expansion under way */
};
/* Where a value stands. */
struct kr_pf_place {
    const char *file;
    unsigned line;
    const char *setting;
};

/* The next logical line: continued by leading white space, without comments and empty lines. *at
 * and *line move on; *first is where it began. False at the end. */
bool kr_pf_line(const char **at, const char *end, unsigned *line, struct kr_buf *out,
                unsigned *first);
/* The next word of a list parted by white space or commas; braces hold one together, and are taken
 * off when they are all around it. False at the end. */
bool kr_pf_word(const char **at, const char *end, const char **word, size_t *len);
/* With $name put in. What can't be told stays as it is written, with its '$'. */
void kr_pf_expand(struct kr_pf *pf, const char *text, size_t len, struct kr_buf *out);
const struct kr_pf_service *kr_pf_service_find(const struct kr_pf *pf, const char *name,
                                               size_t len);
int kr_pf_read_main(struct kr_pf *pf); /* 1, 0, -1 as kr_mta_file */
int kr_pf_read_master(struct kr_pf *pf);
void kr_pf_free(struct kr_pf *pf);

/* Calls f for each result that the maps of a list may give. */
typedef void kr_pf_result(struct kr_pf *pf, const struct kr_pf_place *at, const char *value,
                          size_t len, unsigned how);
void kr_pf_maps(struct kr_pf *pf, const struct kr_pf_place *at, const char *list, size_t len,
                kr_pf_result *f, unsigned how);

#endif

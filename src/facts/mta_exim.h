/* Exim's configuration as data (its specification, chapters 6 and 20 to 30). */
#ifndef KR_MTA_EXIM_H
#define KR_MTA_EXIM_H

#include "mta_hop.h"
#include "mta_params.h"

struct kr_exim_driver { /* a router or a transport */
    bool transport;
    char name[64], file[256];
    struct kr_mta_params options;
};
struct kr_exim {
    struct kr_mta_reading *r;
    struct kr_mta_params macros, main; /* main: options before the first "begin" */
    struct kr_exim_driver *drivers;
    size_t n, cap;
};

/* The configuration with its macros and includes put in, conditions decided. */
void kr_exim_parse(struct kr_exim *x, const char *file);
void kr_exim_free(struct kr_exim *x);
const struct kr_exim_driver *kr_exim_transport(const struct kr_exim *x, const char *name,
                                               size_t len);

#endif

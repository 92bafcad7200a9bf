/* The catalogue of leak paths: every known way past a redirect, and what stands against it. */
#ifndef KR_CATALOGUE_H
#define KR_CATALOGUE_H

#define KR_CATALOGUE_ROWS 66u

struct kr_path {
    const char *title;
    /* What no check covers: the guard that stops it whatever is found (`guard`), or why it can't be
     * seen from this host (`unseen`). Both NULL: checks name the row. */
    const char *guard, *unseen;
};
/* Rows are numbered from 1; NULL for another number. */
const struct kr_path *kr_catalogue(unsigned row);

#endif

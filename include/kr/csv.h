/* Comma-separated values as RFC 4180 has them: quotes, doubled quotes in quotes, line ends in
 * quotes; LF alone ends a line too, and a byte order mark is passed over. */
#ifndef KR_CSV_H
#define KR_CSV_H

#include <kr/buf.h>

#include <stdbool.h>

struct kr_err;

struct kr_csv_cell {
    size_t at, len; /* in kr_csv.text; a NUL follows */
};
struct kr_csv {
    const char *name, *p, *end;
    unsigned line; /* of the row read last: where it begins */
    unsigned next_line;
    struct kr_buf text;
    struct kr_csv_cell *cell;
    size_t cells, cap;
};

/* The data must stay until the end; `name` is for errors. */
void kr_csv_begin(struct kr_csv *c, const char *name, const char *data, size_t len);
/* 1: cell[0..cells) are those of the next row, empty lines left out; 0: the end; -1 (KR_USAGE):
 * "NAME:LINE: …", for what is no CSV. */
int kr_csv_row(struct kr_csv *c, struct kr_err *e);
const char *kr_csv_text(const struct kr_csv *c, size_t cell);
void kr_csv_end(struct kr_csv *c);

#define KR_AUTO_CSV __attribute__((cleanup(kr_csv_end)))

#endif

/* The mail file: CSV whose first row names the columns. */
#include "mail_internal.h"

#include <kr/csv.h>
#include <kr/err.h>
#include <kr/gen_parse.h>
#include <kr/mem.h>
#include <kr/near.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum column { RECIPIENT, SENDER, WEIGHT, BODY, COLUMNS };
static const char *const names[] = {"recipient", "sender", "weight", "body"};
_Static_assert(sizeof names / sizeof *names == COLUMNS, "a name for each column");

struct reader {
    struct kr_mail *m;
    struct kr_csv csv;
    size_t at[COLUMNS]; /* where a column stands, from 1; 0: it does not */
    size_t width;
    const char *path, *suffix;
    char **body_path; /* of the bodies read so far, from m->body[first_body] */
    size_t body_paths, body_cap, first_body;
    double *weight;
    size_t weights, weight_cap;
};

static int unknown_column(const struct reader *r, const char *name, struct kr_err *e)
{
    struct kr_near near;
    kr_near_begin(&near, name);
    for (size_t i = 0; i < COLUMNS; i++)
        kr_near_offer(&near, names[i]);
    return kr_fail(e, KR_USAGE, 0,
                   "%s:%u: '%s' is none of the columns recipient, sender, weight, body%s%s%s",
                   r->path, r->csv.line, name, near.best ? "; did you mean " : "",
                   near.best ? near.best : "", near.best ? "?" : "");
}

static int read_names(struct reader *r, struct kr_err *e)
{
    int got = kr_csv_row(&r->csv, e);
    if (got <= 0)
        return got ? -1 : kr_fail(e, KR_USAGE, 0, "%s is empty", r->path);
    r->width = r->csv.cells;
    for (size_t i = 0; i < r->width; i++) {
        const char *name = kr_csv_text(&r->csv, i);
        size_t c = 0;
        while (c < COLUMNS && strcasecmp(names[c], name) != 0)
            c++;
        if (c == COLUMNS)
            return unknown_column(r, name, e);
        if (r->at[c])
            return kr_fail(e, KR_USAGE, 0, "%s:%u: the column %s stands there twice", r->path,
                           r->csv.line, names[c]);
        r->at[c] = i + 1;
    }
    if (r->at[RECIPIENT])
        return 0;
    return kr_fail(e, KR_USAGE, 0, "%s:%u: there is no column 'recipient'", r->path, r->csv.line);
}

/* "" when the column or its value is missing. */
static const char *value(const struct reader *r, enum column c)
{
    return r->at[c] ? kr_csv_text(&r->csv, r->at[c] - 1) : "";
}

static int mailbox(struct reader *r, enum column c, struct text *out, struct kr_err *e)
{
    const char *s = value(r, c);
    char whole[640];
    if (c != RECIPIENT && !*s)
        return 0;
    if (kr_gen_mailbox(s, strlen(s), e))
        return kr_wrap(e, "%s:%u: %s", r->path, r->csv.line, names[c]);
    int n = snprintf(whole, sizeof whole, "%s%s%s", s, *r->suffix ? "." : "", r->suffix);
    *out = kr_mail_keep(r->m, whole, (size_t)n);
    return 0;
}

/* Beside the mail file, unless it is absolute. */
static void path_of(const struct reader *r, const char *name, struct kr_buf *out)
{
    const char *slash = strrchr(r->path, '/');
    if (*name != '/' && slash)
        kr_buf_add(out, r->path, (size_t)(slash + 1 - r->path));
    kr_buf_printf(out, "%s", name);
}

static int body(struct reader *r, uint32_t *out, struct kr_err *e)
{
    const char *name = value(r, BODY);
    struct kr_mail *m = r->m;
    if (!*name)
        return 0;
    KR_AUTO_BUF struct kr_buf path = {0};
    path_of(r, name, &path);
    /* From the last one back: neighbours share theirs more often than not. */
    for (size_t i = r->body_paths; i--;)
        if (strcmp(r->body_path[i], path.s) == 0) {
            *out = (uint32_t)(r->first_body + i);
            return 0;
        }
    struct kr_body b;
    if (kr_body_read(&b, path.s, e))
        return kr_wrap(e, "%s:%u: body", r->path, r->csv.line);
    r->body_path = kr_grow(r->body_path, &r->body_cap, r->body_paths + 1, sizeof(char *));
    r->body_path[r->body_paths++] = kr_strdup(path.s);
    m->body = kr_grow(m->body, &m->body_cap, m->bodies + 1, sizeof *m->body);
    m->body[m->bodies] = b;
    *out = (uint32_t)m->bodies++;
    return 0;
}

static int read_row(struct reader *r, struct kr_err *e)
{
    struct row row = {0};
    double weight = 1;
    const char *w;
    if (r->csv.cells != r->width)
        return kr_fail(e, KR_USAGE, 0, "%s:%u: %zu values, but there are %zu columns", r->path,
                       r->csv.line, r->csv.cells, r->width);
    w = value(r, WEIGHT);
    if (*w && kr_gen_decimal(w, strlen(w), &weight, e))
        return kr_wrap(e, "%s:%u: weight", r->path, r->csv.line);
    if (mailbox(r, RECIPIENT, &row.recipient, e) || mailbox(r, SENDER, &row.sender, e) ||
        body(r, &row.body, e))
        return -1;
    struct kr_mail *m = r->m;
    m->row = kr_grow(m->row, &m->row_cap, m->rows + 1, sizeof *m->row);
    m->row[m->rows++] = row;
    r->weight = kr_grow(r->weight, &r->weight_cap, r->weights + 1, sizeof *r->weight);
    r->weight[r->weights++] = weight;
    return 0;
}

static int read_rows(struct reader *r, struct kr_err *e)
{
    int got;
    if (read_names(r, e))
        return -1;
    while ((got = kr_csv_row(&r->csv, e)) > 0)
        if (read_row(r, e))
            return -1;
    if (got)
        return -1;
    if (!r->m->rows)
        return kr_fail(e, KR_USAGE, 0, "%s names no recipient", r->path);
    kr_weights_make(&r->m->by_row, r->weight, r->weights);
    return 0;
}

int kr_mail_file_read(struct kr_mail *m, const char *path, const char *suffix, struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf text = {0};
    struct reader r = {.m = m, .path = path, .suffix = suffix, .first_body = m->bodies};
    if (kr_gen_read_file(path, &text, e))
        return -1;
    kr_csv_begin(&r.csv, path, kr_buf_str(&text), text.len);
    int bad = read_rows(&r, e);
    kr_csv_end(&r.csv);
    for (size_t i = 0; i < r.body_paths; i++)
        free(r.body_path[i]);
    free(r.body_path);
    free(r.weight);
    return bad;
}

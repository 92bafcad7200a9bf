/* Tables of configuration files and what is read out of them. */
#ifndef KR_TEST_MTA_ROWS_H
#define KR_TEST_MTA_ROWS_H

#include "../base/cmocka_all.h"
#include "mta.h"

struct row {
    const char *what, *files, *verdicts, *says; /* says: in the evidence, or NULL */
};

static inline int start(void **state)
{
    struct host *h = kr_calloc(1, sizeof *h);
    host_init(h);
    *state = h;
    return 0;
}

static inline int stop(void **state)
{
    host_free(*state);
    free(*state);
    return 0;
}

static inline void try(struct host *h, const struct row *rows, size_t n)
{
    size_t bad = 0;
    for (size_t i = 0; i < n; i++) {
        char got[KR_MTA_TOPICS + 1];
        host_empty(h);
        host_files(h, rows[i].files);
        assert_int_equal(host_read(h), 0);
        host_verdicts(h, got);
        if (strcmp(got, rows[i].verdicts) == 0 && (!rows[i].says || host_says(h, rows[i].says)))
            continue;
        bad++;
        fprintf(stderr, "# %s: wanted %s '%s', got %s\n", rows[i].what, rows[i].verdicts,
                rows[i].says ? rows[i].says : "", got);
        host_show(h);
    }
    assert_int_equal(bad, 0);
}
#define TRY(rows) try(*state, rows, sizeof(rows) / sizeof *(rows))

#endif

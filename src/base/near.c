#include <kr/near.h>

#include <stdint.h>
#include <string.h>

static size_t least(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Levenshtein distance, one row at a time; names are short. */
static size_t distance(const char *a, const char *b)
{
    size_t row[64];
    size_t n = strlen(b);
    if (n >= sizeof row / sizeof *row)
        return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t corner = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < n; j++) {
            size_t up = row[j + 1];
            row[j + 1] = least(up + 1, row[j] + 1, corner + (a[i] != b[j]));
            corner = up;
        }
    }
    return row[n];
}

void kr_near_begin(struct kr_near *n, const char *name)
{
    *n = (struct kr_near){.name = name, .at = strlen(name) / 2 + 2};
}

void kr_near_offer(struct kr_near *n, const char *candidate)
{
    size_t d = distance(n->name, candidate);
    if (d < n->at) {
        n->at = d;
        n->best = candidate;
    }
}

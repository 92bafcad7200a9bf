/* What is found in a path lies inside of it, and means the same without what follows. */
#include "../../src/sink/path.c"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int inside(const char *p, size_t len, const char *from, size_t n)
{
    return !len || (p > from && p + len < from + n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kr_path a, b;
    char *text = malloc(size + 1); /* so that ASan sees its end */
    if (!text)
        return 0;
    memcpy(text, data, size);
    size_t used = kr_path_parse(text, size, &a);
    if (used > size || (used == 0) != (a.kind == KR_PATH_BAD))
        abort();
    if (!inside(a.local, a.local_len, text, used) || !inside(a.domain, a.domain_len, text, used))
        abort();
    if (used && (kr_path_parse(text, used, &b) != used || a.kind != b.kind || a.utf8 != b.utf8 ||
                 a.local != b.local || a.domain_len != b.domain_len))
        abort();
    if (used && (text[0] != '<' || text[used - 1] != '>'))
        abort();
    free(text);
    return 0;
}

/* Replies of a server, cut anywhere: the same replies come out as from one piece, each has a code
 * of 200 to 599, and what was found to be garbage stays so. */
#include "gen/reply.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t told(const char *text, size_t len, size_t piece)
{
    struct kr_reply r = {0};
    uint64_t all = 1;
    for (size_t at = 0; at < len; at += piece) {
        size_t n = len - at < piece ? len - at : piece;
        char *part = malloc(n);
        memcpy(part, text + at, n);
        const char *p = part;
        int got;
        while ((got = kr_reply_read(&r, &p, &n)) > 0) {
            if (r.code < 200 || r.code > 599 || r.begun)
                abort();
            all = (all ^ r.code ^ (uint64_t)r.offers << 10 ^ (uint64_t)r.crowded << 20) *
                  1099511628211u;
        }
        if (got == 0 && n)
            abort();
        free(part);
        if (got < 0)
            return all + 1;
    }
    return all;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t piece = size ? data[0] % 64 + 1 : 1;
    const char *text = (const char *)data;
    if (size && told(text + 1, size - 1, piece) != told(text + 1, size - 1, size))
        abort();
    return 0;
}

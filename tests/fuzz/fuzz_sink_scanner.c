/* The first octet chooses how the rest is cut; the scanner must agree with the slow reference. */
#include "../../src/sink/scanner.c"

#include "../unit/sink/scan_reference.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    const char *d = (const char *)data + 1;
    size_t n = size - 1, piece = data[0] ? data[0] : n, at = 0;
    struct reference r = scan_reference(d, n);
    struct kr_scan s;
    bool ended = false;
    kr_scan_begin(&s);
    while (at < n && !ended) {
        size_t more = piece < n - at ? piece : n - at;
        at += kr_scan_feed(&s, d + at, more, &ended);
    }
    if (ended != (r.taken != 0) || (ended && (at != r.taken || !scan_agrees(&s, &r.want))))
        abort();
    return 0;
}

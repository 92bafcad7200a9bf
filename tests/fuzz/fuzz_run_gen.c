/* The output of a generator, cut anywhere: the same numbers come out as from one piece. */
#include "act/account_gen.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed(struct kr_run_gen *g, const uint8_t *data, size_t size, size_t piece)
{
    kr_run_gen_init(g);
    for (size_t at = 0; at < size; at += piece)
        kr_run_gen_feed(g, 1, data + at, size - at < piece ? size - at : piece);
    kr_run_gen_end(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kr_run_gen whole, pieces;
    struct kr_run r = {0};
    if (!size)
        return 0;
    feed(&whole, data + 1, size - 1, size);
    feed(&pieces, data + 1, size - 1, data[0] % 64 + 1u);
    if (whole.finals != pieces.finals || kr_run_gen_sent(&whole) != kr_run_gen_sent(&pieces) ||
        kr_run_gen_failed(&whole) != kr_run_gen_failed(&pieces) || whole.us != pieces.us)
        abort();
    kr_run_gen_tell(&whole, &r);
    if (r.facts[KR_RUN_generator].known && !whole.finals)
        abort();
    kr_run_free(&r);
    kr_run_gen_free(&whole);
    kr_run_gen_free(&pieces);
    return 0;
}

/* What `postqueue -j` says, of whatever octets: each line that is counted is an object with the
 * queue's name and the message's id first; anything else ends the listing. */
#include "facts/queue_postfix.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_message(const char *line, size_t len)
{
    for (size_t i = 0; i < N_QUEUES; i++) {
        char begin[64];
        size_t n = (size_t)snprintf(begin, sizeof begin, "{\"queue_name\": \"%s", queues[i]);
        const char *rest = len > n && memcmp(line, begin, n) == 0 ? line + n : "";
        static const char id[] = "\", \"queue_id\": \"";
        if (strncmp(rest, id, sizeof id - 1) == 0 && line[len - 1] == '}') {
            rest += sizeof id - 1;
            return *rest != '"' && strchr(rest, '"');
        }
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    KR_AUTO_FREE char *text = kr_calloc(size + 1, 1);
    struct listing l = {.held = 0};
    uint64_t lines = 0;
    memcpy(text, data, size);
    for (char *p = text, *end = text + size; p < end && !l.odd; lines++) {
        char *stop = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((stop ? stop : end) - p);
        p[len] = '\0';
        bool good = is_message(p, len), took = on_message(p, len, len ? p[len - 1] : '\0', &l);
        if (took != good || took == l.odd)
            abort();
        p += len + 1;
    }
    uint64_t met = l.ids.n;
    if (met + l.odd != lines || l.held > met || kr_queue_ids_count(&l.ids) > met ||
        !l.ids.n != !met)
        abort();
    kr_queue_ids_free(&l.ids);
    return 0;
}

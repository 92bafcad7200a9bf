/* Messages that are counted once each, though they move between the queues that are read. */
#ifndef KR_QUEUE_IDS_H
#define KR_QUEUE_IDS_H

#include <stddef.h>
#include <stdint.h>

/* Messages by their ids, each once, whatever queue it was met in. */
struct kr_queue_ids {
    uint64_t *v;
    size_t n, cap;
};
void kr_queue_ids_add(struct kr_queue_ids *ids, const char *id, size_t len);
/* How many there are. */
uint64_t kr_queue_ids_count(struct kr_queue_ids *ids);
void kr_queue_ids_free(struct kr_queue_ids *ids);

#endif

/* A ring is mapped twice in a row, so that a record which runs over its end is in one piece all the
 * same. head and tail only grow; the worker alone moves head, the writer alone moves tail. */
#include <kr/sink_queue.h>

#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define ALIGN 16u

struct ring {
    _Alignas(64) _Atomic uint64_t head;
    _Alignas(64) _Atomic uint64_t tail;
};
struct record {
    uint64_t len;
    _Alignas(ALIGN) char data[];
};
/* Shared by all processes. */
struct shared {
    _Atomic uint32_t asleep; /* the writer is about to wait, or waits */
    struct ring ring[];
};
struct kr_queue {
    struct shared *shared;
    char **data; /* by worker */
    size_t size, shared_size;
    unsigned workers, now; /* now: whose record the writer has in hand */
    int wake;
};

/* NULL: errno says why. */
static char *map_twice(size_t size)
{
    KR_AUTO_FD int fd = memfd_create("kumo-sink-queue", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)size))
        return NULL;
    char *p = mmap(NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    for (int i = 0; i < 2; i++)
        if (mmap(p + (size_t)i * size, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
                 0) == MAP_FAILED) {
            munmap(p, 2 * size);
            return NULL;
        }
    return p;
}

static int open_queue(struct kr_queue *q)
{
    q->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    q->shared =
        mmap(NULL, q->shared_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (q->shared == MAP_FAILED)
        q->shared = NULL;
    if (q->wake < 0 || !q->shared)
        return -1;
    for (unsigned i = 0; i < q->workers; i++)
        if (!(q->data[i] = map_twice(q->size)))
            return -1;
    return 0;
}

struct kr_queue *kr_queue_make(unsigned workers, size_t octets, struct kr_err *e)
{
    struct kr_queue *q = kr_calloc(1, sizeof *q);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    q->workers = workers;
    q->wake = -1;
    q->size = (octets + page - 1) / page * page;
    q->shared_size = sizeof *q->shared + workers * sizeof(struct ring);
    q->data = kr_calloc(workers, sizeof *q->data);
    if (open_queue(q) == 0)
        return q;
    kr_fail(e, KR_CANNOT, errno, "a queue of %zu octets for each of %u workers", octets, workers);
    kr_queue_free(q);
    return NULL;
}

void kr_queue_free(struct kr_queue *q)
{
    if (!q)
        return;
    for (unsigned i = 0; i < q->workers; i++)
        if (q->data[i])
            munmap(q->data[i], 2 * q->size);
    if (q->shared)
        munmap(q->shared, q->shared_size);
    kr_close_fd(&q->wake);
    free(q->data);
    free(q);
}

static size_t room_for(size_t len)
{
    return (sizeof(struct record) + len + ALIGN - 1) / ALIGN * ALIGN;
}

static struct record *at(const struct kr_queue *q, unsigned worker, uint64_t where)
{
    return (struct record *)(void *)(q->data[worker] + where % q->size);
}

/* It can fail only while the counter is full, which wakes as well. */
void kr_queue_nudge(const struct kr_queue *q)
{
    ssize_t n;
    do
        n = write(q->wake, &(uint64_t){1}, sizeof(uint64_t));
    while (n < 0 && errno == EINTR);
}

bool kr_queue_put(struct kr_queue *q, unsigned worker, const struct iovec *piece, size_t n)
{
    struct ring *r = &q->shared->ring[worker];
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += piece[i].iov_len;
    uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    uint64_t used = head - atomic_load_explicit(&r->tail, memory_order_acquire);
    if (room_for(len) > q->size - used)
        return false;
    struct record *to = at(q, worker, head);
    to->len = len;
    for (size_t i = 0, off = 0; i < n; off += piece[i++].iov_len)
        if (piece[i].iov_len)
            memcpy(to->data + off, piece[i].iov_base, piece[i].iov_len);
    /* Either the writer sees the new head before it waits, or this sees that it is asleep. */
    atomic_store(&r->head, head + room_for(len));
    if (atomic_load(&q->shared->asleep) && atomic_exchange(&q->shared->asleep, 0))
        kr_queue_nudge(q);
    return true;
}

static bool has_one(const struct kr_queue *q, unsigned worker)
{
    struct ring *r = &q->shared->ring[worker];
    return atomic_load(&r->head) != atomic_load_explicit(&r->tail, memory_order_relaxed);
}

/* In turn, so that a busy worker does not leave the others' rings full. */
const void *kr_queue_get(struct kr_queue *q, size_t *len)
{
    for (unsigned i = 0; i < q->workers; i++) {
        q->now = (q->now + 1) % q->workers;
        if (!has_one(q, q->now))
            continue;
        const struct record *r = at(q, q->now, q->shared->ring[q->now].tail);
        *len = r->len;
        return r->data;
    }
    return NULL;
}

void kr_queue_done(struct kr_queue *q)
{
    struct ring *r = &q->shared->ring[q->now];
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    atomic_store_explicit(&r->tail, tail + room_for(at(q, q->now, tail)->len),
                          memory_order_release);
}

bool kr_queue_rest(struct kr_queue *q)
{
    atomic_store(&q->shared->asleep, 1);
    for (unsigned i = 0; i < q->workers; i++)
        if (has_one(q, i))
            return false;
    return true;
}

void kr_queue_awake(struct kr_queue *q)
{
    uint64_t times;
    atomic_store(&q->shared->asleep, 0);
    while (read(q->wake, &times, sizeof times) > 0)
        ;
}

int kr_queue_fd(const struct kr_queue *q)
{
    return q->wake;
}

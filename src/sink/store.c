/* Two halves in turn: what is written next never overwrites what a worker that is up to date reads.
 * One that was late finds that the generation has moved on, and begins again. */
#include <kr/sink_store.h>

#include <kr/err.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define TRIES 100

struct half {
    char name[256];
    size_t len;
    bool there;
    char seed[24]; /* empty: none */
    size_t set_len;
    char set[KR_STORE_SET_MOST];
    char text[KR_STORE_MOST];
};
struct kr_store {
    _Atomic uint64_t generation; /* its last bit: which half is valid */
    struct half half[2];
};

struct kr_store *kr_store_make(struct kr_err *e)
{
    void *p = mmap(NULL, sizeof(struct kr_store), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p != MAP_FAILED)
        return p;
    kr_fail(e, KR_CANNOT, errno, "shared memory for the policy");
    return NULL;
}

void kr_store_free(struct kr_store *s)
{
    if (s)
        munmap(s, sizeof *s);
}

uint64_t kr_store_generation(const struct kr_store *s)
{
    return atomic_load_explicit(&s->generation, memory_order_acquire);
}

int kr_store_put(struct kr_store *s, const char *name, const char *text, size_t len,
                 struct kr_err *e)
{
    return kr_store_put_tuned(s, name, text, len, &(struct kr_policy_how){0}, e);
}

int kr_store_put_tuned(struct kr_store *s, const char *name, const char *text, size_t len,
                       const struct kr_policy_how *how, struct kr_err *e)
{
    uint64_t next = kr_store_generation(s) + 1;
    struct half *h = &s->half[next & 1];
    if (len > sizeof h->text)
        return kr_fail(e, KR_USAGE, 0, "%s: over %u octets", name, KR_STORE_MOST);
    if (how->set_len > sizeof h->set)
        return kr_fail(e, KR_USAGE, 0, "over %u octets of settings", KR_STORE_SET_MOST);
    snprintf(h->seed, sizeof h->seed, "%s", how->seed ? how->seed : "");
    h->set_len = how->set ? how->set_len : 0;
    if (how->set)
        memcpy(h->set, how->set, how->set_len);
    strncpy(h->name, name, sizeof h->name - 1);
    h->there = text != NULL;
    h->len = text ? len : 0;
    if (text)
        memcpy(h->text, text, len);
    atomic_store_explicit(&s->generation, next, memory_order_release);
    return 0;
}

struct kr_policy *kr_store_get(const struct kr_store *s, const struct kr_policy_how *how,
                               struct kr_err *e)
{
    for (int i = 0; i < TRIES; i++) {
        uint64_t now = kr_store_generation(s);
        const struct half *h = &s->half[now & 1];
        struct kr_err why = {0};
        struct kr_policy_how tuned = {how->compat, h->seed[0] ? h->seed : how->seed, h->set,
                                      h->set_len};
        struct kr_policy *p =
            h->there ? kr_policy_read(h->name, h->text, h->len, &tuned, &why) : NULL;
        if (now == kr_store_generation(s)) {
            if (why.msg[0])
                *e = why;
            return p;
        }
        kr_policy_drop(p);
    }
    kr_fail(e, KR_INTERNAL, 0, "the policy changes all the time");
    return NULL;
}

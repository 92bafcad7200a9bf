#include <kr/shared.h>

#include <kr/err.h>

#include <errno.h>
#include <sys/mman.h>

void *kr_shared_make(size_t n, const char *what, struct kr_err *e)
{
    void *p =
        mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p != MAP_FAILED)
        return p;
    kr_fail(e, KR_CANNOT, errno, "%zu octets of shared memory for %s", n, what);
    return NULL;
}

void kr_shared_free(void *p, size_t n)
{
    if (p)
        munmap(p, n);
}

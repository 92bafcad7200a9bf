#include <kr/mem.h>

#include <kr/err.h>

#include <stdint.h>
#include <string.h>
#include <unistd.h>

static void out_of_memory(void)
{
    static const char msg[] = "out of memory; what stands in the kernel stays\n";
    ssize_t ignored = write(STDERR_FILENO, msg, sizeof msg - 1);
    (void)ignored;
    _exit(KR_INTERNAL);
}

void *kr_calloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size ? size : 1);
    if (!p)
        out_of_memory();
    return p;
}

void *kr_grow(void *array, size_t *cap, size_t need, size_t size)
{
    if (array && need <= *cap)
        return array;
    size_t n = *cap ? *cap : 8;
    while (n < need && n <= SIZE_MAX / 2)
        n *= 2;
    void *p = n < need ? NULL : reallocarray(array, n, size);
    if (!p)
        out_of_memory();
    *cap = n;
    return p;
}

char *kr_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(kr_calloc(n, 1), s, n);
}

void kr_close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

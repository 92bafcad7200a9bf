/* A mail log of whatever octets: what is counted adds up, and what is told is text. A second
 * reading comes to the same. */
#include "facts/audit.c"

#include <stdlib.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const char *path, struct kr_audit *a)
{
    const struct kr_audit_want want = {
        .signature = "kumo-sink 00", .from = 1795802400000000, .to = 1795803000000000};
    memset(a, 0, sizeof *a);
    kr_audit_log(a, &want, path);
    if (a->n > KR_AUDIT_SHOWN || a->n > a->findings + a->unknowns || a->files != 1 ||
        a->at_sink + a->kept + a->findings > a->deliveries)
        abort();
    for (size_t i = 0; i < a->n; i++)
        if (!memchr(a->v[i].what, '\0', sizeof a->v[i].what) || !*a->v[i].what)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct kr_audit first, second;
    char path[64];
    int fd = memfd_create("log", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    setenv("TZ", "UTC", 1);
    look(path, &first);
    look(path, &second);
    close(fd);
    if (memcmp(&first, &second, sizeof first) != 0)
        abort();
    return 0;
}

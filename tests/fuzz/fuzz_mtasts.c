/* MTA-STS policies: what is taken has what a policy must have, and is made of what is in the text.
 */
#include <kr/mtasts.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct kr_sts_text t;

/* Every pattern without a star names itself; behind a star exactly one label more. */
static void pattern(const char *s, size_t len)
{
    char host[512];
    if (len > 255)
        abort();
    bool star = *s == '*';
    host[0] = 'a';
    memcpy(host + star, s + star, len - star);
    host[len] = '\0';
    if (!kr_sts_text_names(&t, host))
        abort();
    if (strchr(host, '*') || strstr(host, "..") || host[len - 1] == '.')
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *s = (const char *)data;
    if (kr_sts_text_read(s, size, &t))
        return 0;
    if (!memmem(data, size, "STSv1", 5) || t.max_age > KR_STS_MAX_AGE || size > KR_STS_BYTES)
        abort();
    if (t.mode != KR_STS_NONE && !t.n_mx)
        abort();
    for (size_t i = 0; i < t.n_mx; i++) {
        if (t.mx[i].s < s || t.mx[i].s + t.mx[i].len > s + size)
            abort();
        pattern(t.mx[i].s, t.mx[i].len);
    }
    return 0;
}

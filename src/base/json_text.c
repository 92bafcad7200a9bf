#include <kr/json_text.h>

#include <kr/mem.h>

#include <errno.h>
#include <jansson.h>
#include <unistd.h>

json_t *kr_json_text(const char *s)
{
    json_t *j = json_string(s);
    if (j)
        return j;
    KR_AUTO_FREE char *plain = kr_strdup(s);
    for (char *p = plain; *p; p++)
        if ((unsigned char)*p > 126)
            *p = '?';
    return json_string(plain);
}

static size_t more(void *to, size_t size, void *arg)
{
    const int *fd = arg;
    ssize_t n;
    do
        n = read(*fd, to, size);
    while (n < 0 && errno == EINTR);
    return n < 0 ? (size_t)-1 : (size_t)n;
}

json_t *kr_json_read(int fd, json_error_t *why)
{
    return json_load_callback(more, &fd, 0, why);
}

/* An HTTP answer of whatever octets: a status with a body that is the end of it, as long as it was
 * said to be; or a reason. And URLs. */
#include "facts/queue_http.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_url(const char *text)
{
    struct kr_http_at at = {0};
    struct kr_err e = {0};
    if (kr_http_url(text, &at, &e) == 0 ? !at.port : e.exit != KR_USAGE || !*e.msg)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    KR_AUTO_BUF struct kr_buf b = {0}, whole = {0};
    struct kr_err e = {0};
    kr_buf_add(&b, (const char *)data, size);
    kr_buf_add(&whole, (const char *)data, size);
    check_url(kr_buf_str(&whole));
    int status = split(&b, &e);
    if (status < 0 && (e.exit != KR_UNKNOWN || !*e.msg))
        abort();
    if (status >= 0 && (status < 200 || status > 999 || b.len + 4 > size ||
                        memcmp(b.s, whole.s + size - b.len, b.len) != 0 || b.s[b.len]))
        abort();
    return 0;
}

#include <kr/fetch_record.h>

#include <string.h>

/* Both programs are of one build and one machine, so numbers are as the machine holds them. */
struct job_head {
    uint32_t id;
    uint16_t port;
    uint8_t kind, n;
    struct kr_addr addrs[8];
};
struct done_head {
    uint32_t id;
    uint16_t http;
    uint8_t how, sink;
};

static void put(struct kr_buf *b, char type, const void *head, size_t n, const char *text,
                size_t len)
{
    KR_AUTO_BUF struct kr_buf one = {0};
    kr_buf_add(&one, head, n);
    kr_buf_add(&one, text, len);
    kr_frame_add(b, (enum kr_frame)type, one.s, one.len);
}

void kr_fetch_job_write(struct kr_buf *b, const struct kr_fetch_job *j)
{
    struct job_head h = {
        .id = j->id, .port = j->port, .kind = (uint8_t)j->kind, .n = (uint8_t)j->n};
    memcpy(h.addrs, j->addrs, j->n * sizeof *j->addrs);
    put(b, KR_FETCH_FRAME_JOB, &h, sizeof h, j->host, strlen(j->host) + 1);
}

void kr_fetch_done_write(struct kr_buf *b, const struct kr_fetch_done *d)
{
    const struct done_head h = {d->id, d->http, (uint8_t)d->how, (uint8_t)d->sink};
    put(b, KR_FETCH_FRAME_DONE, &h, sizeof h, d->text, d->len);
}

/* Nothing that means more in a URL. */
bool kr_fetch_host_fits(const char *s)
{
    static const char fits[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    size_t n = strlen(s);
    return n && n < 256 && strspn(s, fits) == n;
}

int kr_fetch_job_read(const uint8_t *data, size_t len, struct kr_fetch_job *out)
{
    struct job_head h;
    if (len <= sizeof h)
        return -1;
    memcpy(&h, data, sizeof h);
    const char *host = (const char *)data + sizeof h;
    if (h.kind >= KR_FETCH_KINDS || !h.n || h.n > 8 || !h.port ||
        strnlen(host, len - sizeof h) + 1 != len - sizeof h || !kr_fetch_host_fits(host))
        return -1;
    *out = (struct kr_fetch_job){
        .id = h.id, .kind = (enum kr_fetch_kind)h.kind, .host = host, .n = h.n, .port = h.port};
    memcpy(out->addrs, h.addrs, sizeof h.addrs);
    return 0;
}

int kr_fetch_done_read(const uint8_t *data, size_t len, struct kr_fetch_done *out)
{
    struct done_head h;
    if (len < sizeof h)
        return -1;
    memcpy(&h, data, sizeof h);
    if (h.how >= KR_FETCHES || h.sink >= KR_SINKS || h.http > 999 || len - sizeof h > KR_STS_BYTES)
        return -1;
    *out = (struct kr_fetch_done){.id = h.id,
                                  .how = (enum kr_fetched)h.how,
                                  .sink = (enum kr_sink_tls)h.sink,
                                  .http = h.http,
                                  .text = (const char *)data + sizeof h,
                                  .len = len - sizeof h};
    return 0;
}

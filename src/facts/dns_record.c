#include <kr/dns_record.h>

#include <kr/mtasts.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Both programs are of one build and one machine, so numbers are as the machine holds them. */
struct head {
    uint8_t type, zero[3];
    uint32_t len;
};
struct domain_head {
    double weight;
    uint8_t mx, trust, sts, policy, tlsrpt, own_tlsa, more, n_hosts;
    uint32_t max_age;
    uint16_t http;
    uint8_t fetched, zero;
};
struct host_head {
    uint8_t address, alias, tlsa, tlsa_expanded, flags;
};

void kr_frame_add(struct kr_buf *b, enum kr_frame type, const void *data, size_t len)
{
    struct head h = {.type = (uint8_t)type, .len = (uint32_t)len};
    kr_buf_add(b, &h, sizeof h);
    kr_buf_add(b, data, len);
}

void kr_frame_domain(struct kr_buf *b, const struct kr_domain_facts *d)
{
    size_t start = b->len;
    struct domain_head h = {.weight = d->weight,
                            .mx = d->mx,
                            .trust = d->trust,
                            .sts = d->sts,
                            .policy = d->policy,
                            .tlsrpt = d->tlsrpt,
                            .own_tlsa = d->own_tlsa,
                            .more = d->more_hosts,
                            .n_hosts = d->n_hosts,
                            .max_age = d->max_age,
                            .http = d->http,
                            .fetched = d->fetched};
    kr_frame_add(b, KR_FRAME_DOMAIN, &h, sizeof h);
    kr_buf_add(b, d->name, strlen(d->name) + 1);
    for (size_t i = 0; i < d->n_hosts; i++) {
        const struct kr_host_facts *f = &d->hosts[i];
        struct host_head x = {f->address, f->alias, f->tlsa, f->tlsa_expanded, f->flags};
        kr_buf_add(b, &x, sizeof x);
        kr_buf_add(b, f->name, strlen(f->name) + 1);
    }
    uint32_t len = (uint32_t)(b->len - start - sizeof(struct head));
    memcpy(b->s + start + offsetof(struct head, len), &len, sizeof len);
}

/* 1: a whole frame is there. */
static int whole(const struct kr_frame_reader *r, struct head *h)
{
    if (r->n - r->at < sizeof *h)
        return 0;
    memcpy(h, r->buf + r->at, sizeof *h);
    if (h->len > KR_FRAME_MOST - sizeof *h || h->zero[0] || h->zero[1] || h->zero[2]) {
        errno = EBADMSG;
        return -1;
    }
    return r->n - r->at >= sizeof *h + h->len;
}

int kr_frame_read(struct kr_frame_reader *r, int fd, enum kr_frame *type, const uint8_t **data,
                  size_t *len)
{
    struct head h;
    int got;
    while ((got = whole(r, &h)) == 0) {
        memmove(r->buf, r->buf + r->at, r->n - r->at);
        r->n -= r->at;
        r->at = 0;
        ssize_t n = read(fd, r->buf + r->n, sizeof r->buf - r->n);
        if (n < 0)
            return -1;
        if (n == 0)
            return 0;
        r->n += (size_t)n;
    }
    if (got < 0)
        return -1;
    *type = (enum kr_frame)h.type;
    *data = r->buf + r->at + sizeof h;
    *len = h.len;
    r->at += sizeof h + h.len;
    return 1;
}

/* The string at *at, which moves behind it; NULL: it does not end, or is no name as text. */
static const char *take_name(const uint8_t *data, size_t len, size_t *at)
{
    const char *s = (const char *)data + *at;
    const char *end = *at < len ? memchr(s, '\0', len - *at) : NULL;
    for (const char *p = s; end && p < end; p++)
        if (*p <= ' ' || *p > '~' || *p == '"')
            return NULL;
    if (!end || end == s)
        return NULL;
    *at += (size_t)(end - s) + 1;
    return s;
}

static int read_host(const uint8_t *data, size_t len, size_t *at, struct kr_host_facts *out)
{
    struct host_head h;
    if (len - *at < sizeof h)
        return -1;
    memcpy(&h, data + *at, sizeof h);
    *at += sizeof h;
    *out = (struct kr_host_facts){.name = take_name(data, len, at),
                                  .address = h.address,
                                  .alias = h.alias,
                                  .tlsa = h.tlsa,
                                  .tlsa_expanded = h.tlsa_expanded,
                                  .flags = h.flags};
    bool fits = h.address < KR_ADDRESSES && h.alias < KR_ALIASES && h.tlsa < KR_TLSA_STATES &&
                h.tlsa_expanded < KR_TLSA_STATES && h.flags <= KR_HOST_FLAGS;
    return out->name && fits ? 0 : -1;
}

static bool known(const struct domain_head *h)
{
    return h->mx < KR_MX_KINDS && h->trust < KR_TRUSTS && h->sts <= KR_ANNOUNCED_UNASKED &&
           h->policy < KR_POLICIES && h->tlsrpt <= KR_ANNOUNCED_UNASKED &&
           h->own_tlsa < KR_TLSA_STATES && h->more < 2 && h->n_hosts <= KR_HOSTS_MOST &&
           h->weight >= 0 && h->weight < 1e18 && h->fetched < KR_FETCHES &&
           h->max_age <= KR_STS_MAX_AGE && h->http < 1000 && !h->zero;
}

int kr_record_read(const uint8_t *data, size_t len, struct kr_domain_facts *out)
{
    struct domain_head h;
    size_t at = sizeof h;
    if (len < sizeof h)
        return -1;
    memcpy(&h, data, sizeof h);
    if (!known(&h))
        return -1;
    *out = (struct kr_domain_facts){.name = take_name(data, len, &at),
                                    .weight = h.weight,
                                    .mx = h.mx,
                                    .trust = h.trust,
                                    .sts = h.sts,
                                    .policy = h.policy,
                                    .tlsrpt = h.tlsrpt,
                                    .own_tlsa = h.own_tlsa,
                                    .fetched = h.fetched,
                                    .http = h.http,
                                    .max_age = h.max_age,
                                    .more_hosts = h.more,
                                    .n_hosts = h.n_hosts};
    if (!out->name)
        return -1;
    for (size_t i = 0; i < h.n_hosts; i++)
        if (read_host(data, len, &at, &out->hosts[i]))
            return -1;
    return at == len ? 0 : -1;
}

#include <kr/dns_query.h>

#include <kr/dns_wire.h>

#include <string.h>

#define HEADER 12

static void put16(uint8_t *b, unsigned v)
{
    b[0] = (uint8_t)(v >> 8);
    b[1] = (uint8_t)v;
}

size_t kr_query_write(uint8_t out[static KR_DNS_QUERY_MAX], uint16_t id, const uint8_t *name,
                      uint16_t type, unsigned how)
{
    static const uint8_t opt[] = {
        0, 0, KR_DNS_OPT, KR_DNS_PAYLOAD >> 8, KR_DNS_PAYLOAD & 0xff, 0, 0, 0, 0, 0, 0};
    size_t n = kr_name_len(name);
    memset(out, 0, HEADER);
    put16(out, id);
    out[2] = 1; /* recursion desired */
    out[3] = (uint8_t)((how & KR_ASK_AD ? 0x20 : 0) | (how & KR_ASK_CD ? 0x10 : 0));
    out[5] = 1;
    memcpy(out + HEADER, name, n);
    put16(out + HEADER + n, type);
    put16(out + HEADER + n + 2, 1);
    n += HEADER + 4;
    if (how & KR_ASK_PLAIN)
        return n;
    out[11] = 1;
    memcpy(out + n, opt, sizeof opt);
    if (how & KR_ASK_DO)
        out[n + 7] = 0x80;
    return n + sizeof opt;
}

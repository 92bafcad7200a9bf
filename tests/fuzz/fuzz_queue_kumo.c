/* /metrics.json of whatever octets: it is no count, or one that no part of it exceeds; and the
 * answer of a bounce names an order that is fit to be written back, or none. */
#include "facts/queue_kumo.c"

#include <kr/buf.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static double value_of(const json_t *root, const char *name)
{
    return json_number_value(json_object_get(json_object_get(root, name), "value"));
}

static void check(const struct kr_buf *body, const struct told *t)
{
    json_t *root = json_loadb(kr_buf_str(body), body->len, 0, NULL);
    if (!json_is_object(root) || t->scheduled > (uint64_t)MOST_NUMBER ||
        t->messages > (uint64_t)MOST_NUMBER)
        abort();
    if ((uint64_t)value_of(root, "scheduled_count_total") != t->scheduled ||
        (uint64_t)value_of(root, "message_count") != t->messages)
        abort();
    bool any =
        json_object_get(root, "scheduled_count_total") || json_object_get(root, "message_count");
    if (any != t->any)
        abort();
    json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    KR_AUTO_BUF struct kr_buf body = {0};
    struct told t = {0}, again = {0};
    struct kr_err e = {0};
    struct kr_http_at at = {0};
    kr_buf_add(&body, (const char *)data, size);
    int bad = read_metrics(&body, &t, &e);
    if (bad && (e.exit != KR_UNKNOWN || !*e.msg))
        abort();
    if (!bad)
        check(&body, &t);
    if (read_metrics(&body, &again, NULL) != bad || memcmp(&t, &again, sizeof t) != 0)
        abort();
    if (size == 8 || size == 32)
        parse_address(kr_buf_str(&body), &at);
    return 0;
}

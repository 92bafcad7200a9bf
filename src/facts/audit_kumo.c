/* KumoMTA's log records (docs.kumomta.com/reference/log_record): a line of JSON each. */
#include "audit_internal.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define SECOND 1000000

enum meaning { NOTHING, DELIVERY, HANDED_ON };
static const struct {
    const char *type;
    enum meaning means;
} types[] = {
    {"Delivery", DELIVERY},
    {"Reception", NOTHING},
    {"Bounce", NOTHING},
    {"TransientFailure", NOTHING},
    {"Expiration", NOTHING},
    {"AdminBounce", NOTHING},
    {"OOB", NOTHING},
    {"Feedback", NOTHING},
    {"Rejection", NOTHING},
    {"Delay", NOTHING},
    {"Delayed", NOTHING},
    {"AdminRebind", NOTHING},
    {"XferIn", NOTHING},
    {"XferOut", HANDED_ON},
    {"DeferredInjectionRebind", NOTHING},
};
#define TYPES (sizeof types / sizeof *types)

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

/* By what way: name and address as the MTA believed them, the proxy, the protocol. */
static void say_way(const json_t *o, char *out, size_t size)
{
    const json_t *peer = json_object_get(o, "peer_address");
    const json_t *source = json_object_get(o, "source_address");
    const char *proxy = text_of(source, "server"), *protocol = text_of(o, "delivery_protocol");
    snprintf(out, size, "for <%.80s> to %.80s [%.40s]%s%.30s%s%.60s%s%.20s%s",
             text_of(o, "recipient"), text_of(peer, "name"), text_of(peer, "addr"),
             *protocol ? " by " : "", protocol, *proxy ? " through the proxy " : "", proxy,
             *text_of(source, "protocol") ? " (" : "", text_of(source, "protocol"),
             *text_of(source, "protocol") ? ")" : "");
}

static void judge(struct audit_log *l, const json_t *o)
{
    const json_t *response = json_object_get(o, "response");
    const char *content = json_string_value(json_object_get(response, "content"));
    char way[400];
    say_way(o, way, sizeof way);
    if (strcmp(text_of(o, "reception_protocol"), "LogRecord") == 0)
        return; /* no mail, but a record for a log hook */
    if (strcmp(text_of(o, "delivery_protocol"), "Maildir") == 0)
        audit_kept(l);
    else if (!content)
        audit_doubt(l, "a delivery without the receiver's answer, %s", way);
    else
        audit_delivery(l, content, way);
}

static enum meaning meaning_of(struct audit_log *l, const char *type)
{
    for (size_t i = 0; i < TYPES; i++)
        if (strcmp(types[i].type, type) == 0)
            return types[i].means;
    audit_doubt(l, "a record of the type '%.40s', which is not known", type);
    return NOTHING;
}

static void take(struct audit_log *l, const json_t *o)
{
    const json_t *when = json_object_get(o, "timestamp");
    const char *type = json_string_value(json_object_get(o, "type"));
    char way[400];
    if (!type || !json_is_number(when) || json_number_value(when) < 0 ||
        json_number_value(when) > 1e12) {
        audit_doubt(l, "a record without type or timestamp");
        return;
    }
    enum meaning m = meaning_of(l, type);
    if (m == NOTHING || !audit_in_window(l, (int64_t)(json_number_value(when) * SECOND), SECOND))
        return;
    if (m == DELIVERY) {
        judge(l, o);
        return;
    }
    say_way(o, way, sizeof way);
    audit_elsewhere(l, "handed on to another node, %s", way);
}

bool audit_kumo_line(struct audit_log *l, const char *line, size_t n)
{
    json_error_t why;
    if (*line != '{')
        return false;
    json_t *o = json_loadb(line, n, JSON_ALLOW_NUL, &why);
    if (o)
        take(l, o);
    else
        audit_doubt(l, "no JSON: %.100s", why.text);
    json_decref(o);
    return true;
}

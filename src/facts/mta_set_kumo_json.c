#include "mta_set_kumo.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define AUTO_JSON __attribute__((cleanup(forget)))
static void forget(json_t **j)
{
    json_decref(*j);
}

static const struct {
    const char *word;
    enum kr_tls_level level;
} levels[] = {
    {"Disabled", KR_TLS_MAY},
    {"OpportunisticInsecure", KR_TLS_MAY},
    {"Opportunistic", KR_TLS_OPPORTUNISTIC},
    {"RequiredInsecure", KR_TLS_ENCRYPT},
    {"Required", KR_TLS_VERIFY},
};

static int read_level(const json_t *config, enum kr_tls_level *out, struct kr_err *e)
{
    const json_t *j = json_object_get(config, "enable_tls");
    const char *word = json_string_value(j);
    *out = KR_TLS_OPPORTUNISTIC;
    for (size_t i = 0; word && i < sizeof levels / sizeof *levels; i++)
        if (strcmp(levels[i].word, word) == 0) {
            *out = levels[i].level;
            return 0;
        }
    return j ? kr_fail(e, KR_UNKNOWN, 0, "enable_tls: '%.60s' is no level that is known",
                       word ? word : "not a text")
             : 0;
}

static int read_flag(const json_t *config, const char *name, bool usual, bool *out,
                     struct kr_err *e)
{
    const json_t *j = json_object_get(config, name);
    *out = usual;
    if (!j)
        return 0;
    if (!json_is_boolean(j))
        return kr_fail(e, KR_UNKNOWN, 0, "%s is neither true nor false", name);
    *out = json_is_true(j);
    return 0;
}

static void read_text(const json_t *config, const char *name, char *out, size_t size)
{
    const char *s = json_string_value(json_object_get(config, name));
    snprintf(out, size, "%s", s ? s : "");
    for (; *out; out++)
        if ((unsigned char)*out < ' ' || *out == 127)
            *out = '?';
}

static int read_port(const json_t *config, int *out, struct kr_err *e)
{
    const json_t *j = json_object_get(config, "smtp_port");
    json_int_t n = j ? json_integer_value(j) : 25;
    if (n < 1 || n > 65535)
        return kr_fail(e, KR_UNKNOWN, 0, "smtp_port is no port");
    *out = (int)n;
    return 0;
}

/* {"smtp": {"mx_list": []}} goes to the MX hosts; anything else goes elsewhere. */
static bool leads_away(const json_t *queue)
{
    const json_t *protocol = json_object_get(queue, "protocol");
    if (!protocol || json_is_null(protocol))
        return false;
    const json_t *smtp = json_object_get(protocol, "smtp");
    const json_t *list = json_object_get(smtp, "mx_list");
    if (json_is_string(protocol))
        return strcmp(json_string_value(protocol), "smtp") != 0;
    return !json_is_object(smtp) || json_object_size(protocol) != 1 ||
           (list && (!json_is_array(list) || json_array_size(list)));
}

int kr_kumo_path_read(const char *json, size_t len, bool later, struct kr_kumo_path *out,
                      struct kr_err *e)
{
    json_error_t why;
    AUTO_JSON json_t *j = json_loadb(json, len, JSON_REJECT_DUPLICATES, &why);
    *out = (struct kr_kumo_path){0};
    if (!json_is_object(j))
        return kr_fail(e, KR_UNKNOWN, 0, "no JSON object: %s", j ? "something else" : why.text);
    const json_t *wrapped = json_object_get(j, "path_config"), *config = wrapped ? wrapped : j;
    const json_t *auth = json_object_get(config, "smtp_auth_plain_username");
    if (!json_is_object(config))
        return kr_fail(e, KR_UNKNOWN, 0, "path_config is no object");
    if (!wrapped && !json_object_get(config, "enable_tls") &&
        !json_object_get(config, "connection_limit"))
        return kr_fail(e, KR_UNKNOWN, 0, "an object, but no path configuration");
    if (read_level(config, &out->path.level, e) || read_port(config, &out->port, e) ||
        read_flag(config, "enable_mta_sts", true, &out->path.mta_sts, e) ||
        read_flag(config, "enable_dane", false, &out->path.dane, e) ||
        read_flag(config, "use_lmtp", false, &out->lmtp, e))
        return -1;
    read_text(config, "provider_name", out->provider, sizeof out->provider);
    read_text(config, "remember_broken_tls", out->remember, sizeof out->remember);
    read_text(json_object_get(j, "queue_config"), "egress_pool", out->pool, sizeof out->pool);
    out->auth = auth && !json_is_null(auth);
    out->routed = leads_away(json_object_get(j, "queue_config"));
    out->path.sts_lookup = later;
    out->path.elsewhere = out->routed || out->lmtp || out->port != 25;
    return 0;
}

#include <kr/gen_guard.h>

#include "ask.h"

#include <kr/err.h>
#include <kr/greet.h>
#include <kr/json_text.h>
#include <kr/mem.h>
#include <kr/places.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define OLDEST 3600 /* seconds, of a record whose generation can't be compared */
#define GREET_MS 3000
/* Documentation space (RFC 5737, RFC 3849): nobody is there, and no exemption holds it. */
#define NOBODY4 "198.51.100.25"
#define NOBODY6 "2001:db8::2500:0:0:25"

static void drop_json(json_t **j)
{
    json_decref(*j);
}
#define AUTO_JSON __attribute__((cleanup(drop_json)))

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

/* NULL: KR_UNSAFE. Only its owner may have written it. */
static json_t *load(const struct kr_evidence_place *at, const char *suffix, struct kr_err *e)
{
    char path[256];
    struct stat st;
    json_error_t why;
    snprintf(path, sizeof path, "%s/%ju.%s", at->dir, (uintmax_t)at->netns, suffix);
    KR_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st)) {
        kr_fail(e, KR_UNSAFE, errno, "%s", path);
        return NULL;
    }
    if (!S_ISREG(st.st_mode) || st.st_uid != at->owner || st.st_mode & 022) {
        kr_fail(e, KR_UNSAFE, 0, "%s may have been written by others than root", path);
        return NULL;
    }
    json_t *j = kr_json_read(fd, &why);
    if (!json_is_object(j)) {
        kr_fail(e, KR_UNSAFE, 0, "%s: %s", path, j ? "it is no object" : why.text);
        json_decref(j);
        return NULL;
    }
    return j;
}

static int wants(const json_t *j, const char *what, const char *key, const char *value,
                 struct kr_err *e)
{
    if (strcmp(text(j, key), value) == 0)
        return 0;
    return kr_fail(e, KR_UNSAFE, 0, "%s says %s '%s', not '%s'", what, key, text(j, key), value);
}

static int when(const struct kr_evidence_place *at, const json_t *j, struct kr_stands *s,
                struct kr_err *e)
{
    struct tm tm = {0};
    const char *end = strptime(text(j, "when"), "%Y-%m-%dT%H:%M:%SZ", &tm);
    time_t t = end && !*end ? timegm(&tm) : 0;
    snprintf(s->when, sizeof s->when, "%s", text(j, "when"));
    s->age = at->now - t;
    if (t < at->boot)
        return kr_fail(e, KR_UNSAFE, 0, "the evidence of %s is older than this boot", s->when);
    if (s->age < -5)
        return kr_fail(e, KR_UNSAFE, 0, "the evidence of %s is of the future", s->when);
    return 0;
}

static int ports(const json_t *plan, struct kr_stands *s, struct kr_err *e)
{
    const json_t *list = json_object_get(plan, "ports");
    for (size_t i = 0; i < json_array_size(list) && s->ports < KR_EVIDENCE_PORTS; i++)
        s->port[s->ports++] = (uint16_t)json_integer_value(json_array_get(list, i));
    s->redirected4 = json_is_object(json_object_get(plan, "sink4"));
    s->redirected6 = json_is_object(json_object_get(plan, "sink6"));
    if (s->ports && (s->redirected4 || s->redirected6))
        return 0;
    return kr_fail(e, KR_UNSAFE, 0, "the evidence names nothing that is redirected");
}

/* The state goes with every change of what stands, and the evidence with it. */
static int fits_state(const struct kr_evidence_place *at, const json_t *j, struct kr_stands *s,
                      struct kr_err *e)
{
    AUTO_JSON json_t *state = load(at, "json", e);
    if (!state)
        return -1;
    const json_t *plan = json_object_get(state, "plan");
    if (wants(state, "the state", "schema", KR_STATE_SCHEMA, e) ||
        wants(plan, "the state", "mode", "redirect", e) ||
        wants(state, "the state", "since", text(j, "since"), e))
        return -1;
    snprintf(s->nonce, sizeof s->nonce, "%s", text(state, "nonce"));
    return 0;
}

int kr_evidence_look(const struct kr_evidence_place *at, struct kr_stands *out, struct kr_err *e)
{
    struct kr_stands s = {0};
    AUTO_JSON json_t *j = load(at, "evidence.json", e);
    if (!j)
        return -1;
    const char *what = "the evidence";
    if (wants(j, what, "schema", KR_EVIDENCE_SCHEMA, e) || wants(j, what, "verdict", "holds", e) ||
        wants(j, what, "mode", "redirect", e) || wants(j, what, "kernel", at->kernel, e) ||
        when(at, j, &s, e))
        return -1;
    if (json_integer_value(json_object_get(j, "netns")) != (json_int_t)at->netns)
        return kr_fail(e, KR_UNSAFE, 0, "the evidence is about another network namespace");
    s.generation = (uint32_t)json_integer_value(json_object_get(j, "generation"));
    if (ports(json_object_get(j, "plan"), &s, e) || fits_state(at, j, &s, e))
        return -1;
    *out = s;
    return 0;
}

int kr_evidence_here(struct kr_evidence_place *out, struct kr_err *e)
{
    static struct utsname host;
    struct timespec now, up;
    struct stat st;
    if (stat("/proc/self/ns/net", &st))
        return kr_fail(e, KR_UNKNOWN, errno, "/proc/self/ns/net");
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &up);
    uname(&host);
    *out = (struct kr_evidence_place){.dir = KR_STATE_DIR,
                                      .netns = st.st_ino,
                                      .owner = 0,
                                      .now = now.tv_sec,
                                      .boot = now.tv_sec - up.tv_sec - 1,
                                      .kernel = host.release};
    return 0;
}

static int fits_rules(const struct kr_stands *s, struct kr_err *e)
{
    uint32_t generation = 0;
    int unknown = ask_generation(&generation, e);
    if (unknown < 0)
        return -1;
    if (!unknown && generation != s->generation)
        return kr_fail(e, KR_UNSAFE, 0,
                       "the ruleset has changed since the evidence of %s (generation %u, not %u)",
                       s->when, generation, s->generation);
    if (unknown && s->age > OLDEST)
        return kr_fail(e, KR_UNSAFE, 0, "the evidence of %s is older than an hour", s->when);
    return 0;
}

/* Connections to nobody are led into our table, in each family that is redirected. */
static int fits_routes(const struct kr_stands *s, struct kr_err *e)
{
    const struct {
        bool on;
        const char *nobody;
    } families[] = {{s->redirected4, NOBODY4}, {s->redirected6, NOBODY6}};
    for (size_t i = 0; i < 2; i++) {
        struct kr_addr a;
        struct route r = {0};
        if (!families[i].on)
            continue;
        if (kr_addr_parse(families[i].nobody, &a, e) || ask_route(&a, 0, s->port[0], &r, e) < 0)
            return -1;
        if (r.table != KR_RT_TABLE)
            return kr_fail(e, KR_UNSAFE, 0,
                           "the routing rule of the redirect is gone: %s port %u goes by table %u",
                           families[i].nobody, s->port[0], r.table);
    }
    return 0;
}

static int meets_sink(const struct kr_stands *s, struct kr_err *e)
{
    struct kr_greet g[2] = {0};
    size_t n = 0;
    if (s->redirected4 && kr_addr_parse(NOBODY4, &g[n++].to, e))
        return -1;
    if (s->redirected6 && kr_addr_parse(NOBODY6, &g[n++].to, e))
        return -1;
    for (size_t i = 0; i < n; i++)
        g[i].port = s->port[0];
    if (kr_greet_all(g, n, GREET_MS, e))
        return -1;
    for (size_t i = 0; i < n; i++) {
        char a[KR_ADDRSTRLEN];
        bool ours =
            *s->nonce ? strstr(g[i].line, s->nonce) != NULL : strncmp(g[i].line, "220", 3) == 0;
        if (!ours)
            return kr_fail(e, KR_UNSAFE, 0, "a connection to %s port %u does not meet the sink",
                           kr_addr_str(&g[i].to, a), g[i].port);
    }
    return 0;
}

int kr_evidence_check(bool again, struct kr_stands *out, struct kr_err *e)
{
    struct kr_evidence_place here;
    if (kr_evidence_here(&here, e) || kr_evidence_look(&here, out, e) || fits_routes(out, e) ||
        fits_rules(out, e))
        return -1;
    return again ? 0 : meets_sink(out, e);
}

/* KumoMTA: every kumod process is asked by HTTP, from its own network namespace, at the listener
 * that answers: /api/check-liveness/v1 tells whether its spool has been counted yet, /metrics.json
 * how many messages there are. A gauge comes into being with the first message, so a kumod that has
 * taken none names none. */
#include "queue_http.h"
#include "queue_internal.h"

#include <kr/addr.h>
#include <kr/endpoint.h>
#include <kr/err.h>
#include <kr/mem.h>
#include <kr/owners.h>

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define USUAL_PORT 8000
#define MOST_LISTENERS 32
#define MOST_NUMBER 1e15
#define LIVENESS "/api/check-liveness/v1"
#define KCLI "/opt/kumomta/sbin/kcli"
#define REASON "kumo-redirect: test mail"

/* ---- where it listens ------------------------------------------------------------------------ */

struct doors {
    struct kr_http_at v[MOST_LISTENERS];
    size_t n;
};

/* An address as /proc/net/tcp writes it: words of the machine's byte order (proc_net_tcp(5)). */
static bool parse_address(const char *hex, struct kr_http_at *at)
{
    size_t n = strlen(hex);
    at->v6 = n == 32;
    if (n != 8 && n != 32)
        return false;
    for (size_t i = 0; i < n / 8; i++) {
        uint32_t word;
        if (sscanf(hex + 8 * i, "%8" SCNx32, &word) != 1)
            return false;
        memcpy(at->addr + 4 * i, &word, 4);
    }
    return true;
}

/* Any address: the loopback of its family is one of them. */
static void settle(struct kr_http_at *at)
{
    static const uint8_t none[16];
    if (memcmp(at->addr, none, at->v6 ? 16 : 4) != 0)
        return;
    at->addr[at->v6 ? 15 : 3] = 1;
    if (!at->v6)
        at->addr[0] = 127;
}

static void add_door(const char *line, const struct kr_inodes *own, pid_t pid, struct doors *out)
{
    char address[40];
    unsigned port, state;
    uint32_t inode;
    struct kr_http_at at = {.pid = pid};
    if (out->n == MOST_LISTENERS ||
        sscanf(line, " %*[^:]: %39[0-9A-Fa-f]:%4x %*s %2x %*s %*s %*s %*s %*s %" SCNu32, address,
               &port, &state, &inode) != 4 ||
        state != 10 /* LISTEN */ || !kr_inodes_have(own, inode) || !parse_address(address, &at))
        return;
    at.port = (uint16_t)port;
    settle(&at);
    out->v[out->n++] = at;
}

static void read_doors(pid_t pid, const char *table, const struct kr_inodes *own, struct doors *out)
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/net/%s", (int)pid, table);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f))
        add_door(line, own, pid, out);
    if (f)
        fclose(f);
}

/* -1 (errno): its sockets can't be told. */
static int find_doors(pid_t pid, struct doors *out)
{
    struct kr_inodes own = {0};
    int bad = kr_inodes_add(pid, &own);
    kr_inodes_sort(&own);
    if (!bad) {
        read_doors(pid, "tcp", &own, out);
        read_doors(pid, "tcp6", &own, out);
    }
    kr_inodes_free(&own);
    for (size_t i = 1; i < out->n; i++) /* the documented one first */
        if (out->v[i].port == USUAL_PORT) {
            struct kr_http_at first = out->v[i];
            out->v[i] = out->v[0];
            out->v[0] = first;
        }
    return bad;
}

static void url_of(const struct kr_http_at *at, char out[static 80])
{
    char host[INET6_ADDRSTRLEN] = "";
    inet_ntop(at->v6 ? AF_INET6 : AF_INET, at->addr, host, sizeof host);
    snprintf(out, 80, "http://%s%s%s:%u", at->v6 ? "[" : "", host, at->v6 ? "]" : "", at->port);
}

int kr_queue_url(const char *url, struct kr_err *e)
{
    struct kr_http_at at;
    return kr_http_url(url, &at, e);
}

/* ---- what it says ---------------------------------------------------------------------------- */

struct told {
    uint64_t scheduled, ready, messages;
    bool any;
};

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static int number(const json_t *j, const char *what, uint64_t *out, struct kr_err *e)
{
    double v = json_is_number(j) ? json_number_value(j) : -1;
    if (!(v >= 0 && v <= MOST_NUMBER))
        return kr_fail(e, KR_UNKNOWN, 0, "/metrics.json: %s is no count", what);
    *out += (uint64_t)v;
    return 0;
}

static int gauge(const json_t *root, const char *name, struct told *t, uint64_t *out,
                 struct kr_err *e)
{
    const json_t *j = json_object_get(root, name);
    if (!j)
        return 0;
    t->any = true;
    return number(json_object_get(j, "value"), name, out, e);
}

/* By service: "smtp_client:SOURCE->SITE", and "smtp_client" as the sum of those. */
static int ready(const json_t *root, uint64_t *out, struct kr_err *e)
{
    const json_t *gauges = json_object_get(root, "ready_count");
    json_t *all = json_object_get(json_object_get(gauges, "value"), "service"), *v;
    const char *name;
    uint64_t sum[2] = {0};
    if (gauges && !json_is_object(all))
        return kr_fail(e, KR_UNKNOWN, 0, "/metrics.json: ready_count is not by service");
    json_object_foreach(all, name, v)
    {
        if (number(v, "ready_count", &sum[strchr(name, ':') != NULL], e))
            return -1;
    }
    *out = larger(sum[0], sum[1]);
    return 0;
}

static int read_metrics(const struct kr_buf *body, struct told *t, struct kr_err *e)
{
    json_error_t why;
    json_t *root = json_loadb(kr_buf_str(body), body->len, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(root)) {
        json_decref(root);
        return kr_fail(e, KR_UNKNOWN, 0, "/metrics.json is no JSON object");
    }
    int bad = gauge(root, "scheduled_count_total", t, &t->scheduled, e) ||
              gauge(root, "message_count", t, &t->messages, e) || ready(root, &t->ready, e);
    bool kumod =
        t->any || json_object_get(root, "lua_count") || json_object_get(root, "lua_load_count");
    json_decref(root);
    if (!bad && !kumod)
        return kr_fail(e, KR_UNKNOWN, 0, "/metrics.json is not KumoMTA's");
    return bad ? -1 : 0;
}

/* 1: its spool was counted; 0: a release without that answer; -1. */
static int counted(const struct kr_http_at *at, unsigned ms, struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf body = {0};
    int status = kr_http(at, "GET", LIVENESS, NULL, ms, &body, e);
    if (status < 0)
        return -1;
    if (status == 200 || status == 404)
        return status == 200;
    return kr_fail(e, KR_UNKNOWN, 0, LIVENESS " answers %d: %.80s", status, kr_buf_str(&body));
}

static int ask(const struct kr_http_at *at, unsigned ms, struct told *t, struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf body = {0};
    int spool = counted(at, ms, e);
    int status = spool < 0 ? -1 : kr_http(at, "GET", "/metrics.json", NULL, ms, &body, e);
    *t = (struct told){0};
    if (status < 0)
        return -1;
    if (status != 200)
        return kr_fail(e, KR_UNKNOWN, 0, "/metrics.json answers %d", status);
    if (read_metrics(&body, t, e))
        return -1;
    return t->any || spool == 1
               ? 0
               : kr_fail(e, KR_UNKNOWN, 0, "/metrics.json names no count of messages");
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void commands(struct kr_queue *q, const char *url)
{
    char into[48] = "", at[100] = "";
    if (q->elsewhere)
        snprintf(into, sizeof into, "nsenter -n -t %d ", (int)q->pid);
    if (strcmp(url, "http://127.0.0.1:8000") != 0)
        snprintf(at, sizeof at, " --endpoint %s", url);
    snprintf(q->purge, sizeof q->purge, "%s" KCLI "%s bounce --everything --reason '" REASON "'",
             into, at);
    snprintf(q->hold, sizeof q->hold,
             "%s" KCLI "%s suspend --everything --reason '" REASON "' --duration '7 days'", into,
             at);
    snprintf(q->look, sizeof q->look, "%s" KCLI "%s queue-summary", into, at);
}

static bool ask_door(struct kr_queue_asking *a, struct kr_queue *q, const struct kr_http_at *at,
                     struct kr_err *why)
{
    struct told t;
    char url[80];
    unsigned ms = a->how->most_ms ? a->how->most_ms : 5000;
    url_of(at, url);
    if (ask(at, ms, &t, why)) {
        kr_wrap(why, "%s", url);
        return false;
    }
    snprintf(q->where, sizeof q->where, "%s", url);
    commands(q, url);
    q->purgeable = true;
    kr_queue_count(q, "metrics.json", larger(larger(t.scheduled, t.ready), t.messages), 0);
    return true;
}

static void ask_configured(struct kr_queue_asking *a, struct kr_queue *q)
{
    struct kr_http_at at;
    struct kr_err why = {0};
    if (kr_http_url(a->how->kumomta_url, &at, &why) || !ask_door(a, q, &at, &why))
        kr_queue_doubt(q, "%.190s", why.msg);
}

/* The first failure is the one that tells: of the usual port, or of the only listener. */
static void ask_process(struct kr_queue_asking *a, struct kr_queue *q)
{
    struct doors *d = kr_calloc(1, sizeof *d);
    struct kr_err first = {0}, why = {0};
    bool told = false;
    if (find_doors(a->mta->pid, d)) {
        kr_queue_doubt(q, "its sockets can't be read: %s", strerror(errno));
        free(d);
        return;
    }
    for (size_t i = 0; i < d->n && !told; i++) {
        d->v[i].pid = a->mta->elsewhere ? a->mta->pid : 0;
        told = ask_door(a, q, &d->v[i], &why);
        if (!told && !*first.msg)
            first = why;
    }
    if (!told && !d->n)
        kr_queue_doubt(q, "it listens nowhere, so its HTTP listener can't be asked");
    else if (!told)
        kr_queue_doubt(q, "%.190s", first.msg);
    free(d);
}

void kr_queue_ask_kumomta(struct kr_queue_asking *a)
{
    struct kr_queue *q = kr_queue_add(a, a->mta->config);
    commands(q, "http://127.0.0.1:8000");
    if (a->how->kumomta_url && !a->mta->elsewhere)
        ask_configured(a, q);
    else if (a->mta->pid)
        ask_process(a, q);
    else
        kr_queue_doubt(q, "it does not run, and only it can read its spool: start it, the guards "
                          "stand");
}

/* ---- purging --------------------------------------------------------------------------------- */

static int order(const struct kr_http_at *at, const char *method, const char *json, unsigned ms,
                 struct kr_buf *body, struct kr_err *e)
{
    int status = kr_http(at, method, "/api/admin/bounce/v1", json, ms, body, e);
    if (status < 0 || (status >= 200 && status < 300))
        return status < 0 ? -1 : 0;
    return kr_fail(e, KR_CANNOT, 0, "/api/admin/bounce/v1 answers %d: %.100s", status,
                   kr_buf_str(body));
}

/* A bounce is an order that stands for some minutes, so that it meets what is being delivered too;
 * and mail that comes after the test, so it is taken back once the queue is empty. */
static int give_order(const struct kr_http_at *at, unsigned ms, char id[static 48],
                      struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf body = {0};
    if (order(at, "POST", "{\"reason\":\"" REASON "\"}", ms, &body, e))
        return -1;
    json_t *j = json_loadb(kr_buf_str(&body), body.len, 0, NULL);
    const char *given = json_string_value(json_object_get(j, "id"));
    bool good =
        given && strlen(given) < 48 && strspn(given, "0123456789abcdefABCDEF-") == strlen(given);
    snprintf(id, 48, "%s", good ? given : "");
    json_decref(j);
    return good ? 0 : kr_fail(e, KR_UNKNOWN, 0, "/api/admin/bounce/v1 names no order");
}

static int find_door(const struct kr_queue *q, struct kr_http_at *at, struct kr_err *e)
{
    if (kr_http_url(q->where, at, e))
        return -1;
    at->pid = q->elsewhere ? q->pid : 0;
    return 0;
}

int kr_queue_purge_kumomta(struct kr_queue *q, const struct kr_queue_how *h, struct kr_err *e)
{
    struct kr_http_at at;
    unsigned ms = h->most_ms ? h->most_ms : 60000;
    return find_door(q, &at, e) || give_order(&at, ms, q->order, e) ? -1 : 0;
}

int kr_queue_purged_kumomta(struct kr_queue *q, const struct kr_queue_how *h, struct kr_err *e)
{
    struct kr_http_at at;
    KR_AUTO_BUF struct kr_buf json = {0}, body = {0};
    if (!*q->order)
        return 0;
    kr_buf_printf(&json, "{\"id\":\"%s\"}", q->order);
    if (find_door(q, &at, e) ||
        order(&at, "DELETE", json.s, h->most_ms ? h->most_ms : 5000, &body, e))
        return -1;
    q->order[0] = '\0';
    return 0;
}

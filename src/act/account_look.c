#include "account_look.h"

#include "tables.h"

#include <kr/buf.h>
#include <kr/clock.h>
#include <kr/err.h>
#include <kr/mem.h>
#include <kr/sinkctl.h>

#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ASK_MS 500u

bool account_slurp(const char *path, char *out, size_t size)
{
    size_t have = 0;
    ssize_t n = 0;
    KR_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && have < size - 1 && (n = read(fd, out + have, size - 1 - have)) > 0)
        have += (size_t)n;
    out[have] = '\0';
    return fd >= 0 && n >= 0;
}

static void unknown(struct kr_run_facts *f, const char *why)
{
    f->known = false;
    snprintf(f->why, sizeof f->why, "%.*s", (int)sizeof f->why - 1, why);
}

/* ---- the kernel ---------------------------------------------------------------------------------
 */

static void look_at_guards(struct kr_run_facts *f)
{
    const struct kr_nft_name *const tables[] = {&kr_table_inet, &kr_table_netdev};
    f->known = true;
    for (size_t i = 0; i < 2; i++) {
        KR_AUTO_FREE struct kr_nft_count *found = NULL;
        size_t n = 0;
        struct kr_err why = {0};
        bool there = false;
        if (kr_nft_exists(tables[i], &there, &why) ||
            (there && kr_nft_counters(tables[i], &found, &n, &why)))
            unknown(f, why.msg);
        for (size_t k = 0; k < n; k++)
            kr_numbers_add(&f->n, found[k].name, found[k].packets);
    }
    if (f->known && !f->n.n)
        unknown(f, "no counters: none of our tables is there");
}

/* The sums over all processors of the named columns of /proc/net/stat/nf_conntrack: a line of
 * headings, then a line of hexadecimal numbers for each (seq_file in nf_conntrack_standalone.c). */
static void conntrack_line(const char *headings, const char *line, struct kr_numbers *to)
{
    static const char *const wanted[] = {"insert_failed", "drop", "early_drop", "search_restart"};
    char name[32];
    int used = 0, digits = 0;
    uint64_t v;
    while (sscanf(headings, "%31s%n", name, &used) == 1 &&
           sscanf(line, "%" SCNx64 "%n", &v, &digits) == 1) {
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
            if (strcmp(name, wanted[i]) == 0)
                kr_numbers_add(to, name, v);
        headings += used;
        line += digits;
    }
}

static void look_at_conntrack(struct kr_run_facts *f)
{
    static char text[64 << 10];
    char *rest = text;
    if (!account_slurp("/proc/net/stat/nf_conntrack", text, sizeof text) || !*text) {
        unknown(f, "/proc/net/stat/nf_conntrack can't be read");
        return;
    }
    const char *headings = strsep(&rest, "\n");
    for (char *line; (line = strsep(&rest, "\n")) && *line;)
        conntrack_line(headings, line, &f->n);
    f->known = f->n.n == 4;
    if (!f->known)
        unknown(f, "/proc/net/stat/nf_conntrack has other columns than those known");
}

/* /proc/net/softnet_stat: a line a processor; the second number is dropped, the third squeezed
 * (softnet_seq_show in net-procfs.c). */
static void look_at_softnet(struct kr_run_facts *f)
{
    static char text[64 << 10];
    char *rest = text;
    f->known = account_slurp("/proc/net/softnet_stat", text, sizeof text) && *text;
    for (char *line; f->known && (line = strsep(&rest, "\n")) && *line;) {
        uint64_t dropped, squeezed;
        if (sscanf(line, "%*x %" SCNx64 " %" SCNx64, &dropped, &squeezed) != 2) {
            f->known = false;
            break;
        }
        kr_numbers_add(&f->n, "dropped", dropped);
        kr_numbers_add(&f->n, "squeezed", squeezed);
    }
    if (!f->known)
        unknown(f, "/proc/net/softnet_stat can't be read");
}

/* ---- processor time -----------------------------------------------------------------------------
 */

static uint64_t ticks_us(uint64_t ticks)
{
    long hz = sysconf(_SC_CLK_TCK);
    return ticks * 1000000u / (uint64_t)(hz > 0 ? hz : 100);
}

/* User and system time of a process (proc_pid_stat(5)), with the children it has waited for. The
 * name in parentheses may hold anything. */
static bool process_time(pid_t pid, uint64_t *us)
{
    char path[40], text[1024];
    uint64_t t[4];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (!account_slurp(path, text, sizeof text))
        return false;
    const char *end = strrchr(text, ')');
    if (!end || sscanf(end + 1,
                       " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
                       " %" SCNu64 " %" SCNu64,
                       &t[0], &t[1], &t[2], &t[3]) != 4)
        return false;
    *us += ticks_us(t[0] + t[1] + t[2] + t[3]);
    return true;
}

/* kumo-sink: a master and a process for each worker. */
static bool sink_time(pid_t master, uint64_t *us)
{
    char path[64], text[8192];
    const char *at = text;
    int pid, used;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)master, (int)master);
    if (!process_time(master, us) || !account_slurp(path, text, sizeof text))
        return false;
    while (sscanf(at, "%d%n", &pid, &used) == 1) {
        process_time(pid, us);
        at += used;
    }
    return true;
}

static void look_at_cpu(pid_t sink, struct kr_run_facts *f)
{
    char text[512];
    uint64_t t[8], us = 0;
    f->known = account_slurp("/proc/stat", text, sizeof text) &&
               sscanf(text,
                      "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
                      " %" SCNu64 " %" SCNu64,
                      &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) == 8;
    if (!f->known) {
        unknown(f, "/proc/stat can't be read");
        return;
    }
    kr_numbers_set(&f->n, "busy_us", ticks_us(t[0] + t[1] + t[2] + t[5] + t[6]));
    kr_numbers_set(&f->n, "idle_us", ticks_us(t[3] + t[4]));
    kr_numbers_set(&f->n, "stolen_us", ticks_us(t[7]));
    if (sink > 0 && sink_time(sink, &us))
        kr_numbers_set(&f->n, "sink_us", us);
}

/* ---- the sink -----------------------------------------------------------------------------------
 */

static void sink_numbers(const json_t *o, struct kr_numbers *to)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)o, key, v)
    {
        if (json_is_integer(v) && json_integer_value(v) >= 0 && strcmp(key, "pid") != 0 &&
            strcmp(key, "uptime_seconds") != 0)
            kr_numbers_set(to, key, (uint64_t)json_integer_value(v));
    }
}

/* Sums, of which the mean between two looks can be told. */
static void sink_transactions(const json_t *sink, struct kr_numbers *to)
{
    const json_t *o = json_object_get(json_object_get(sink, "latency_us"), "transaction");
    const json_t *count = json_object_get(o, "count"), *sum = json_object_get(o, "sum");
    if (!json_is_integer(count) || !json_is_integer(sum))
        return;
    kr_numbers_set(to, "transactions", (uint64_t)json_integer_value(count));
    kr_numbers_set(to, "transactions_us", (uint64_t)json_integer_value(sum));
}

static void look_at_sink(const struct kr_paths *paths, struct account_look *l)
{
    struct kr_run_facts *f = &l->facts[KR_RUN_sink];
    KR_AUTO_BUF struct kr_buf answer = {0};
    struct kr_err why = {0};
    int asked = kr_sink_ask_within(paths, "stats", ASK_MS, &answer, &why);
    l->sink = asked == 1 ? json_loads(kr_buf_str(&answer), 0, NULL) : NULL;
    const char *schema = json_string_value(json_object_get(l->sink, "schema"));
    f->known = schema && strcmp(schema, "kumo-sink/stats/1") == 0;
    if (f->known) {
        sink_numbers(l->sink, &f->n);
        sink_transactions(l->sink, &f->n);
    } else {
        unknown(f, asked < 0    ? why.msg
                   : asked == 0 ? "no kumo-sink of ours: another sink keeps its own account"
                                : "the sink answers oddly");
    }
}

void account_look(const struct kr_paths *paths, pid_t sink_pid, bool ask_sink,
                  struct account_look *out)
{
    *out = (struct account_look){.us = kr_now_us()};
    look_at_guards(&out->facts[KR_RUN_guards]);
    look_at_conntrack(&out->facts[KR_RUN_conntrack]);
    look_at_softnet(&out->facts[KR_RUN_softnet]);
    look_at_cpu(sink_pid, &out->facts[KR_RUN_cpu]);
    if (ask_sink)
        look_at_sink(paths, out);
    else
        unknown(&out->facts[KR_RUN_sink], "it was not asked");
}

void account_look_free(struct account_look *l)
{
    for (size_t i = 0; i < KR_RUN_GROUPS; i++)
        free(l->facts[i].n.v);
    json_decref(l->sink);
    *l = (struct account_look){0};
}

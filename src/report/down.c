#include <kr/buf.h>
#include <kr/down.h>
#include <kr/let_go.h>
#include <kr/log.h>
#include <kr/mta.h>
#include <kr/report.h>
#include <kr/survivors.h>

#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

/* ---- text ------------------------------------------------------------------------------------ */

static void row(FILE *out, const char *name)
{
    fprintf(out, "  %-10s", name);
}

static void say_account(const struct kr_buf *account, FILE *out)
{
    json_t *j = account ? json_loads(kr_buf_str(account), 0, NULL) : NULL;
    static const char *const keys[] = {"connections", "messages", "recipients", "not_redirected"};
    if (!j)
        return;
    row(out, "sink");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        fprintf(out, "%s%s %" JSON_INTEGER_FORMAT, i ? ", " : "", keys[i],
                json_integer_value(json_object_get(j, keys[i])));
    fputs("\n", out);
    json_decref(j);
}

static void say_command(FILE *out, const char *name, const char *command, const char *then)
{
    if (!*command)
        return;
    row(out, name);
    fprintf(out, "sudo %s\n%s%s%s", command, *then ? "            " : "", then, *then ? "\n" : "");
}

static void say_queue(const struct kr_queue *q, FILE *out)
{
    KR_AUTO_BUF struct kr_buf line = {0};
    kr_queue_line(q, &line);
    row(out, q->state == KR_QUEUE_UNKNOWN ? "UNKNOWN"
             : q->state == KR_QUEUE_HOLDS ? "QUEUED"
                                          : "empty");
    fprintf(out, "%s\n", kr_buf_str(&line));
    if (q->state == KR_QUEUE_EMPTY)
        return;
    say_command(out, "look", q->look, "");
    say_command(out, "purge", q->purge, q->purgeable ? "or: sudo kumo-redirect down --purge" : "");
    say_command(out, "hold", q->hold, "then it stays queued: sudo kumo-redirect down --force");
}

static void say_survivors(const struct kr_queues *q, FILE *out)
{
    for (size_t i = 0; i < kr_n_survivors; i++)
        if (kr_survivor_applies(&kr_survivors[i], q)) {
            row(out, "survives");
            fprintf(out, "%s\n            %s\n", kr_survivors[i].what, kr_survivors[i].remedy);
        }
}

static void say_off(const struct kr_down_result *r, FILE *out)
{
    fprintf(out, "off%s\n", r->was_off ? ": nothing of ours was there" : "");
    if (r->was_off)
        return;
    say_account(r->account, out);
    for (size_t i = 0; i < r->queues.n; i++)
        if (r->queues.v[i].state == KR_QUEUE_EMPTY)
            say_queue(&r->queues.v[i], out);
    if (!r->queues.n && !r->forced) {
        row(out, "note");
        fputs("no mail server that is known was found; what one has in its queue goes to real "
              "recipients now\n",
              out);
    }
    if (r->forced) {
        row(out, "FORCED");
        fputs("what is queued now goes to real recipients; recorded\n", out);
    }
}

void kr_text_down(const struct kr_down_result *r, FILE *out)
{
    bool color = kr_log_color(fileno(out));
    if (r->ended == KR_ENDED_BLOCKED) {
        fprintf(out,
                "%sblocked%s: the guards stay, since mail may be queued that would go to real "
                "recipients\n",
                color ? "\033[1;31m" : "", color ? "\033[0m" : "");
        say_account(r->account, out);
        for (size_t i = 0; i < r->queues.n; i++)
            say_queue(&r->queues.v[i], out);
    } else {
        say_off(r, out);
    }
    if (!r->was_off)
        say_survivors(&r->queues, out);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *text_or_null(const char *s)
{
    return *s ? json_string(s) : json_null();
}

static json_t *queue_json(const struct kr_queue *q)
{
    bool known = q->state != KR_QUEUE_UNKNOWN;
    return json_pack("{s:s, s:s, s:i, s:b, s:s, s:s, s:o, s:I, s:I, s:o, s:o, s:b, s:o, s:o, s:o}",
                     "mta", q->mta->id, "title", q->mta->title, "pid", (int)q->pid, "elsewhere",
                     q->elsewhere, "where", q->where, "state", kr_queue_state_name(q->state),
                     "messages", known ? json_integer((json_int_t)q->queued) : json_null(), "held",
                     (json_int_t)q->held, "running", (json_int_t)q->running, "asked",
                     text_or_null(q->how), "why", text_or_null(q->why), "purgeable", q->purgeable,
                     "purge", text_or_null(q->purge), "hold", text_or_null(q->hold), "look",
                     text_or_null(q->look));
}

static json_t *queues_json(const struct kr_queues *q)
{
    json_t *a = json_array();
    for (size_t i = 0; i < q->n; i++)
        json_array_append_new(a, queue_json(&q->v[i]));
    return a;
}

static json_t *survivors_json(const struct kr_queues *q)
{
    json_t *a = json_array();
    for (size_t i = 0; i < kr_n_survivors; i++)
        if (kr_survivor_applies(&kr_survivors[i], q))
            json_array_append_new(a, json_pack("{s:s, s:s, s:s}", "mta", kr_survivors[i].mta,
                                               "what", kr_survivors[i].what, "remedy",
                                               kr_survivors[i].remedy));
    return a;
}

int kr_json_down(const struct kr_down_result *r, FILE *out)
{
    json_t *account = r->account ? json_loads(kr_buf_str(r->account), 0, NULL) : NULL;
    json_t *cut = json_pack("{s:I, s:I}", "sockets", (json_int_t)r->cut.sockets,
                            "conntrack_entries", (json_int_t)r->cut.entries);
    json_t *j = json_pack("{s:s, s:s, s:b, s:b, s:b, s:b, s:o, s:o, s:o, s:o}", "schema",
                          "kumo-redirect/down/1", "mode",
                          r->ended == KR_ENDED_BLOCKED ? "blocked" : "off", "changed", !r->was_off,
                          "refused", r->ended == KR_ENDED_BLOCKED, "forced", r->forced, "purged",
                          r->purged, "cut", cut, "sink", account ? account : json_null(), "queues",
                          queues_json(&r->queues), "survives", survivors_json(&r->queues));
    int bad = j ? json_dumpf(j, out, JSON_INDENT(2)) : -1;
    fputs("\n", out);
    json_decref(j);
    return bad;
}

/* kumo-gen: sends mail as fast as it may, as traffic-gen does, and says what became of it. */
#include <kr/buf.h>
#include <kr/err.h>
#include <kr/gen_guard.h>
#include <kr/gen_parse.h>
#include <kr/gen_run.h>
#include <kr/log.h>
#include <kr/mem.h>
#include <kr/opt.h>
#include <kr/start.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static int on_domain(void *target, const char *value, struct kr_err *e)
{
    struct kr_gen_config *c = target;
    struct kr_gen_domain d;
    if (kr_gen_domain(value, &d, e))
        return -1;
    c->domain = kr_grow(c->domain, &c->domain_cap, c->domains + 1, sizeof *c->domain);
    c->domain[c->domains++] = d;
    return 0;
}

static int on_suffix(void *target, const char *value, struct kr_err *e)
{
    ((struct kr_gen_config *)target)->suffix = value;
    return kr_gen_suffix(value, e);
}

static int on_size(void *target, const char *value, struct kr_err *e)
{
    int bad = kr_gen_size(value, &((struct kr_gen_config *)target)->body_size, e);
    return bad ? kr_wrap(e, "--body-size") : 0;
}

static int on_throttle(void *target, const char *value, struct kr_err *e)
{
    int bad = kr_gen_rate(value, &((struct kr_gen_config *)target)->rate, e);
    return bad ? kr_wrap(e, "--throttle") : 0;
}

static int on_header(void *target, const char *value, struct kr_err *e)
{
    if (kr_gen_header(value, e))
        return -1;
    kr_strlist_add(&((struct kr_gen_config *)target)->headers, value);
    return 0;
}

static int on_source(void *target, const char *value, struct kr_err *e)
{
    struct kr_gen_config *c = target;
    struct kr_addr a;
    if (kr_addr_parse(value, &a, e))
        return kr_wrap(e, "--source");
    c->source = kr_grow(c->source, &c->source_cap, c->sources + 1, sizeof *c->source);
    c->source[c->sources++] = a;
    return 0;
}

static int on_arrivals(void *target, const char *value, struct kr_err *e)
{
    return kr_gen_arrivals_parse(value, &((struct kr_gen_config *)target)->arrivals, e);
}

static int on_seed(void *target, const char *value, struct kr_err *e)
{
    struct kr_gen_config *c = target;
    size_t n = strlen(value);
    if (n < 1 || n > 18 || strspn(value, "0123456789") != n)
        return kr_fail(e, KR_USAGE, 0, "--seed '%s' is no number of up to 18 digits", value);
    c->seed = strtoull(value, NULL, 10);
    c->seeded = true;
    return 0;
}

static const char *const lives[] = {"auto", "always", "never", NULL};
static const char *const compats[] = {"none", "traffic-gen", NULL};
static const char *const formats[] = {"text", "json", NULL};
#define AT(field) .offset = offsetof(struct kr_gen_config, field)
static const struct kr_opt rows[] = {
    {"target", 't', KR_OPT_STRING, AT(target), .arg = "HOST:PORT",
     .help = "where mail is submitted; default " KR_GEN_TARGET},
    {"concurrency", 'c', KR_OPT_UINT, AT(concurrency), .arg = "N", .min = 1, .max = 10000000,
     .help = "connections at the same time; default ten for each processor"},
    {"message-count", 'n', KR_OPT_UINT, AT(message_count), .arg = "N", .min = 1, .max = INT64_MAX,
     .help = "send so many messages, unless the time is over before"},
    {"duration", 'd', KR_OPT_UINT, AT(duration), .arg = "SECONDS", .min = 1, .max = 31536000,
     .help = "how long to send; default 60"},
    {"body-size", 0, KR_OPT_CALL, .arg = "SIZE", .call = on_size,
     .help = "octets of nonsense words in a message: 1024, 60kb, 64KiB; default 1024"},
    {"body-file", 0, KR_OPT_STRING, AT(body_file), .arg = "FILE",
     .help = "the message, headers and all"},
    {"domain", 0, KR_OPT_CALL, .arg = "NAME[:WEIGHT]", .call = on_domain,
     .help = "a domain of recipients and senders, repeatable; default aol.com, gmail.com, "
             "hotmail.com, yahoo.com"},
    {"domain-suffix", 0, KR_OPT_CALL, .arg = "NAME", .call = on_suffix,
     .help = "what is appended to each domain; default " KR_GEN_SUFFIX "; '' means real names, "
             "and wants evidence that the redirect stands"},
    {"throttle", 0, KR_OPT_CALL, .arg = "N/UNIT", .call = on_throttle,
     .help = "messages a time: 500/s, 30000/min, 1000000/hour; default no limit"},
    {"header", 0, KR_OPT_CALL, .arg = "'NAME: VALUE'", .call = on_header,
     .help = "a header of every message, repeatable; takes the place of our own of that name"},
    {"starttls", 0, KR_OPT_FLAG, AT(starttls),
     .help = "use STARTTLS when it is offered, whatever the certificate"},
    {"keep-going", 0, KR_OPT_FLAG, AT(keep_going),
     .help = "a refused message, or no session, does not end the client"},
    {"mail-file", 'f', KR_OPT_STRING, AT(mail_file), .arg = "FILE",
     .help = "CSV with a column recipient, and sender, weight, body (a file) as you like"},
    {"recipients", 0, KR_OPT_UINT, AT(recipients), .arg = "N", .min = 1, .max = 10000,
     .help = "recipients of a message; default 1"},
    {"messages-per-connection", 'm', KR_OPT_UINT, AT(per_connection), .arg = "N", .min = 1,
     .max = UINT32_MAX, .help = "then QUIT and a new one; default any number"},
    {"source", 's', KR_OPT_CALL, .arg = "ADDR", .call = on_source,
     .help = "an address of this host to send from, repeatable; taken in turn"},
    {"no-pipelining", 0, KR_OPT_FLAG, AT(no_pipelining),
     .help = "one command at a time, though PIPELINING is offered"},
    {"arrivals", 0, KR_OPT_CALL, .arg = "PATTERN", .call = on_arrivals,
     .help = "when messages are due: steady, poisson, ramp[:RATE], spike[:FACTOR[,EVERY,LASTING]]; "
             "needs --throttle"},
    {"open-loop", 0, KR_OPT_FLAG, AT(open_loop),
     .help = "a message is due whether anybody is free for it or not, and its latency counts from "
             "then; needs --throttle"},
    {"warm-up", 0, KR_OPT_UINT, AT(warm_up), .arg = "SECONDS", .max = 86400,
     .help = "sent before --duration begins; not in rates and latencies; default 0"},
    {"timeout", 0, KR_OPT_UINT, AT(timeout), .arg = "SECONDS", .min = 1, .max = 86400,
     .help = "how long to wait for an answer; default 60"},
    {"drain", 0, KR_OPT_UINT, AT(drain), .arg = "SECONDS", .max = 86400,
     .help = "how long to wait for what is still under way at the end; default 10"},
    {"seed", 0, KR_OPT_CALL, .arg = "N", .call = on_seed,
     .help = "the same messages each time; default at random"},
    {"workers", 'w', KR_OPT_UINT, AT(workers), .arg = "N", .min = 1, .max = 1024,
     .help = "processes; default one for each processor"},
    {"i-know", 0, KR_OPT_FLAG, AT(i_know),
     .help = "send real names, or to strangers, without evidence that the redirect stands"},
    {"compat", 0, KR_OPT_CHOICE, AT(compat), .arg = "none|traffic-gen", .choices = compats,
     .help = "traffic-gen: print and return what traffic-gen does"},
    {"format", 0, KR_OPT_CHOICE, AT(format), .arg = "text|json", .choices = formats,
     .help = "of the account on standard output"},
    {"live", 0, KR_OPT_CHOICE, AT(live), .arg = "auto|always|never", .choices = lives,
     .help = "a line on standard error that says what happens; auto: on a terminal"},
};
static const struct kr_opt_table table = {rows, sizeof rows / sizeof *rows};

static const struct kr_start program = {
    .name = "kumo-gen",
    .table = &table,
    .about = "Usage: kumo-gen [OPTION]...\n"
             "Sends test mail by SMTP as traffic-gen does, takes its options, and says what became "
             "of each message.\n",
    .examples = "Examples:\n"
                "  kumo-gen --concurrency 400 --body-size 60kb --keep-going      for a minute, "
                "to " KR_GEN_TARGET "\n"
                "  kumo-gen --throttle 2000/s --open-loop --arrivals poisson     latencies as "
                "users see them\n"
                "  kumo-gen -n 100000 -t 127.0.0.1:2026 --format json            the account as "
                "JSON"};

/* traffic-gen can inject by KumoMTA's HTTP API too. */
static int explain_http(int argc, char **argv, struct kr_err *e)
{
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], "--http", 6) == 0 && strstr(e->msg, "unknown option --http"))
            return kr_fail(e, KR_USAGE, 0,
                           "'%s': kumo-gen injects by SMTP only; for KumoMTA's HTTP API use "
                           "traffic-gen itself",
                           argv[i]);
    return -1;
}

static int check(const struct kr_gen_config *c, struct kr_err *e)
{
    bool shaped = c->arrivals.shape != KR_GEN_STEADY;
    if ((shaped || c->open_loop) && c->rate <= 0)
        return kr_fail(e, KR_USAGE, 0, "--%s needs a rate: --throttle N/s",
                       shaped ? "arrivals" : "open-loop");
    if (c->body_file && c->mail_file)
        return kr_fail(e, KR_USAGE, 0,
                       "--body-file '%s' and --mail-file '%s': name the file in the column body",
                       c->body_file, c->mail_file);
    return 0;
}

static int fill_in(struct kr_gen_config *c, struct kr_err *e)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t n = cpus > 0 ? (uint64_t)cpus : 1;
    c->workers = c->workers ? c->workers : n;
    c->concurrency = c->concurrency ? c->concurrency : n * 10;
    if (c->seeded)
        return 0;
    if (getrandom(&c->seed, sizeof c->seed, 0) != (ssize_t)sizeof c->seed)
        return kr_fail(e, KR_CANNOT, errno, "getrandom");
    c->seed %= 1000000000000000000u; /* so that it can be given again */
    return 0;
}

static int print(const struct kr_gen_result *r, struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf out = {0};
    if (r->cfg->format == KR_GEN_JSON) {
        if (kr_gen_result_json(r, &out, e))
            return -1;
    } else if (r->cfg->compat == KR_GEN_COMPAT_TRAFFIC_GEN) {
        kr_gen_result_compat(r, &out);
    } else {
        kr_gen_result_text(r, &out);
    }
    if (fwrite(out.s, 1, out.len, stdout) == out.len && fflush(stdout) == 0)
        return 0;
    return kr_fail(e, KR_CANNOT, errno, "writing the account");
}

struct guarded {
    const struct kr_target *target;
    bool real, watched;
};

static int still_stands(void *arg, struct kr_err *e)
{
    struct kr_stands s;
    const struct guarded *g = arg;
    struct kr_err why = {0};
    if (!g->watched || kr_evidence_check(true, &s, &why) == 0)
        return 0;
    return kr_fail(e, KR_BREACH, 0, "stopped: %s", why.msg);
}

/* Returns 0 with the exit status in *status, or -1. */
static int send_all(struct kr_gen_config *c, int *status, struct kr_err *e)
{
    struct kr_target t;
    struct guarded g = {.target = &t, .real = !*c->suffix};
    KR_AUTO_FREE struct kr_gen_result *r = kr_calloc(1, sizeof *r);
    if (kr_target_find(c->target, &t, e))
        return -1;
    if (!c->i_know && kr_guard_check(&t, g.real, &g.watched, e))
        return -1;
    kr_target_choose(&t);
    if (fill_in(c, e))
        return -1;
    int bad = kr_gen_go(c, &t, still_stands, &g, r, e);
    if (r->cfg && print(r, bad ? NULL : e))
        return -1;
    *status = c->compat == KR_GEN_COMPAT_TRAFFIC_GEN && !r->crashed ? KR_OK : kr_gen_status(r);
    return bad;
}

static int start(int argc, char **argv, struct kr_gen_config *c, int *status, struct kr_err *e)
{
    int done = kr_start(&program, argc, argv, c, &c->quiet, e);
    if (done < 0)
        return explain_http(argc, argv, e);
    return done ? 0 : check(c, e) ? -1 : send_all(c, status, e);
}

int main(int argc, char **argv)
{
    struct kr_err e = {0};
    struct kr_gen_config c = {.target = KR_GEN_TARGET,
                              .suffix = KR_GEN_SUFFIX,
                              .body_size = 1024,
                              .duration = 60,
                              .recipients = 1,
                              .timeout = 60,
                              .drain = 10};
    int status = KR_OK;
    kr_log_setup("kumo-gen", KR_LOG_INFO, KR_COLOR_AUTO);
    int bad = kr_start_hold_fds(&e) || start(argc, argv, &c, &status, &e);
    if (bad)
        kr_error("%s", e.msg);
    free(c.domain);
    free(c.source);
    kr_strlist_free(&c.headers);
    return bad ? (int)e.exit : status;
}

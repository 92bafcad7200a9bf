/* kumo-sink: takes all mail, keeps none, and tells whom it was meant for. */
#include "secure.h"

#include <kr/err.h>
#include <kr/log.h>
#include <kr/mem.h>
#include <kr/opt.h>
#include <kr/program.h>
#include <kr/sink_ca.h>
#include <kr/sink_config.h>
#include <kr/sink_ctl.h>
#include <kr/sink_master.h>
#include <kr/sink_selftest.h>
#include <kr/start.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <unistd.h>

#define NONCE_MAX 39
#define NAME "kumo-sink"

static void add_listen(struct kr_sink_config *cfg, const struct kr_endpoint *ep)
{
    cfg->listen = kr_grow(cfg->listen, &cfg->listen_cap, cfg->listens + 1, sizeof *cfg->listen);
    cfg->listen[cfg->listens++] = *ep;
}

static int on_listen(void *target, const char *value, struct kr_err *e)
{
    struct kr_endpoint ep;
    if (kr_endpoint_parse(value, &ep, e))
        return kr_wrap(e, "--listen");
    if (kr_addr_cmp(&ep.first, &ep.last))
        return kr_fail(e, KR_USAGE, 0, "--listen '%s' is a range: name one address", value);
    add_listen(target, &ep);
    return 0;
}

static int on_range(void *target, const char *value, struct kr_err *e)
{
    struct kr_sink_config *cfg = target;
    struct kr_prefix p;
    if (kr_prefix_parse(value, &p, e))
        return kr_wrap(e, "--range");
    kr_prefixset_add(&cfg->ranges, &p);
    return 0;
}

static int on_nonce(void *target, const char *value, struct kr_err *e)
{
    size_t n = strlen(value);
    if (n < 1 || n > NONCE_MAX || strspn(value, "0123456789abcdefABCDEF") != n)
        return kr_fail(e, KR_USAGE, 0, "--nonce '%s' is not 1 to %d hexadecimal digits", value,
                       NONCE_MAX);
    ((struct kr_sink_config *)target)->nonce = value;
    return 0;
}

static int on_tls_name(void *target, const char *value, struct kr_err *e)
{
    return kr_tls_names_add(&((struct kr_sink_config *)target)->tls_names, value, e);
}

static int on_seed(void *target, const char *value, struct kr_err *e)
{
    size_t n = strlen(value);
    if (n < 1 || n > 19 || strspn(value, "0123456789") != n)
        return kr_fail(e, KR_USAGE, 0, "--seed '%s' is no number of up to 19 digits", value);
    ((struct kr_sink_config *)target)->seed = value;
    return 0;
}

static int on_metrics(void *target, const char *value, struct kr_err *e)
{
    struct kr_endpoint ep;
    if (kr_endpoint_parse(value, &ep, e))
        return kr_wrap(e, "--metrics");
    if (kr_addr_cmp(&ep.first, &ep.last))
        return kr_fail(e, KR_USAGE, 0, "--metrics '%s' is a range: name one address", value);
    ((struct kr_sink_config *)target)->metrics = ep;
    return 0;
}

static int on_idle(void *target, const char *value, struct kr_err *e)
{
    return kr_idles_set(&((struct kr_sink_config *)target)->idle, value, e);
}

static int on_capture(void *target, const char *value, struct kr_err *e)
{
    return kr_targets_add(&((struct kr_sink_config *)target)->targets, value, e);
}

static int on_log(void *target, const char *value, struct kr_err *e)
{
    return kr_targets_log(&((struct kr_sink_config *)target)->targets, value, e);
}

static int on_sample(void *target, const char *value, struct kr_err *e)
{
    char *end = NULL;
    double percent = *value >= '0' && *value <= '9' ? strtod(value, &end) : -1;
    if (!end || *end || !(percent > 0 && percent <= 100))
        return kr_fail(e, KR_USAGE, 0, "--capture-sample '%s' is no percentage above 0, up to 100",
                       value);
    ((struct kr_sink_config *)target)->sample = percent / 100;
    return 0;
}

static const char *const lives[] = {"auto", "always", "never", NULL};
static const char *const tls_modes[] = {"off", "self-signed", "lab-ca", NULL};
static const char *const compats[] = {"none", "kumo", NULL};
#define AT(field) .offset = offsetof(struct kr_sink_config, field)
static const struct kr_opt rows[] = {
    {"listen", 'l', KR_OPT_CALL, .arg = "ADDR:PORT", .call = on_listen,
     .help = "where to listen, repeatable; default 0.0.0.0:2026 and [::]:2026"},
    {"range", 'r', KR_OPT_CALL, .arg = "PREFIX", .call = on_range,
     .help = "serve only connections to local addresses in here; repeatable"},
    {"nonce", 'n', KR_OPT_CALL, .arg = "HEX", .call = on_nonce,
     .help = "what greeting, replies and ping identify this sink by; default random"},
    {"workers", 'w', KR_OPT_UINT, AT(workers), .arg = "N", .min = 1, .max = 1024,
     .help = "worker processes; default one for each CPU that is online"},
    {"user", 'u', KR_OPT_STRING, AT(user), .arg = "NAME",
     .help = "whom to become when started as root; default nobody"},
    {"control", 'c', KR_OPT_STRING, AT(control), .arg = "PATH",
     .help = "control socket, for kumo-sink ctl"},
    {"ready-fd", 0, KR_OPT_UINT, AT(ready_fd), .arg = "N", .max = 65535,
     .help = "write READY to this descriptor once it listens"},
    {"lifeline-fd", 0, KR_OPT_UINT, AT(lifeline_fd), .arg = "N", .max = 65535,
     .help = "end when this pipe closes before a K was read from it"},
    {"max-size", 0, KR_OPT_UINT, AT(max_size), .arg = "BYTES", .min = 1, .max = INT64_MAX,
     .help = "largest message; default 104857600 (100 MiB)"},
    {"max-recipients", 0, KR_OPT_UINT, AT(max_recipients), .arg = "N", .min = 100,
     .max = UINT32_MAX, .help = "recipients of one message, at least 100; default 1000"},
    {"max-connections", 0, KR_OPT_UINT, AT(max_connections), .arg = "N", .min = 1, .max = 10000000,
     .help = "per worker; default what the open-file limit allows"},
    {"max-messages", 0, KR_OPT_UINT, AT(max_messages), .arg = "N", .min = 1, .max = UINT32_MAX,
     .help = "messages of one connection, then 421; default any number"},
    {"idle", 0, KR_OPT_CALL, .arg = "[STAGE=]SECONDS", .call = on_idle,
     .help =
         "how long a client may be silent, at all or one stage; repeatable; defaults of RFC 5321"},
    {"lmtp", 0, KR_OPT_FLAG, AT(lmtp),
     .help = "speak LMTP: LHLO, and an answer for each recipient"},
    {"chunking", 0, KR_OPT_FLAG, AT(chunking), .help = "offer CHUNKING and BINARYMIME (BDAT)"},
    {"auth", 0, KR_OPT_FLAG, AT(auth), .help = "offer AUTH; any name and password will do"},
    {"tls", 0, KR_OPT_CHOICE, AT(tls), .arg = "off|self-signed|lab-ca", .choices = tls_modes,
     .help = "offer STARTTLS; lab-ca: a certificate for each name asked for, of a CA of our own"},
    {"ca-dir", 0, KR_OPT_STRING, AT(ca_dir), .arg = "DIR",
     .help = "where the lab CA is kept; default " KR_CA_DIR},
    {"tls-name", 0, KR_OPT_CALL, .arg = "[PREFIX=]NAME", .call = on_tls_name,
     .help = "lab-ca: the certificate's name where a client asks for none, of all or for addresses "
             "in there; repeatable; default the address it meant"},
    {"policy", 'p', KR_OPT_STRING, AT(policy), .arg = "FILE",
     .help = "what to refuse and delay, in TOML; KumoMTA's responses.toml will do"},
    {"compat", 0, KR_OPT_CHOICE, AT(compat), .arg = "none|kumo", .choices = compats,
     .help = "kumo: KumoMTA's own dice, which are one percent short, and its fixed texts"},
    {"seed", 0, KR_OPT_CALL, .arg = "N", .call = on_seed,
     .help = "another seed than the policy's: other recipients are refused, just as many"},
    {"memory", 0, KR_OPT_UINT, AT(memory), .arg = "N", .min = 4, .max = 1u << 30,
     .help = "recipients remembered for the policy; default 262144 (4 MiB)"},
    {"stats-on-exit", 0, KR_OPT_STRING, AT(stats_file), .arg = "FILE",
     .help = "write the final account there, as JSON; - is standard output"},
    {"capture", 0, KR_OPT_CALL, .arg = "FORMAT:PATH", .call = on_capture,
     .help = "keep messages: mbox:FILE, maildir:DIR, jsonl:FILE; repeatable"},
    {"capture-sample", 0, KR_OPT_CALL, .arg = "PERCENT", .call = on_sample,
     .help = "keep so many of them; default 100"},
    {"capture-content", 0, KR_OPT_FLAG, AT(targets.content),
     .help = "the content too in JSON lines, in base64 when it is no UTF-8"},
    {"capture-buffer", 0, KR_OPT_UINT, AT(capture_buffer), .arg = "MIB", .min = 1, .max = 1024,
     .help = "what a worker may hold for the disk, beyond which nothing is kept; default 16"},
    {"log-connections", 0, KR_OPT_CALL, .arg = "FILE", .call = on_log,
     .help = "a line of JSON for each connection"},
    {"metrics", 'm', KR_OPT_CALL, .arg = "ADDR:PORT", .call = on_metrics,
     .help = "serve the account for Prometheus there: GET /metrics"},
    {"live", 0, KR_OPT_CHOICE, AT(live), .arg = "auto|always|never", .choices = lives,
     .help = "a line on standard error that says what happens; auto: on a terminal"},
    {"drain", 0, KR_OPT_UINT, AT(drain), .arg = "SECONDS", .min = 1, .max = 3600,
     .help = "how long transactions may take at a graceful stop (SIGQUIT); default 10"},
    {"self-test", 0, KR_OPT_FLAG, AT(self_test), .help = "say what a message costs here, and end"},
};
static const struct kr_opt_table table = {rows, sizeof rows / sizeof *rows};

static const struct kr_start program = {
    .name = NAME,
    .table = &table,
    .about = "Usage: kumo-sink [OPTION]...\n"
             "       kumo-sink ca print|install|remove [--ca-dir DIR]\n"
             "       kumo-sink ctl SOCKET COMMAND...\n"
             "Takes mail by SMTP, keeps none of it, and counts whom it was meant for.\n",
    .examples =
        "Examples:\n"
        "  kumo-sink                                      every address, port 2026\n"
        "  kumo-sink -l 127.0.0.1:2525 --stats-on-exit -  one address; Ctrl-C prints the account\n"
        "  kumo-sink -c /run/sink.sock -w 8 &             then: kumo-sink ctl "
        "/run/sink.sock stats"};

static int check_fd(const char *option, uint64_t fd, struct kr_err *e)
{
    if (fd == KR_SINK_NO_FD)
        return 0;
    if (fcntl((int)fd, F_GETFD) < 0)
        return kr_fail(e, KR_USAGE, errno, "--%s '%d' is no open descriptor", option, (int)fd);
    return 0;
}

static int random_nonce(char out[static NONCE_MAX + 1], struct kr_err *e)
{
    unsigned char raw[12];
    if (getrandom(raw, sizeof raw, 0) != (ssize_t)sizeof raw)
        return kr_fail(e, KR_CANNOT, errno, "getrandom");
    for (size_t i = 0; i < sizeof raw; i++)
        snprintf(out + 2 * i, 3, "%02x", raw[i]);
    return 0;
}

static void fill_in(struct kr_sink_config *cfg)
{
    struct kr_endpoint any4 = {.port = 2026}, any6 = {.port = 2026};
    const uint8_t zero[16] = {0};
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (!cfg->workers)
        cfg->workers = cpus > 0 ? (uint64_t)cpus : 1;
    cfg->default_listen = !cfg->listens;
    any4.first = any4.last = kr_addr_make(AF_INET, zero);
    any6.first = any6.last = kr_addr_make(AF_INET6, zero);
    if (cfg->default_listen) {
        add_listen(cfg, &any4);
        add_listen(cfg, &any6);
    }
    kr_prefixset_normalize(&cfg->ranges);
}

static int serve(struct kr_sink_config *cfg, struct kr_err *e)
{
    char nonce[NONCE_MAX + 1];
    if (check_fd("ready-fd", cfg->ready_fd, e) || check_fd("lifeline-fd", cfg->lifeline_fd, e))
        return -1;
    if (!cfg->nonce && random_nonce(nonce, e))
        return -1;
    cfg->nonce = cfg->nonce ? cfg->nonce : nonce;
    fill_in(cfg);
    return cfg->self_test ? kr_sink_self_test(cfg, e) : kr_sink_run(cfg, e);
}

/* Goes on as the program that has TLS, with the same arguments, descriptors and privileges. Returns
 * when it can't. */
static int go_secure(char **argv, struct kr_err *e)
{
    char path[PATH_MAX];
    if (kr_program_find("kumo-sink-tls", KR_LIBEXECDIR, path, e))
        return -1;
    execv(path, argv);
    return kr_fail(e, KR_CANNOT, errno, "starting %s", path);
}

static int start(int argc, char **argv, struct kr_sink_config *cfg, struct kr_err *e)
{
    int done = kr_start(&program, argc, argv, cfg, &cfg->quiet, e);
    return done < 0 ? -1 : done ? 0 : cfg->tls && !secure ? go_secure(argv, e) : serve(cfg, e);
}

static int ca_command(int argc, char **argv, struct kr_err *e)
{
    return secure ? secure->ca(argc, argv, e) : go_secure(argv - 1, e);
}

static int (*find_command(int argc, char **argv))(int, char **, struct kr_err *)
{
    static const struct {
        const char *name;
        int (*run)(int, char **, struct kr_err *);
    } commands[] = {{"ca", ca_command}, {"ctl", kr_ctl_command}};
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run;
    return NULL;
}

int main(int argc, char **argv)
{
    struct kr_err e = {0};
    struct kr_sink_config cfg = {.max_size = 100u << 20,
                                 .max_recipients = 1000,
                                 .drain = 10,
                                 .sample = 1,
                                 .capture_buffer = 16,
                                 .memory = 1u << 18,
                                 .ca_dir = KR_CA_DIR,
                                 .ready_fd = KR_SINK_NO_FD,
                                 .lifeline_fd = KR_SINK_NO_FD};
    kr_idles_default(&cfg.idle);
    prctl(PR_SET_NAME, NAME); /* also as kumo-sink-tls: people look for that */
    kr_log_setup(NAME, KR_LOG_INFO, KR_COLOR_AUTO);
    int (*command)(int, char **, struct kr_err *) = find_command(argc, argv);
    int bad = kr_start_hold_fds(&e) ||
              (command ? command(argc - 1, argv + 1, &e) : start(argc, argv, &cfg, &e));
    if (bad)
        kr_error("%s", e.msg);
    free(cfg.listen);
    free(cfg.tls_names.v);
    kr_prefixset_free(&cfg.ranges);
    return bad ? (int)e.exit : KR_OK;
}

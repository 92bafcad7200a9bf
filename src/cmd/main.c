#include "usage.h"

#include <kr/cmd.h>
#include <kr/err.h>
#include <kr/log.h>
#include <kr/toml.h>
#include <kr/up.h>

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct kr_command *const commands[] = {
    &kr_cmd_up,      &kr_cmd_down,  &kr_cmd_status, &kr_cmd_verify,  &kr_cmd_preflight, &kr_cmd_run,
    &kr_cmd_explain, &kr_cmd_watch, &kr_cmd_report, &kr_cmd_restore, &kr_cmd_features};
#define N_COMMANDS (sizeof commands / sizeof *commands)

static const char *const formats[] = {"text", "json", "tap", "junit", "github", NULL};
_Static_assert(sizeof formats / sizeof *formats == KR_FORMAT_GITHUB + 2, "a name for each format");
static const char *const colors[] = {"auto", "always", "never", NULL};

#define KEPT (64 << 20)
#define AT(field) offsetof(struct kr_common, field)
static const struct kr_opt common_rows[] = {
    {.name = "config",
     .letter = 'c',
     .kind = KR_OPT_STRING,
     .offset = AT(config),
     .arg = "FILE",
     .help = "configuration file, TOML (" KR_CONFIG_DEFAULT " when it exists)",
     .flags = KR_OPT_NO_CONFIG},
    {.name = "netns",
     .letter = 'n',
     .kind = KR_OPT_STRING,
     .offset = AT(netns),
     .arg = "NAME|PID",
     .help = "work in this network namespace"},
    {.name = "format",
     .kind = KR_OPT_CHOICE,
     .offset = AT(format),
     .arg = "HOW",
     .choices = formats,
     .help = "text or json; verify and report also tap, junit or github"},
    {.name = "color",
     .kind = KR_OPT_CHOICE,
     .offset = AT(color),
     .arg = "WHEN",
     .choices = colors,
     .help = "auto, always or never"},
    {.name = "quiet",
     .letter = 'q',
     .kind = KR_OPT_FLAG,
     .offset = AT(quiet),
     .help = "no notes, only errors"},
    {.name = "verbose",
     .letter = 'v',
     .kind = KR_OPT_FLAG,
     .offset = AT(verbose),
     .help = "say each step"},
    {.name = "help",
     .letter = 'h',
     .kind = KR_OPT_FLAG,
     .offset = AT(help),
     .help = "this text",
     .flags = KR_OPT_NO_CONFIG},
    {.name = "version",
     .letter = 'V',
     .kind = KR_OPT_FLAG,
     .offset = AT(version),
     .help = "the version",
     .flags = KR_OPT_NO_CONFIG},
};
const struct kr_opt_table kr_common_options = {common_rows,
                                               sizeof common_rows / sizeof *common_rows};
const struct kr_opt_table kr_no_options = {NULL, 0};

static const struct kr_command *find(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static struct kr_opt_target target_of(const struct kr_command *cmd, struct kr_options *o)
{
    return (struct kr_opt_target){cmd->options, (char *)o + cmd->options_at};
}

/* The file first, so that the command line wins. Every command reads it whole, so that a mistake
 * in it is found at once. */
static int read_config(struct kr_common *common, struct kr_options *o, struct kr_toml **doc,
                       struct kr_err *e)
{
    const char *path = common->config ? common->config : KR_CONFIG_DEFAULT;
    if (!common->config && access(path, F_OK) && errno == ENOENT)
        return 0;
    *doc = kr_toml_read_file(path, e);
    if (!*doc)
        return -1;
    struct kr_opt_target targets[N_COMMANDS + 1] = {{&kr_common_options, common}};
    for (size_t i = 0; i < N_COMMANDS; i++)
        targets[i + 1] = target_of(commands[i], o);
    return kr_opt_from_toml(targets, N_COMMANDS + 1, *doc, e);
}

static void setup_log(const struct kr_common *c)
{
    enum kr_level most = c->verbose ? KR_LOG_DEBUG : c->quiet ? KR_LOG_ERROR : KR_LOG_INFO;
    kr_log_setup("kumo-redirect", most, (enum kr_color)c->color);
}

static void on_signal(int sig)
{
    kr_interrupted = sig;
}

static void catch_signals(void)
{
    struct sigaction stop = {.sa_handler = on_signal};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct sigaction was;
        if (sigaction(ends[i], NULL, &was) == 0 && was.sa_handler != SIG_IGN) /* nohup(1) */
            sigaction(ends[i], &stop, NULL);
    }
    sigaction(SIGPIPE, &ignore, NULL);
}

static int parse(const struct kr_command *cmd, struct kr_common *common, struct kr_options *o,
                 int argc, char **argv, struct kr_err *e)
{
    struct kr_opt_target targets[2 + KR_MOST_PARTS] = {{&kr_common_options, common},
                                                       target_of(cmd, o)};
    size_t most = !cmd->operand ? 0 : cmd->many ? SIZE_MAX : 1, n = 2;
    for (size_t i = 0; i < KR_MOST_PARTS && cmd->also[i].table; i++)
        targets[n++] = (struct kr_opt_target){cmd->also[i].table, (char *)o + cmd->also[i].at};
    if (kr_opt_parse(targets, n, argc, argv, cmd->rest, &o->operands, e))
        return -1;
    if (o->operands.n > most)
        return kr_fail(e, KR_USAGE, 0, "'%s' is one word too many: %s takes %s",
                       o->operands.v[most], cmd->name, most ? "one" : "none");
    return 0;
}

static int format_fits(const struct kr_command *cmd, const struct kr_common *c, struct kr_err *e)
{
    if (cmd->formats >> c->format & 1)
        return 0;
    return kr_fail(e, KR_USAGE, 0, "--format '%s' is not for %s: text or json", formats[c->format],
                   cmd->name);
}

/* Parsed twice: once to learn --config, once more over what the file said. */
static int run(const struct kr_command *cmd, struct kr_common *first, int argc, char **argv,
               struct kr_err *e)
{
    struct kr_common common = *first;
    struct kr_options o = {.run = KR_RUN_OPTIONS_DEFAULT}, scratch = o;
    struct kr_toml *doc = NULL;
    int bad = parse(cmd, &common, &scratch, argc, argv, e);
    kr_options_free(&scratch);
    if (!bad && common.help) {
        kr_usage_command(cmd, stdout);
        return KR_OK;
    }
    struct kr_common whole = *first;
    whole.config = common.config;
    bad = bad || read_config(&whole, &o, &doc, e) || parse(cmd, &whole, &o, argc, argv, e);
    bad = bad || format_fits(cmd, &whole, e);
    setup_log(&whole);
    int status = bad ? (int)e->exit : cmd->run(&whole, &o, e);
    kr_toml_free(doc);
    kr_options_free(&o);
    return status;
}

/* The command's own arguments begin where the first operand stands. */
static int dispatch(const struct kr_strlist *operands, struct kr_common *common, int argc,
                    char **argv, struct kr_err *e)
{
    if (common->version) {
        printf("kumo-redirect %s\n", KR_VERSION);
        return KR_OK;
    }
    if (common->help || !operands->n) {
        kr_usage_all(commands, N_COMMANDS, common->help ? stdout : stderr);
        return common->help ? KR_OK : KR_USAGE;
    }
    const struct kr_command *cmd = find(operands->v[0]);
    int skip = argc - (int)operands->n;
    if (cmd)
        return run(cmd, common, argc - skip, argv + skip, e);
    kr_fail(e, KR_USAGE, 0, "'%s' is no command; see kumo-redirect --help", operands->v[0]);
    return KR_USAGE;
}

/* A short life: memory that was freed is kept for the next use, since every page the kernel has to
 * give anew costs more than what is done with it. */
static void keep_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, KEPT);
    mallopt(M_TRIM_THRESHOLD, KEPT);
    mallopt(M_TOP_PAD, 1 << 20);
}

int main(int argc, char **argv)
{
    struct kr_err e = {0};
    struct kr_common common = {0};
    __attribute__((cleanup(kr_strlist_free))) struct kr_strlist operands = {0};
    const struct kr_opt_target target = {&kr_common_options, &common};
    keep_memory();
    catch_signals();
    int status = kr_opt_parse(&target, 1, argc, argv, 1, &operands, &e)
                     ? (int)e.exit
                     : dispatch(&operands, &common, argc, argv, &e);
    if (status != KR_OK && *e.msg)
        kr_error("%s", e.msg);
    if (fflush(stdout) || ferror(stdout)) {
        kr_error("standard output: %s", strerror(errno));
        return status ? status : KR_CANNOT;
    }
    return status;
}

#include <kr/start.h>

#include <kr/err.h>
#include <kr/log.h>
#include <kr/opt.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

struct common {
    bool quiet, verbose, help, version;
};
#define AT(field) .offset = offsetof(struct common, field)
static const struct kr_opt rows[] = {
    {"quiet", 'q', KR_OPT_FLAG, AT(quiet), .help = "errors only"},
    {"verbose", 'v', KR_OPT_FLAG, AT(verbose), .help = "say more"},
    {"help", 'h', KR_OPT_FLAG, AT(help), .help = "this text"},
    {"version", 'V', KR_OPT_FLAG, AT(version), .help = "the version"},
};
static const struct kr_opt_table common_table = {rows, sizeof rows / sizeof *rows};

static int parse(const struct kr_start *s, int argc, char **argv, void *cfg, struct common *c,
                 struct kr_err *e)
{
    struct kr_strlist operands = {0};
    struct kr_opt_target targets[] = {{s->table, cfg}, {&common_table, c}};
    int bad = kr_opt_parse(targets, 2, argc, argv, 0, &operands, e);
    if (!bad && operands.n)
        bad = kr_fail(e, KR_USAGE, 0, "'%s' is no option; %s takes options only", operands.v[0],
                      s->name);
    kr_strlist_free(&operands);
    return bad;
}

static void print_help(const struct kr_start *s)
{
    printf("%s\n", s->about);
    kr_opt_usage(s->table, stdout);
    kr_opt_usage(&common_table, stdout);
    printf("\n%s\n", s->examples);
}

int kr_start(const struct kr_start *s, int argc, char **argv, void *cfg, bool *quiet,
             struct kr_err *e)
{
    struct common c = {0};
    if (parse(s, argc, argv, cfg, &c, e))
        return -1;
    if (c.help)
        print_help(s);
    else if (c.version)
        printf("%s %s\n", s->name, KR_VERSION);
    if (c.help || c.version)
        return 1;
    *quiet = c.quiet;
    kr_log_setup(s->name,
                 c.quiet     ? KR_LOG_ERROR
                 : c.verbose ? KR_LOG_DEBUG
                             : KR_LOG_INFO,
                 KR_COLOR_AUTO);
    return 0;
}

int kr_start_options(const struct kr_opt_table *table, int argc, char **argv, void *cfg,
                     struct kr_err *e)
{
    struct kr_strlist operands = {0};
    const struct kr_opt_target target = {table, cfg};
    int bad = kr_opt_parse(&target, 1, argc, argv, 0, &operands, e);
    if (!bad && operands.n)
        bad = kr_fail(e, KR_USAGE, 0, "'%s' is one word too many", operands.v[0]);
    kr_strlist_free(&operands);
    return bad;
}

int kr_start_hold_fds(struct kr_err *e)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
        if (fd < 0)
            return kr_fail(e, KR_CANNOT, errno, "/dev/null");
    } while (fd <= STDERR_FILENO);
    close(fd);
    return 0;
}

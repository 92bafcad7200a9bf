/* kumo-sink ca print|install|remove. Installing is what Debian's ca-certificates and Red Hat's
 * ca-trust offer administrators: a file in a folder, and a program that takes it up. */
#include <kr/sink_ca.h>

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/opt.h>

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME "kumo-sink-lab-ca.crt"

static const struct store {
    const char *folder, *file;
    char *const program[3], *const removing[3];
} stores[] = {
    {"/usr/local/share/ca-certificates",
     "/usr/local/share/ca-certificates/" NAME,
     {(char[]){"/usr/sbin/update-ca-certificates"}, NULL},
     /* Without --fresh it would leave links that lead nowhere. */
     {(char[]){"/usr/sbin/update-ca-certificates"}, (char[]){"--fresh"}, NULL}},
    {"/etc/pki/ca-trust/source/anchors",
     "/etc/pki/ca-trust/source/anchors/" NAME,
     {(char[]){"/usr/bin/update-ca-trust"}, (char[]){"extract"}, NULL},
     {(char[]){"/usr/bin/update-ca-trust"}, (char[]){"extract"}, NULL}},
};

static const struct store *find_store(struct kr_err *e)
{
    for (size_t i = 0; i < sizeof stores / sizeof *stores; i++)
        if (access(stores[i].program[0], X_OK) == 0 && access(stores[i].folder, F_OK) == 0)
            return &stores[i];
    kr_fail(e, KR_CANNOT, 0,
            "this system has neither %s nor %s: `kumo-sink ca print` gives what to "
            "install",
            stores[0].program[0], stores[1].program[0]);
    return NULL;
}

static int run(char *const *program, struct kr_err *e)
{
    static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    char *const env[] = {path, NULL};
    posix_spawn_file_actions_t quiet;
    pid_t pid;
    int status = 0, bad;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    bad = posix_spawn(&pid, program[0], &quiet, NULL, program, env);
    posix_spawn_file_actions_destroy(&quiet);
    if (bad)
        return kr_fail(e, KR_CANNOT, bad, "%s", program[0]);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return kr_fail(e, KR_CANNOT, errno, "%s", program[0]);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0
               ? 0
               : kr_fail(e, KR_CANNOT, 0, "%s failed", program[0]);
}

static int print(const char *dir, struct kr_err *e)
{
    struct kr_ca ca;
    int bad = kr_ca_open(&ca, dir, false, e);
    if (!bad && (!PEM_write_X509(stdout, ca.cert) || fflush(stdout)))
        bad = kr_fail(e, KR_CANNOT, errno, "standard output");
    kr_ca_close(&ca);
    return bad;
}

static int write_cert(const char *path, const struct kr_ca *ca, struct kr_err *e)
{
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!f)
        return kr_fail(e, KR_CANNOT, errno, "%s", path);
    bool good = PEM_write_X509(f, ca->cert) && fchmod(fd, 0644) == 0;
    return fclose(f) || !good ? kr_fail(e, KR_CANNOT, errno, "%s", path) : 0;
}

/* Makes the authority when there is none: it may be installed before the sink first runs. */
static int install(const char *dir, struct kr_err *e)
{
    struct kr_ca ca;
    const struct store *s = find_store(e);
    int bad = s ? kr_ca_open(&ca, dir, true, e) : -1;
    if (!s)
        return -1;
    bad = bad || write_cert(s->file, &ca, e) || run(s->program, e);
    kr_ca_close(&ca);
    return bad ? -1 : 0;
}

static int take_away(const char *dir, struct kr_err *e)
{
    const struct store *s = find_store(e);
    (void)dir;
    if (!s)
        return -1;
    if (unlink(s->file) && errno != ENOENT)
        return kr_fail(e, KR_CANNOT, errno, "%s", s->file);
    return run(s->removing, e);
}

static const struct {
    const char *name;
    int (*run)(const char *dir, struct kr_err *e);
} verbs[] = {{"print", print}, {"install", install}, {"remove", take_away}};

struct ca_options {
    const char *dir;
    bool help;
};
static const struct kr_opt rows[] = {
    {"ca-dir", 0, KR_OPT_STRING, .offset = offsetof(struct ca_options, dir), .arg = "DIR",
     .help = "where the lab CA is kept; default " KR_CA_DIR},
    {"help", 'h', KR_OPT_FLAG, .offset = offsetof(struct ca_options, help), .help = "this text"},
};
static const struct kr_opt_table table = {rows, sizeof rows / sizeof *rows};

static int help(void)
{
    puts("Usage: kumo-sink ca print|install|remove [OPTION]...\n"
         "Prints the lab CA's certificate, puts it into this machine's trust store (making the CA\n"
         "when there is none), or takes it out again.\n");
    kr_opt_usage(&table, stdout);
    return 0;
}

int kr_ca_command(int argc, char **argv, struct kr_err *e)
{
    struct ca_options o = {.dir = KR_CA_DIR};
    struct kr_strlist words = {0};
    struct kr_opt_target target = {&table, &o};
    int bad = kr_opt_parse(&target, 1, argc, argv, 0, &words, e);
    const char *verb = !bad && words.n == 1 ? words.v[0] : NULL;
    kr_strlist_free(&words);
    if (bad)
        return -1;
    if (o.help)
        return help();
    for (size_t i = 0; verb && i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(verb, verbs[i].name) == 0)
            return verbs[i].run(o.dir, e);
    return kr_fail(e, KR_USAGE, 0, "'%s': kumo-sink ca wants one of print, install, remove",
                   verb ? verb : "");
}

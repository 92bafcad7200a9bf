#include <kr/preflight.h>

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/program.h>
#include <kr/up.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "kumo-preflight"
#define MOST_ARGS 64

/* The program, its words, and what is open for it: input k is descriptor 3 + k on its side. */
struct child {
    struct kr_buf words[MOST_ARGS];
    char *argv[MOST_ARGS + 1];
    size_t n;
    int inputs[MOST_ARGS];
    size_t n_inputs;
    int out;
    pid_t pid;
};

static void word(struct child *c, const char *name, const char *value)
{
    struct kr_buf *b = &c->words[c->n];
    if (value)
        kr_buf_printf(b, "%s=%s", name, value);
    else
        kr_buf_printf(b, "%s", name);
    c->argv[c->n++] = b->s;
}

static void number(struct child *c, const char *name, uint64_t n)
{
    char s[24];
    snprintf(s, sizeof s, "%llu", (unsigned long long)n);
    if (n)
        word(c, name, s);
}

static void input(struct child *c, int fd, const char *label)
{
    KR_AUTO_BUF struct kr_buf b = {0};
    kr_buf_printf(&b, "%zu:%s", 3 + c->n_inputs, label);
    c->inputs[c->n_inputs++] = fd;
    word(c, "--input", b.s);
}

/* Names from the command line go by a file of their own, one a line, as a file's do. */
static int give_names(struct child *c, const struct kr_strlist *names, struct kr_err *e)
{
    if (!names->n)
        return 0;
    for (size_t i = 0; i < names->n; i++)
        if (!*names->v[i] || strpbrk(names->v[i], "\r\n#"))
            return kr_fail(e, KR_USAGE, 0, "'%s' is no domain", names->v[i]);
    int fd = memfd_create("domains", MFD_CLOEXEC);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!f)
        return kr_fail(e, KR_CANNOT, errno, "memfd_create");
    for (size_t i = 0; i < names->n; i++)
        fprintf(f, "%s\n", names->v[i]);
    int copy = fflush(f) ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
    fclose(f);
    if (copy < 0 || lseek(copy, 0, SEEK_SET) < 0)
        return kr_fail(e, KR_CANNOT, errno, "a file for the names");
    input(c, copy, "command line");
    return 0;
}

static int give_files(struct child *c, const struct kr_strlist *files, struct kr_err *e)
{
    for (size_t i = 0; i < files->n; i++) {
        bool in = strcmp(files->v[i], "-") == 0;
        int fd =
            in ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(files->v[i], O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return kr_fail(e, KR_USAGE, errno, "--domains-file '%s'", files->v[i]);
        input(c, fd, in ? "standard input" : files->v[i]);
    }
    return 0;
}

/* Released KumoMTA looks there, where its settings have DANE on or may have. */
static bool wants_own_tlsa(const struct kr_mta_sides *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].column == KR_COLUMN_KUMO_RELEASE && (s->v[i].dane || s->v[i].path))
            return true;
    return false;
}

static int prepare(struct child *c, const struct kr_preflight_want *w, struct kr_err *e)
{
    if (w->files->n + w->resolvers->n > MOST_ARGS - 12)
        return kr_fail(e, KR_USAGE, 0, "too many files and resolvers");
    word(c, PROGRAM, NULL);
    for (size_t i = 0; i < w->resolvers->n; i++)
        word(c, "--resolver", w->resolvers->v[i]);
    if (w->anchor)
        word(c, "--anchor", w->anchor);
    if (w->trust_ad)
        word(c, "--trust-ad", NULL);
    if (wants_own_tlsa(w->sides))
        word(c, "--own-tlsa", NULL);
    number(c, "--qps", w->qps);
    number(c, "--jobs", w->jobs);
    return give_names(c, w->domains, e) || give_files(c, w->files, e) ? -1 : 0;
}

/* Descriptors move up first, out of the way of the numbers they are to have. */
static int start(struct child *c, struct kr_err *e)
{
    char program[PATH_MAX];
    int pipes[2];
    posix_spawn_file_actions_t files;
    char *const env[] = {NULL};
    if (kr_program_find(PROGRAM, KR_LIBEXECDIR, program, e))
        return -1;
    if (pipe2(pipes, O_CLOEXEC))
        return kr_fail(e, KR_CANNOT, errno, "pipe");
    KR_AUTO_FD int w = pipes[1];
    c->out = pipes[0];
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, w, STDOUT_FILENO);
    for (size_t i = 0; i < c->n_inputs; i++) {
        int high = fcntl(c->inputs[i], F_DUPFD_CLOEXEC, 3 + MOST_ARGS);
        kr_close_fd(&c->inputs[i]);
        c->inputs[i] = high;
        posix_spawn_file_actions_adddup2(&files, high, 3 + (int)i);
    }
    int err = posix_spawn(&c->pid, program, &files, NULL, c->argv, env);
    posix_spawn_file_actions_destroy(&files);
    return err ? kr_fail(e, KR_CANNOT, err, "starting %s", program) : 0;
}

static void end_child(struct child *c)
{
    if (c->pid > 0) {
        kill(c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
    }
    for (size_t i = 0; i < c->n_inputs; i++)
        kr_close_fd(&c->inputs[i]);
    for (size_t i = 0; i < c->n; i++)
        kr_buf_free(&c->words[i]);
    kr_close_fd(&c->out);
}

struct reading {
    const struct kr_preflight_want *w;
    const struct kr_preflight_hooks *h;
    struct kr_preflight_end *end;
    bool over;
};

static int take_account(struct reading *r, const uint8_t *data, size_t len)
{
    if (len != sizeof r->end->account)
        return -1;
    memcpy(&r->end->account, data, len);
    return 0;
}

/* By every MTA there is; the worst verdict counts, and what harms any of them does harm. */
static void judge(const struct kr_mta_sides *s, const struct kr_domain_facts *d,
                  struct kr_preflight_verdict *out)
{
    for (size_t i = 0; i < s->n; i++) {
        struct kr_preflight_verdict v;
        kr_preflight_judge(d, &s->v[i], &v);
        v.mta = s->v[i].id;
        v.hazards |= i ? out->hazards : 0;
        v.breaking |= i ? out->breaking : 0;
        if (i == 0 || v.outcome > out->outcome)
            *out = v;
        out->hazards = v.hazards;
        out->breaking = v.breaking;
    }
}

static int take_domain(struct reading *r, const uint8_t *data, size_t len)
{
    struct kr_domain_facts d;
    struct kr_preflight_verdict v;
    if (kr_record_read(data, len, &d))
        return -1;
    judge(r->w->sides, &d, &v);
    r->end->told++;
    r->h->domain(r->h->arg, &d, &v);
    return 0;
}

static int take_error(const uint8_t *data, size_t len, struct kr_err *e)
{
    static const enum kr_exit known[] = {KR_USAGE, KR_CANNOT, KR_UNKNOWN, KR_INTERNAL};
    enum kr_exit exit = KR_INTERNAL;
    for (size_t i = 0; len && i < sizeof known / sizeof *known; i++)
        exit = data[0] == known[i] ? known[i] : exit;
    return kr_fail(e, exit, 0, "%.*s", len ? (int)(len - 1) : 0, (const char *)data + 1);
}

/* 0: go on, -1: an error, 1: no frame of ours. */
static int take(struct reading *r, enum kr_frame type, const uint8_t *data, size_t len,
                struct kr_err *e)
{
    size_t n = len < sizeof r->end->note ? len : sizeof r->end->note - 1;
    switch (type) {
    case KR_FRAME_NOTE:
        memcpy(r->end->note, data, n);
        r->end->note[n] = '\0';
        return 0;
    case KR_FRAME_PROGRESS:
        if (take_account(r, data, len))
            return 1;
        r->h->progress(r->h->arg, &r->end->account);
        return 0;
    case KR_FRAME_DOMAIN:
        return take_domain(r, data, len) ? 1 : 0;
    case KR_FRAME_END:
        r->over = true;
        return take_account(r, data, len) ? 1 : 0;
    case KR_FRAME_ERROR:
        return take_error(data, len, e);
    }
    return 1;
}

static int read_all(struct reading *r, int fd, struct kr_err *e)
{
    KR_AUTO_FREE struct kr_frame_reader *f = kr_calloc(1, sizeof *f);
    for (;;) {
        enum kr_frame type;
        const uint8_t *data;
        size_t len;
        int got = kr_frame_read(f, fd, &type, &data, &len);
        if (kr_interrupted)
            return kr_fail(e, KR_UNKNOWN, 0, "interrupted");
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            return 0;
        int bad = got < 0 ? 1 : take(r, type, data, len, e);
        if (bad < 0)
            return -1;
        if (bad) {
            snprintf(r->end->why, sizeof r->end->why, PROGRAM " told what nobody understands");
            return 0;
        }
    }
}

static void how_it_ended(struct child *c, struct reading *r)
{
    struct kr_preflight_end *end = r->end;
    int status = 0;
    kr_close_fd(&c->out);
    bool reaped = waitpid(c->pid, &status, 0) == c->pid;
    c->pid = 0;
    end->whole = r->over && !*end->why && end->told == end->account.domains;
    if (end->whole || *end->why)
        return;
    if (reaped && WIFSIGNALED(status))
        snprintf(end->why, sizeof end->why, PROGRAM " was ended by signal %d (%s)",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(end->why, sizeof end->why, PROGRAM " ended before it was done");
}

int kr_preflight_run(const struct kr_preflight_want *w, const struct kr_preflight_hooks *h,
                     struct kr_preflight_end *end, struct kr_err *e)
{
    struct child c = {.out = -1};
    struct reading r = {w, h, end, false};
    *end = (struct kr_preflight_end){0};
    int bad = prepare(&c, w, e) || start(&c, e) || read_all(&r, c.out, e);
    if (!bad)
        how_it_ended(&c, &r);
    end_child(&c);
    return bad ? -1 : 0;
}

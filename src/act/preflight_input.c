#include "preflight_input.h"

#include "preflight_child.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/strlist.h>
#include <kr/up.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Signals come in only while it waits: one that came between a look at kr_interrupted and the wait
 * would leave it waiting. */
int input_await(int fd, struct kr_err *e)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    sigset_t all, was;
    int got = -1;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &was);
    while (!kr_interrupted && (got = ppoll(&p, 1, NULL, &was)) < 0 && errno == EINTR)
        ;
    int why = errno;
    sigprocmask(SIG_SETMASK, &was, NULL);
    if (kr_interrupted)
        return kr_fail(e, KR_UNKNOWN, 0, "interrupted");
    return got < 0 ? kr_fail(e, KR_CANNOT, why, "ppoll") : 0;
}

static void give(struct child *c, int fd, const char *label)
{
    KR_AUTO_BUF struct kr_buf b = {0};
    kr_buf_printf(&b, "%zu:%s", child_give(c, fd), label);
    child_word(c, "--input", b.s);
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
    give(c, copy, "command line");
    return 0;
}

static int give_files(struct child *c, const struct kr_strlist *files, struct kr_err *e)
{
    for (size_t i = 0; i < files->n; i++) {
        bool in = strcmp(files->v[i], "-") == 0;
        int fd = in ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                    : open(files->v[i], O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0)
            return kr_fail(e, KR_USAGE, errno, "--domains-file '%s'", files->v[i]);
        give(c, fd, in ? "standard input" : files->v[i]);
    }
    return 0;
}

/* A pipe without a writer reads as one that has ended, but poll(2) knows those that never had one.
 * What comes after that the child waits for. */
static int settle(int fd, const char *path, struct kr_err *e)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) && input_await(fd, e))
        return -1;
    return fcntl(fd, F_SETFL, 0) ? kr_fail(e, KR_CANNOT, errno, "--domains-file '%s'", path) : 0;
}

int input_give(struct child *c, const struct kr_strlist *domains, const struct kr_strlist *files,
               struct kr_err *e)
{
    if (give_names(c, domains, e))
        return -1;
    const int *fd = c->given + c->n_given;
    if (give_files(c, files, e))
        return -1;
    for (size_t i = 0; i < files->n; i++)
        if (strcmp(files->v[i], "-") != 0 && settle(fd[i], files->v[i], e))
            return -1;
    return 0;
}

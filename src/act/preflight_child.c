#include "preflight_child.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/program.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void child_begin(struct child *c, const char *program)
{
    *c = (struct child){.program = program, .in = -1, .out = -1};
    child_word(c, program, NULL);
}

void child_word(struct child *c, const char *name, const char *value)
{
    struct kr_buf *b = &c->words[c->n];
    if (value)
        kr_buf_printf(b, "%s=%s", name, value);
    else
        kr_buf_printf(b, "%s", name);
    c->argv[c->n++] = b->s;
}

void child_number(struct child *c, const char *name, uint64_t n)
{
    char s[24];
    snprintf(s, sizeof s, "%llu", (unsigned long long)n);
    if (n)
        child_word(c, name, s);
}

size_t child_give(struct child *c, int fd)
{
    c->given[c->n_given] = fd;
    return KR_CHILD_FIRST + c->n_given++;
}

/* Descriptors move up first, out of the way of the numbers they are to have. */
static void place_given(struct child *c, posix_spawn_file_actions_t *files)
{
    for (size_t i = 0; i < c->n_given; i++) {
        int high = fcntl(c->given[i], F_DUPFD_CLOEXEC, KR_CHILD_FIRST + KR_CHILD_WORDS);
        kr_close_fd(&c->given[i]);
        c->given[i] = high;
        posix_spawn_file_actions_adddup2(files, high, KR_CHILD_FIRST + (int)i);
    }
}

int child_start(struct child *c, int listens, struct kr_err *e)
{
    char program[PATH_MAX];
    int pipes[2] = {-1, -1};
    posix_spawn_file_actions_t files;
    char *const env[] = {NULL};
    if (kr_program_find(c->program, KR_LIBEXECDIR, program, e))
        return -1;
    if (listens && pipe2(pipes, O_CLOEXEC))
        return kr_fail(e, KR_CANNOT, errno, "pipe");
    KR_AUTO_FD int w = pipes[1];
    c->out = pipes[0];
    if (listens && fcntl(c->out, F_SETFL, O_NONBLOCK))
        return kr_fail(e, KR_CANNOT, errno, "a pipe that does not wait");
    posix_spawn_file_actions_init(&files);
    if (listens)
        posix_spawn_file_actions_adddup2(&files, w, STDOUT_FILENO);
    else
        posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (c->in >= 0)
        posix_spawn_file_actions_adddup2(&files, c->in, STDIN_FILENO);
    else
        posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    place_given(c, &files);
    int err = posix_spawn(&c->pid, program, &files, NULL, c->argv, env);
    posix_spawn_file_actions_destroy(&files);
    for (size_t i = 0; i < c->n_given; i++)
        kr_close_fd(&c->given[i]);
    kr_close_fd(&c->in);
    return err ? kr_fail(e, KR_CANNOT, err, "starting %s", program) : 0;
}

int child_reap(struct child *c, char *why, size_t room)
{
    int status = 0;
    kr_close_fd(&c->out);
    bool reaped = waitpid(c->pid, &status, 0) == c->pid;
    c->pid = 0;
    if (reaped && WIFSIGNALED(status))
        snprintf(why, room, "%s was ended by signal %d (%s)", c->program, WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(why, room, "%s ended before it was done", c->program);
    return reaped && WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -1;
}

void child_end(struct child *c)
{
    if (c->pid > 0) {
        kill(c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
    }
    for (size_t i = 0; i < c->n_given; i++)
        kr_close_fd(&c->given[i]);
    for (size_t i = 0; i < c->n; i++)
        kr_buf_free(&c->words[i]);
    kr_close_fd(&c->in);
    kr_close_fd(&c->out);
}

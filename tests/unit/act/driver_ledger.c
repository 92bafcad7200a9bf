/*
 * What tests/net/report.sh drives, in the namespace it is started in.
 *
 *   driver_ledger RECORD COMMAND...
 *       keeps the account while the command runs, takes a sample each 200 ms, and writes the record
 *       there. Ends with the command's exit status; 99: "error ..." on standard error.
 */
#include <kr/account.h>
#include <kr/err.h>
#include <kr/state.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int fail(const struct kr_err *e)
{
    fprintf(stderr, "error %d %s\n", (int)e->exit, e->msg);
    return 99;
}

static pid_t start(char **words, int out[2])
{
    if (pipe(out))
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        close(out[1]);
        execvp(words[0], words);
        _exit(127);
    }
    close(out[1]);
    return pid;
}

/* Until the command closes its output. */
static void listen_to(struct kr_ledger *l, int fd)
{
    char text[4096];
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int got = poll(&p, 1, 200);
        ssize_t n = got > 0 ? read(fd, text, sizeof text) : 1;
        kr_ledger_sample(l);
        if (n <= 0)
            return;
        if (got > 0) {
            kr_ledger_output(l, 1, text, (size_t)n);
            fwrite(text, 1, (size_t)n, stdout);
        }
    }
}

int main(int argc, char **argv)
{
    struct kr_err e = {0};
    struct kr_paths paths;
    struct kr_ledger *l = NULL;
    int out[2], status = 0;
    if (argc < 3 || kr_paths_find(&paths, &e))
        return fail(&e);
    const struct kr_ledger_want want = {
        .paths = &paths, .command = (const char *const *)argv + 2, .record = argv[1]};
    if (kr_ledger_open(&want, &l, &e))
        return fail(&e);
    pid_t pid = start(argv + 2, out);
    listen_to(l, out[0]);
    waitpid(pid, &status, 0);
    status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    const struct kr_ledger_end end = {.outcome = KR_RUN_HELD, .status = status};
    if (kr_ledger_close(l, &end, &e))
        return fail(&e);
    kr_ledger_free(l);
    return status;
}

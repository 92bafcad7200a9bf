/*
 * Times two commands in turns inside a network namespace, from before they are started until they
 * have ended, each with a command behind it that is not timed and takes back what it did.
 *
 *   duel NETNS ROUNDS -- FIRST... -- UNDO... -- SECOND... -- UNDO...
 *
 * Prints "begin first" or "begin second", whatever the timed command says on stderr, and
 * "took first MICROSECONDS". The namespace is entered once, so that no launcher's own cost
 * (ip netns exec mounts file systems) is part of either time.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { COMMANDS = 4 };

extern char **environ;

static void die(const char *what)
{
    fprintf(stderr, "duel: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void enter(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "/run/netns/%s", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET))
        die(path);
    close(fd);
}

/* Each "--" begins a command; it becomes the end of the one before. */
static void split(char **argv, char **commands[COMMANDS])
{
    int n = 0;
    for (char **a = argv; *a; a++)
        if (strcmp(*a, "--") == 0) {
            *a = NULL;
            if (n < COMMANDS)
                commands[n] = a + 1;
            n++;
        }
    if (n == COMMANDS)
        return;
    fprintf(stderr, "usage: duel NETNS ROUNDS -- FIRST... -- UNDO... -- SECOND... -- UNDO...\n");
    exit(2);
}

static long long now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

/* Returns the microseconds it took. */
static long long run(char **command, const posix_spawn_file_actions_t *files)
{
    pid_t pid;
    int status = 0;
    long long begin = now_us();
    errno = posix_spawnp(&pid, *command, files, NULL, command, environ);
    if (errno || waitpid(pid, &status, 0) != pid)
        die(*command);
    long long took = now_us() - begin;
    if (status) {
        fprintf(stderr, "duel: %s ended with status 0x%x\n", *command, (unsigned)status);
        exit(1);
    }
    return took;
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"first", "second"};
    char **commands[COMMANDS];
    posix_spawn_file_actions_t timed, undo;
    if (argc < 4)
        return 2;
    split(argv + 3, commands);
    enter(argv[1]);
    posix_spawn_file_actions_init(&undo);
    posix_spawn_file_actions_addopen(&undo, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_init(&timed);
    posix_spawn_file_actions_adddup2(&timed, STDOUT_FILENO, STDERR_FILENO);
    posix_spawn_file_actions_addopen(&timed, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    for (int i = 0; i < atoi(argv[2]); i++)
        for (int k = 0; k < 2; k++) {
            printf("begin %s\n", names[k]);
            fflush(stdout);
            long long took = run(commands[2 * k], &timed);
            printf("took %s %lld\n", names[k], took);
            run(commands[2 * k + 1], &undo);
        }
    return 0;
}

/*
 * What tests/net/cut.sh drives, in the namespace it is started in.
 *
 *   driver_cut flows|redirected -p PORT... [-k PREFIX]... [-s PREFIX]...
 *       one call of kr/cut.h; -k is kept, -s is the sink. Prints one line: what was cut and how
 *       long it took, or "error EXIT MESSAGE".
 *   driver_cut hold N
 *       keeps N connections (2N sockets) over loopback and says "ready"; at a word or the end of
 *       its input it says "alive M", how many still carry a byte, and ends.
 */
#include <kr/cut.h>
#include <kr/err.h>
#include <kr/mem.h>
#include <kr/prefixset.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define A_TARGET 20000 /* connections to one address: its ephemeral ports */

struct world {
    struct kr_prefixset keep, sink;
    uint16_t ports[8];
    size_t n_ports;
};

static bool keep(const struct kr_addr *a, void *arg)
{
    return kr_prefixset_find(&((struct world *)arg)->keep, a) != NULL;
}

static bool is_sink(const struct kr_addr *a, void *arg)
{
    return kr_prefixset_find(&((struct world *)arg)->sink, a) != NULL;
}

static void add(struct kr_prefixset *s, const char *text)
{
    struct kr_prefix p;
    struct kr_err e;
    if (kr_prefix_parse(text, &p, &e)) {
        fprintf(stderr, "%s\n", e.msg);
        exit(KR_USAGE);
    }
    kr_prefixset_add(s, &p);
}

static long now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

static int cut(struct world *w, bool redirected)
{
    struct kr_flow_policy p = {
        .ports = w->ports, .n_ports = w->n_ports, .keep = keep, .is_sink = is_sink, .arg = w};
    struct kr_cut_count done;
    struct kr_err e = {0};
    long begin = now_us();
    if (redirected ? kr_cut_redirected(&p, &done, &e) : kr_cut_flows(&p, false, &done, &e)) {
        printf("error %d %s\n", (int)e.exit, e.msg);
        return (int)e.exit;
    }
    printf("sockets=%zu entries=%zu no_sock_destroy=%d us=%ld\n", done.sockets, done.entries,
           done.no_sock_destroy, now_us() - begin);
    return 0;
}

static void options(int argc, char **argv, struct world *w)
{
    int c;
    while ((c = getopt(argc, argv, "p:k:s:")) != -1)
        if (c == 'k')
            add(&w->keep, optarg);
        else if (c == 's')
            add(&w->sink, optarg);
        else if (c == 'p' && w->n_ports < sizeof w->ports / sizeof *w->ports)
            w->ports[w->n_ports++] = (uint16_t)atoi(optarg);
        else
            exit(KR_USAGE);
    kr_prefixset_normalize(&w->keep);
    kr_prefixset_normalize(&w->sink);
}

static int listen_at(struct sockaddr_in *a)
{
    socklen_t len = sizeof *a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)a, len) || listen(fd, 64) ||
        getsockname(fd, (struct sockaddr *)a, &len)) {
        perror("listen");
        exit(1);
    }
    return fd;
}

static void connect_pair(int listener, const struct sockaddr_in *a, int pair[2])
{
    pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (pair[0] < 0 || connect(pair[0], (const struct sockaddr *)a, sizeof *a) ||
        (pair[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0) {
        perror("connect");
        exit(1);
    }
}

static size_t alive(const int (*pairs)[2], size_t n)
{
    size_t good = 0;
    char c;
    for (size_t i = 0; i < n; i++)
        good += send(pairs[i][0], "x", 1, MSG_NOSIGNAL) == 1 && read(pairs[i][1], &c, 1) == 1;
    return good;
}

static int hold(size_t n)
{
    struct rlimit many = {2 * n + 64, 2 * n + 64};
    struct sockaddr_in at = {.sin_family = AF_INET};
    int(*pairs)[2] = kr_calloc(n, sizeof *pairs), listener = -1;
    char end;
    if (setrlimit(RLIMIT_NOFILE, &many))
        perror("RLIMIT_NOFILE");
    for (size_t i = 0; i < n; i++) {
        if (i % A_TARGET == 0) {
            at.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(i / A_TARGET));
            at.sin_port = 0;
            listener = listen_at(&at);
        }
        connect_pair(listener, &at, pairs[i]);
    }
    printf("ready\n");
    fflush(stdout);
    if (read(STDIN_FILENO, &end, 1) < 0)
        return 1;
    printf("alive %zu\n", alive((const int(*)[2])pairs, n));
    free(pairs);
    return 0;
}

int main(int argc, char **argv)
{
    struct world w = {0};
    if (argc < 3)
        return KR_USAGE;
    if (strcmp(argv[1], "hold") == 0)
        return hold((size_t)atol(argv[2]));
    options(argc - 1, argv + 1, &w);
    int status = cut(&w, strcmp(argv[1], "redirected") == 0);
    kr_prefixset_free(&w.keep);
    kr_prefixset_free(&w.sink);
    return status;
}

/*
 * What tests/net/probe.sh drives.
 *
 *   driver_probe run [-n NONCE] [-s ENDPOINT] [-t MS] [-c COUNT] SOURCE DESTINATION PORT
 *       COUNT (1) probes at once; prints one line for each: "RESULT sys=N ms=N [GREETING]", or
 *       "error EXIT MESSAGE".
 *   driver_probe serve PORT=TEXT...
 *       a server of one behaviour a port, on all addresses: TEXT is sent as it is, with @ replaced
 *       by the address literal of where the client connected to (SO_ORIGINAL_DST, else the local
 *       address); "!rst" resets, "!close" closes, "" says nothing. QUIT is answered by 221. Says
 *       "ready", then a line "PORT heard WORDS" for what clients say.
 */
#include <kr/err.h>
#include <kr/probe.h>

#include <errno.h>
#include <linux/netfilter_ipv4.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST 512

struct served {
    int fd;
    unsigned port;
    const char *text; /* NULL: a connection, not a listener */
};
static struct served all[MOST];
static size_t n_all;

static int run(int argc, char **argv)
{
    struct kr_probe probes[MOST];
    struct kr_endpoint sink = {0};
    struct kr_addr from, to;
    struct kr_err e = {0};
    const char *nonce = NULL;
    unsigned ms = 500, count = 1;
    int c;
    memset(probes, 'x', sizeof probes);
    while ((c = getopt(argc, argv, "n:s:t:c:")) != -1)
        if (c == 'n')
            nonce = optarg;
        else if (c == 't')
            ms = (unsigned)atoi(optarg);
        else if (c == 'c')
            count = (unsigned)atoi(optarg);
        else if (c != 's' || kr_endpoint_parse(optarg, &sink, &e))
            return KR_USAGE;
    if (argc - optind != 3 || count > MOST || kr_addr_parse(argv[optind], &from, &e) ||
        kr_addr_parse(argv[optind + 1], &to, &e))
        return KR_USAGE;
    for (unsigned i = 0; i < count; i++) {
        probes[i].source = from;
        probes[i].destination = to;
        probes[i].port = (uint16_t)atoi(argv[optind + 2]);
    }
    if (kr_probe_run(probes, count, nonce, &sink, ms, &e)) {
        printf("error %d %s\n", (int)e.exit, e.msg);
        return (int)e.exit;
    }
    for (unsigned i = 0; i < count; i++)
        printf("%s sys=%d ms=%u [%.256s]\n", kr_probe_result_name(probes[i].result), probes[i].sys,
               probes[i].ms, probes[i].greeting);
    return 0;
}

static void serve_port(const char *arg)
{
    const int one = 1, zero = 0;
    struct served *s = &all[n_all++];
    char *text;
    *s = (struct served){.port = (unsigned)strtoul(arg, &text, 10)};
    s->text = text + 1;
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)s->port)};
    s->fd = socket(AF_INET6, SOCK_STREAM, 0);
    setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    if (*text != '=' || bind(s->fd, (struct sockaddr *)&a, sizeof a) || listen(s->fd, MOST)) {
        perror(arg);
        exit(1);
    }
}

/* IP6T_SO_ORIGINAL_DST has the same number as SO_ORIGINAL_DST. */
static void put_literal(int fd, char out[static KR_ADDRSTRLEN + 8])
{
    struct sockaddr_storage ss;
    char text[KR_ADDRSTRLEN];
    socklen_t len = sizeof ss;
    if (getsockopt(fd, IPPROTO_IP, SO_ORIGINAL_DST, &ss, &len)) {
        len = sizeof ss;
        getsockname(fd, (struct sockaddr *)&ss, &len);
    }
    struct kr_addr a = kr_addr_from_sockaddr(&ss, NULL);
    snprintf(out, KR_ADDRSTRLEN + 8, kr_addr_is_v4(&a) ? "[%s]" : "[IPv6:%s]",
             kr_addr_str(&a, text));
}

static void say(int fd, const char *text)
{
    char literal[KR_ADDRSTRLEN + 8];
    put_literal(fd, literal);
    for (; *text; text++) {
        const char *word = *text == '@' ? literal : text;
        size_t n = *text == '@' ? strlen(literal) : 1;
        if (send(fd, word, n, MSG_NOSIGNAL) < 0)
            return;
    }
}

static void greet(const struct served *s)
{
    const struct linger reset = {1, 0};
    int fd = accept(s->fd, NULL, NULL);
    if (fd < 0 || n_all == MOST) {
        close(fd);
        return;
    }
    if (*s->text == '!') {
        if (strcmp(s->text, "!rst") == 0)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(fd);
        return;
    }
    say(fd, s->text);
    all[n_all++] = (struct served){.fd = fd, .port = s->port};
}

/* False when it has ended. */
static bool listen_to(const struct served *s)
{
    char words[256];
    ssize_t n = recv(s->fd, words, sizeof words - 1, 0);
    if (n <= 0) {
        close(s->fd);
        return false;
    }
    words[n] = '\0';
    printf("%u heard %.*s\n", s->port, (int)strcspn(words, "\r\n"), words);
    if (strncmp(words, "QUIT", 4) == 0)
        send(s->fd, "221 bye\r\n", 9, MSG_NOSIGNAL);
    return true;
}

static int serve(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        serve_port(argv[i]);
    puts("ready");
    for (;;) {
        struct pollfd polls[MOST];
        size_t n = n_all;
        for (size_t i = 0; i < n; i++)
            polls[i] = (struct pollfd){.fd = all[i].fd, .events = POLLIN};
        if (poll(polls, n, -1) < 0)
            return 1;
        for (size_t i = n; i-- > 0;)
            if (polls[i].revents && all[i].text)
                greet(&all[i]);
            else if (polls[i].revents && !listen_to(&all[i]))
                all[i] = all[--n_all];
    }
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 2 && strcmp(argv[1], "serve") == 0)
        return serve(argc - 2, argv + 2);
    return argc > 2 && strcmp(argv[1], "run") == 0 ? run(argc - 1, argv + 1) : KR_USAGE;
}

/*
 * Full TLS handshakes on loopback, one after the other, for measuring what one costs the server.
 *
 *   tlsload PORT direct|starttls HANDSHAKES NAME
 *
 * Key exchange with P-256 and no session to resume; the certificate is asked for by NAME and not
 * verified. After the handshake comes close_notify, and the server's end is waited for. With
 * starttls it goes through SMTP first. A handshake that fails ends the program.
 */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void fail(const char *what)
{
    perror(what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static int dial(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval limit = {.tv_sec = 20};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) ||
        connect(fd, (struct sockaddr *)&to, sizeof to))
        fail("connect");
    return fd;
}

/* Up to the last line of one reply, which has this code. */
static void hear(int fd, const char *code)
{
    char text[4096];
    size_t n = 0;
    const char *last = text;
    while (!n || text[n - 1] != '\n' || last[3] != ' ') {
        ssize_t r = recv(fd, text + n, sizeof text - 1 - n, 0);
        if (r <= 0)
            fail("recv");
        n += (size_t)r;
        text[n] = '\0';
        last = text;
        for (const char *lf; (lf = strchr(last, '\n')) != NULL && lf[1];)
            last = lf + 1;
    }
    if (strncmp(last, code, 3) != 0) {
        fprintf(stderr, "not %s: %s", code, last);
        exit(1);
    }
}

static void ask(int fd, const char *command, const char *code)
{
    if (send(fd, command, strlen(command), MSG_NOSIGNAL) != (ssize_t)strlen(command))
        fail("send");
    hear(fd, code);
}

static void one(SSL_CTX *ctx, int port, bool starttls, char *name)
{
    char rest[4096];
    int fd = dial(port);
    if (starttls) {
        hear(fd, "220");
        ask(fd, "EHLO me\r\n", "250");
        ask(fd, "STARTTLS\r\n", "220");
    }
    SSL *ssl = SSL_new(ctx);
    if (!ssl || !SSL_set_fd(ssl, fd) || !SSL_set_tlsext_host_name(ssl, name) ||
        SSL_connect(ssl) != 1 || SSL_session_reused(ssl) || SSL_shutdown(ssl) < 0)
        fail("handshake");
    while (recv(fd, rest, sizeof rest, 0) > 0)
        ;
    SSL_free(ssl);
    close(fd);
}

int main(int argc, char **argv)
{
    bool starttls = argc == 5 && strcmp(argv[2], "starttls") == 0;
    if (argc != 5 || (!starttls && strcmp(argv[2], "direct") != 0)) {
        fprintf(stderr, "usage: tlsload PORT direct|starttls HANDSHAKES NAME\n");
        return 2;
    }
    char group[] = "P-256"; /* OpenSSL's macros want it writable */
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (!ctx || !SSL_CTX_set1_groups_list(ctx, group))
        fail("TLS");
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    for (long n = atol(argv[3]); n > 0; n--)
        one(ctx, atoi(argv[1]), starttls, argv[4]);
    SSL_CTX_free(ctx);
    return 0;
}

/* kumo-sink ctl SOCKET COMMAND... The sink has no files: what is to be loaded is read here, with
 * the rights of whoever says so. */
#include <kr/sink_ctl.h>

#include <kr/buf.h>
#include <kr/err.h>
#include <kr/mem.h>
#include <kr/opt.h>
#include <kr/sink_store.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int dial(const char *path, struct kr_err *e)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof at.sun_path)
        return kr_fail(e, KR_USAGE, 0, "'%s' is too long for a socket", path);
    memcpy(at.sun_path, path, strlen(path));
    KR_AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&at, sizeof at))
        return kr_fail(e, KR_CANNOT, errno, "no sink answers on '%s'", path);
    int keep = fd;
    fd = -1;
    return keep;
}

static int read_all(int fd, size_t most, struct kr_buf *out)
{
    char piece[65536];
    ssize_t n = 1;
    while (n > 0 && out->len <= most) {
        n = read(fd, piece, sizeof piece);
        if (n > 0)
            kr_buf_add(out, piece, (size_t)n);
    }
    return n < 0 ? -1 : 0;
}

/* "policy load FILE", or - for standard input, is sent as the text of the file. */
static int add_file(const char *path, struct kr_buf *out, struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf text = {0};
    bool in = strcmp(path, "-") == 0;
    KR_AUTO_FD int fd =
        in ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read_all(fd, KR_STORE_MOST, &text))
        return kr_fail(e, KR_USAGE, errno, "'%s'", path);
    if (strchr(path, '\n'))
        return kr_fail(e, KR_USAGE, 0, "'%s' has a line break", path);
    kr_buf_printf(out, "policy text %zu %.200s\n", text.len, in ? "stdin" : path);
    kr_buf_add(out, kr_buf_str(&text), text.len);
    return text.len > KR_STORE_MOST
               ? kr_fail(e, KR_USAGE, 0, "'%s' is over %u octets", path, KR_STORE_MOST)
               : 0;
}

static int compose(const struct kr_strlist *words, struct kr_buf *out, struct kr_err *e)
{
    bool load =
        words->n == 4 && strcmp(words->v[1], "policy") == 0 && strcmp(words->v[2], "load") == 0;
    if (load)
        return add_file(words->v[3], out, e);
    for (size_t i = 1; i < words->n; i++) {
        if (strchr(words->v[i], '\n'))
            return kr_fail(e, KR_USAGE, 0, "'%s' has a line break", words->v[i]);
        kr_buf_printf(out, "%s%s", i > 1 ? " " : "", words->v[i]);
    }
    kr_buf_add(out, "\n", 1);
    return 0;
}

static int send_all(int fd, const struct kr_buf *b)
{
    for (size_t sent = 0; sent < b->len;) {
        ssize_t n = send(fd, b->s + sent, b->len - sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return -1;
        sent += n > 0 ? (size_t)n : 0;
    }
    return shutdown(fd, SHUT_WR);
}

static int judge(const struct kr_buf *answer, struct kr_err *e)
{
    json_t *o = json_loadb(kr_buf_str(answer), answer->len, JSON_DISABLE_EOF_CHECK, NULL);
    const char *why = json_string_value(json_object_get(o, "error"));
    int bad = !o    ? kr_fail(e, KR_CANNOT, 0, "the sink went away without an answer")
              : why ? kr_fail(e, KR_UNSAFE, 0, "%s", why)
                    : 0;
    json_decref(o);
    if (!bad && (fputs(kr_buf_str(answer), stdout) < 0 || fflush(stdout)))
        bad = kr_fail(e, KR_CANNOT, errno, "standard output");
    return bad;
}

static int ask(const struct kr_strlist *words, struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf command = {0}, answer = {0};
    if (words->n < 2)
        return kr_fail(e, KR_USAGE, 0, "kumo-sink ctl wants a socket and a command");
    if (compose(words, &command, e))
        return -1;
    KR_AUTO_FD int fd = dial(words->v[0], e);
    if (fd < 0)
        return -1;
    if (send_all(fd, &command) || read_all(fd, SIZE_MAX - 1, &answer))
        return kr_fail(e, KR_CANNOT, errno, "'%s'", words->v[0]);
    return judge(&answer, e);
}

struct ctl_options {
    bool help;
};
static const struct kr_opt rows[] = {
    {"help", 'h', KR_OPT_FLAG, .offset = offsetof(struct ctl_options, help), .help = "this text"},
};
static const struct kr_opt_table table = {rows, sizeof rows / sizeof *rows};

static int help(void)
{
    puts("Usage: kumo-sink ctl SOCKET COMMAND...\n"
         "Asks the sink on a control socket and prints its answer.\n\n"
         "  ping, stats, stats all      is it there; the account\n"
         "  policy, policy show         what is in force; all of it\n"
         "  policy load FILE|-          another policy, read here\n"
         "  policy reload, policy off   --policy again; accept everything\n"
         "  set TARGET KEY VALUE        one key of a provider, a domain or `default`\n"
         "  unset TARGET [KEY], unset all\n"
         "  seed NUMBER|policy          another seed; the policy's own\n"
         "  pause, resume               421 to all; serve again\n"
         "  faults on|off               whether the policy's faults happen\n"
         "  reset                       the counters begin anew\n"
         "  drain, stop                 end gracefully; end\n");
    kr_opt_usage(&table, stdout);
    return 0;
}

int kr_ctl_command(int argc, char **argv, struct kr_err *e)
{
    struct ctl_options o = {0};
    struct kr_strlist words = {0};
    struct kr_opt_target target = {&table, &o};
    int bad = kr_opt_parse(&target, 1, argc, argv, argc > 1 && argv[1][0] != '-', &words, e);
    if (!bad)
        bad = o.help ? help() : ask(&words, e);
    kr_strlist_free(&words);
    return bad;
}

/* Exim: `exim -bpc` counts the messages of its queue; the files of its spool are counted as well,
 * since named queues and messages that are just being taken are not in that number. Only an admin
 * user may ask (queue_list_requires_admin), so it is asked as root, as its own queue runner is. */
#include "mta_exim.h"
#include "queue_internal.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/tool.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define IDS_AT_ONCE 200

static const char *const programs[] = {"/usr/sbin/exim4", "/usr/sbin/exim", "/usr/local/sbin/exim",
                                       "/usr/exim/bin/exim", NULL};
static const char *const usual_spools[] = {"/var/spool/exim4", "/var/spool/exim", NULL};

/* ---- asking ---------------------------------------------------------------------------------- */

struct words {
    char first[300];
    size_t lines;
};

static bool on_line(const char *line, size_t len, char last, void *arg)
{
    struct words *w = arg;
    (void)last;
    if (w->lines++ == 0)
        snprintf(w->first, sizeof w->first, "%.*s", (int)len, line);
    return w->lines < 100;
}

/* Runs `exim [-C FILE] OPTION [NAME]`. */
static int ask(const struct kr_queue_how *how, const char *program, const char *config,
               const char *option, const char *name, struct words *w, struct kr_err *e)
{
    const char *argv[6] = {program};
    size_t n = 1;
    struct kr_tool_end end;
    if (*config) {
        argv[n++] = "-C";
        argv[n++] = config;
    }
    argv[n++] = option;
    argv[n++] = name;
    *w = (struct words){.lines = 0};
    if (kr_queue_run(how, argv, false, on_line, w, &end, e))
        return -1;
    return end.status ? kr_fail(e, KR_UNKNOWN, 0, "%s %s ends with status %d: %s", program, option,
                                end.status, end.said)
                      : 0;
}

/* The number that -bpc says, and nothing else; -1: something else was said. */
static int64_t count_of(const struct words *w)
{
    size_t digits = strspn(w->first, "0123456789");
    bool is = w->lines == 1 && digits && digits <= 12 && !w->first[digits];
    return is ? (int64_t)strtoull(w->first, NULL, 10) : -1;
}

static int ask_count(const struct kr_queue_how *how, const char *program, const char *config,
                     uint64_t *n, struct kr_err *e)
{
    struct words w;
    if (ask(how, program, config, "-bpc", NULL, &w, e))
        return -1;
    int64_t said = count_of(&w);
    if (said < 0)
        return kr_fail(e, KR_UNKNOWN, 0, "%s -bpc says '%.60s', which is no number", program,
                       w.first);
    *n = (uint64_t)said;
    return 0;
}

static void ask_spool(const struct kr_queue_how *how, const char *program, const char *config,
                      char out[static 256])
{
    static const char begin[] = "spool_directory = ";
    struct words w;
    *out = '\0';
    if (ask(how, program, config, "-bP", "spool_directory", &w, NULL) == 0 &&
        strncmp(w.first, begin, sizeof begin - 1) == 0)
        snprintf(out, 256, "%.255s", w.first + sizeof begin - 1);
}

/* ---- its files ------------------------------------------------------------------------------- */

/* "1abcde-000001-AB-H" (ID-H, ID-D), as Exim 4.97 also with longer parts. */
static bool is_part(const char *name, char kind)
{
    size_t n = strlen(name);
    return n >= 18 && n <= 32 && name[n - 2] == '-' && name[n - 1] == kind &&
           isalnum((unsigned char)*name);
}
static bool is_head(const char *name, void *arg)
{
    (void)arg;
    return is_part(name, 'H');
}
static bool is_data(const char *name, void *arg)
{
    (void)arg;
    return is_part(name, 'D');
}

/* SPOOL/input/[x/]ID-H, SPOOL/QUEUE/input/[x/]ID-H. 1, 0 or -1 as kr_queue_spool. */
static int count_files(int root, const char *spool, uint64_t *n)
{
    uint64_t heads = 0, data = 0;
    int a = kr_queue_spool(root, spool, 3, is_head, NULL, &heads);
    int b = a == 1 ? kr_queue_spool(root, spool, 3, is_data, NULL, &data) : a;
    *n = heads > data ? heads : data;
    return b;
}

/* Its configuration; "": none of the usual ones is there. */
static const char *config_of(const struct kr_queue_asking *a)
{
    const char *const *c = a->mta->kind->configs;
    if (a->mta->config[0] == '/')
        return a->mta->config;
    for (; c && *c; c++) {
        KR_AUTO_FD int fd = kr_mta_open_below(a->root, *c, O_PATH);
        if (fd >= 0)
            return *c;
    }
    return "";
}

/* The spool that its configuration names. 1; 0: it names none, so it is where it was built to be;
 * -1: that can't be told. */
static int told_spool(const struct kr_queue_asking *a, char out[static 256])
{
    struct kr_mtas scratch = {0};
    struct kr_mta_reading r = {.s = a->s,
                               .out = &scratch,
                               .root = a->root,
                               .files_left = 64,
                               .bytes_left = 16u << 20,
                               .visits_left = 64};
    struct kr_exim x = {.r = &r};
    kr_exim_parse(&x, config_of(a));
    const char *spool = kr_mta_param_value(&x.main, "spool_directory");
    bool good =
        spool ? *spool == '/' && !strchr(spool, '$') && strlen(spool) < 256 : scratch.n_ways == 0;
    snprintf(out, 256, "%s", good && spool ? spool : "");
    int told = good ? spool != NULL : -1;
    kr_exim_free(&x);
    kr_mtas_free(&scratch);
    return told;
}

static void ask_files(struct kr_queue_asking *a, struct kr_queue *q)
{
    char told[256];
    const char *const only[] = {told, NULL};
    uint64_t n = 0, all = 0;
    bool found = false;
    int named = told_spool(a, told);
    for (const char *const *s = named == 1 ? only : usual_spools; *s; s++) {
        int got = count_files(a->root, *s, &n);
        if (got < 0) {
            kr_queue_doubt(q, "%.120s can't be read: %.60s", *s, strerror(errno));
            return;
        }
        found |= got == 1;
        all += got == 1 ? n : 0;
    }
    if (named < 0)
        kr_queue_doubt(q, "its configuration does not tell where its spool is, and its program "
                          "can't be asked");
    else if (!found && (a->mta->pid || named))
        kr_queue_doubt(q, "its spool %.100s isn't there, and its program can't be asked",
                       named ? told : "in a usual place");
    else
        kr_queue_count(q, "spool files", all, 0);
}

static void ask_program(struct kr_queue_asking *a, struct kr_queue *q, const char *program,
                        const char *config)
{
    struct kr_err why;
    uint64_t n = 0, files = 0;
    char spool[256];
    if (ask_count(a->how, program, config, &n, &why)) {
        kr_queue_doubt(q, "%.180s", why.msg);
        return;
    }
    ask_spool(a->how, program, config, spool);
    if (!*spool)
        kr_queue_doubt(q, "%s -bP spool_directory does not tell where its spool is", program);
    else if (count_files(a->root, spool, &files) < 0)
        kr_queue_doubt(q, "%.120s can't be read: %.60s", spool, strerror(errno));
    else
        kr_queue_count(q, "exim -bpc", n > files ? n : files, 0);
}

static void commands(const struct kr_queue_asking *a, struct kr_queue *q, const char *program)
{
    static const char each[] = "%s -bpr | awk '$3 ~ /-/ { print $3 }' | xargs -r %s %s";
    KR_AUTO_BUF struct kr_buf how = {0};
    if (!a->same)
        kr_buf_printf(&how, "nsenter -a -t %d ", (int)a->mta->pid);
    kr_buf_printf(&how, "%s%s", program ? strrchr(program, '/') + 1 : "exim",
                  *a->mta->config ? " -C " : "");
    if (*a->mta->config)
        kr_buf_shell(&how, a->mta->config);
    kr_queue_command(q->purge, sizeof q->purge, each, how.s, how.s, "-Mrm");
    kr_queue_command(q->hold, sizeof q->hold, each, how.s, how.s, "-Mf");
    kr_queue_command(q->look, sizeof q->look, "%s -bp", how.s);
}

void kr_queue_ask_exim(struct kr_queue_asking *a)
{
    static const char *const names[] = {"exim4", "exim", NULL};
    struct kr_queue *q =
        kr_queue_add(a, *a->mta->config ? a->mta->config : "its usual configuration");
    const char *program = kr_queue_program(programs);
    bool ours =
        a->same && program && kr_queue_same_file(a, program) && kr_queue_same_file(a, config_of(a));
    commands(a, q, program);
    if (ours)
        ask_program(a, q, program, a->mta->config);
    else
        ask_files(a, q);
    q->purgeable = ours;
    q->running = kr_queue_running(a, names, "/input/");
}

/* ---- purging --------------------------------------------------------------------------------- */

struct ids {
    char (*v)[40];
    size_t n, cap;
};

/* "25m  2.9K 0t5CwE-000T5w-0T <sender@...>": age, size, ID. */
static bool on_entry(const char *line, size_t len, char last, void *arg)
{
    struct ids *ids = arg;
    char age[16], size[16], id[40];
    (void)len;
    (void)last;
    if (sscanf(line, " %15s %15s %39s", age, size, id) != 3 || strlen(id) < 16 ||
        strspn(id, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-") !=
            strlen(id) ||
        !isdigit((unsigned char)*age))
        return true;
    ids->v = kr_grow(ids->v, &ids->cap, ids->n + 1, sizeof *ids->v);
    memcpy(ids->v[ids->n++], id, sizeof id);
    return true;
}

static size_t begin_words(const char **argv, const char *program, const char *config)
{
    size_t n = 0;
    argv[n++] = program;
    if (*config) {
        argv[n++] = "-C";
        argv[n++] = config;
    }
    return n;
}

static int list_ids(const struct kr_queue_how *h, const char *program, const char *config,
                    struct ids *ids, struct kr_err *e)
{
    const char *argv[5] = {NULL};
    struct kr_tool_end end;
    argv[begin_words(argv, program, config)] = "-bpr";
    if (kr_queue_run(h, argv, false, on_entry, ids, &end, e))
        return -1;
    return end.status ? kr_fail(e, KR_CANNOT, 0, "%s -bpr ends with status %d: %s", program,
                                end.status, end.said)
                      : 0;
}

/* A message that is being delivered stays, and is found when it is asked again. */
static int remove_ids(const struct kr_queue_how *h, const char *program, const char *config,
                      const struct ids *ids, struct kr_err *e)
{
    for (size_t done = 0; done < ids->n;) {
        const char *argv[IDS_AT_ONCE + 6] = {NULL};
        struct kr_tool_end end;
        size_t n = begin_words(argv, program, config);
        argv[n++] = "-Mrm";
        for (size_t i = 0; i < IDS_AT_ONCE && done < ids->n; i++)
            argv[n++] = ids->v[done++];
        if (kr_queue_run(h, argv, false, NULL, NULL, &end, e))
            return -1;
        if (end.status == 127)
            return kr_fail(e, KR_CANNOT, 0, "%s can't be run", program);
    }
    return 0;
}

int kr_queue_purge_exim(struct kr_queue *q, const struct kr_queue_how *h, struct kr_err *e)
{
    const char *program = kr_queue_program(programs), *config = *q->where == '/' ? q->where : "";
    struct ids ids = {0};
    if (!program)
        return kr_fail(e, KR_CANNOT, 0, "there is no exim");
    int bad = list_ids(h, program, config, &ids, e) || remove_ids(h, program, config, &ids, e);
    free(ids.v);
    return bad ? -1 : 0;
}

/* Postfix: each instance is asked by postqueue(1), also one that is stopped: root's postqueue then
 * starts showq(8) itself. Where its programs and files are not ours (a container), its queue files
 * are counted instead: nothing of another root is ever executed.
 *
 * A message moves between the queues while they are read one after the other. One that moves with
 * the reader is met twice, so each id counts once. One that moves against it is missed, and
 * showq(8) reads active before or after incoming, as its version has it, both before deferred. So
 * when it tells of none the files are read, first in the order in which mail makes its way, then in
 * the opposite one: to be missed by both, a deferred message must be taken up and deferred again in
 * between. */
#include "mta_postfix.h"
#include "queue_ids.h"
#include "queue_internal.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/tool.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MOST_INSTANCES 64

static const char *const postqueue[] = {"/usr/sbin/postqueue", "/usr/bin/postqueue",
                                        "/usr/local/sbin/postqueue", "/opt/postfix/sbin/postqueue",
                                        NULL};
static const char *const postsuper[] = {"/usr/sbin/postsuper", "/usr/bin/postsuper",
                                        "/usr/local/sbin/postsuper", "/opt/postfix/sbin/postsuper",
                                        NULL};
static const char *const queues[] = {"maildrop", "incoming", "active", "deferred", "hold"};
#define N_QUEUES (sizeof queues / sizeof *queues)

struct instance {
    char folder[256], spool[256];
    bool there; /* it has a main.cf */
};
struct instances {
    struct instance v[MOST_INSTANCES];
    size_t n;
};

/* ---- which instances ------------------------------------------------------------------------- */

static void add_instance(struct kr_mta_reading *r, struct instances *all, const char *folder,
                         bool first);

static void add_others(struct kr_pf *pf, struct instances *all)
{
    const char *list = kr_mta_param_value(&pf->params, "multi_instance_directories"), *word;
    KR_AUTO_BUF struct kr_buf b = {0};
    char folder[256];
    size_t n;
    if (!list)
        return;
    kr_pf_expand(pf, list, strlen(list), &b);
    for (const char *at = b.s; at && kr_pf_word(&at, b.s + b.len, &word, &n);) {
        snprintf(folder, sizeof folder, "%.*s", (int)n, word);
        add_instance(pf->r, all, folder, false);
    }
}

static void add_instance(struct kr_mta_reading *r, struct instances *all, const char *folder,
                         bool first)
{
    static const char name[] = "$queue_directory";
    struct kr_pf pf = {.r = r};
    KR_AUTO_BUF struct kr_buf spool = {0};
    if (all->n == MOST_INSTANCES)
        return;
    struct instance *x = &all->v[all->n++];
    snprintf(pf.folder, sizeof pf.folder, "%s", folder);
    snprintf(pf.main, sizeof pf.main, "%.250s/main.cf", folder);
    x->there = kr_pf_read_main(&pf) == 1;
    kr_pf_expand(&pf, name, sizeof name - 1, &spool);
    snprintf(x->folder, sizeof x->folder, "%s", folder);
    snprintf(x->spool, sizeof x->spool, "%.255s", kr_buf_str(&spool));
    if (first)
        add_others(&pf, all);
    kr_pf_free(&pf);
}

static void find_instances(struct kr_queue_asking *a, struct instances *all)
{
    struct kr_mtas scratch = {0};
    struct kr_mta_reading r = {.s = a->s,
                               .out = &scratch,
                               .root = a->root,
                               .files_left = MOST_INSTANCES,
                               .bytes_left = 16u << 20,
                               .visits_left = MOST_INSTANCES};
    memset(all, 0, sizeof *all);
    add_instance(&r, all, a->mta->config, true);
    kr_mtas_free(&scratch);
}

/* ---- asking postqueue ------------------------------------------------------------------------ */

struct listing {
    struct kr_queue_ids ids;
    uint64_t held;
    bool odd;
};

/* The word behind `before` at *line, which moves behind it; NULL: there is none. */
static const char *word_behind(const char **line, const char *before, size_t *len)
{
    size_t n = strlen(before);
    if (strncmp(*line, before, n) != 0)
        return NULL;
    const char *word = *line + n;
    *len = strcspn(word, "\"");
    *line = word + *len;
    return word;
}

/* One JSON object a line, its first members the queue's name and the id (postqueue(1), since
 * Postfix 3.1). */
static bool on_message(const char *line, size_t len, char last, void *arg)
{
    struct listing *l = arg;
    size_t n = 0, n_id = 0;
    const char *name = word_behind(&line, "{\"queue_name\": \"", &n);
    const char *id = name ? word_behind(&line, "\", \"queue_id\": \"", &n_id) : NULL;
    size_t i = 0;
    (void)len;
    while (name && i < N_QUEUES && (strlen(queues[i]) != n || memcmp(queues[i], name, n) != 0))
        i++;
    l->odd |= !id || !n_id || *line != '"' || last != '}' || i == N_QUEUES;
    if (l->odd)
        return false;
    kr_queue_ids_add(&l->ids, id, n_id);
    l->held += i == N_QUEUES - 1;
    return true;
}

static int list(const struct kr_queue_how *how, const char *program, const char *folder,
                bool nobody, struct listing *l, struct kr_err *e)
{
    const char *const argv[] = {program, "-c", folder, "-j", NULL};
    struct kr_tool_end end;
    kr_queue_ids_free(&l->ids);
    *l = (struct listing){0};
    if (kr_queue_run(how, argv, nobody, on_message, l, &end, e))
        return -1;
    if (l->odd)
        return kr_fail(e, KR_UNKNOWN, 0, "what %s says is not what is expected", program);
    return end.status ? kr_fail(e, KR_UNKNOWN, 0, "%s ends with status %d: %s", program, end.status,
                                end.said)
                      : 0;
}

/* ---- counting files -------------------------------------------------------------------------- */

static bool take_id(const char *name, void *arg)
{
    if (!isalnum((unsigned char)*name))
        return false;
    kr_queue_ids_add(arg, name, strlen(name));
    return true;
}

/* So many of its queues are there; -1: one can't be read, which is said. */
static int read_spool(struct kr_queue_asking *a, struct kr_queue *q, const struct instance *x,
                      struct listing *l)
{
    int found = 0;
    for (size_t k = 0; k < 2 * N_QUEUES; k++) {
        size_t i = k < N_QUEUES ? k : 2 * N_QUEUES - 1 - k;
        char path[300];
        uint64_t n = 0;
        snprintf(path, sizeof path, "%s/%s", x->spool, queues[i]);
        int got = kr_queue_spool(a->root, path, 3, take_id, &l->ids, &n);
        if (got < 0) {
            kr_queue_doubt(q, "%.120s can't be read: %.60s", path, strerror(errno));
            return -1;
        }
        l->held = i == N_QUEUES - 1 ? n : l->held;
        found += got;
    }
    return found;
}

static void count_files(struct kr_queue_asking *a, struct kr_queue *q, const struct instance *x)
{
    struct listing l = {.held = 0};
    int found = read_spool(a, q, x, &l);
    if (!found && (a->mta->pid || x->there))
        kr_queue_doubt(q, "its queue %.120s isn't there", x->spool);
    else if (found >= 0)
        kr_queue_count(q, "queue files", kr_queue_ids_count(&l.ids), l.held);
    kr_queue_ids_free(&l.ids);
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* Anybody may ask while it runs, unless authorized_mailq_users says otherwise. */
static void ask_tool(struct kr_queue_asking *a, struct kr_queue *q, const char *program,
                     const struct instance *x)
{
    struct listing l = {.held = 0};
    struct kr_err why;
    bool told = (a->mta->pid && list(a->how, program, q->where, true, &l, &why) == 0) ||
                list(a->how, program, q->where, false, &l, &why) == 0;
    if (!told)
        kr_queue_doubt(q, "%.180s", why.msg);
    else if (l.ids.n || read_spool(a, q, x, &l) >= 0)
        kr_queue_count(q, "postqueue -j", kr_queue_ids_count(&l.ids), l.held);
    kr_queue_ids_free(&l.ids);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void commands(const struct kr_queue_asking *a, struct kr_queue *q)
{
    KR_AUTO_BUF struct kr_buf which = {0};
    char into[48] = "";
    if (!a->same)
        snprintf(into, sizeof into, "nsenter -a -t %d ", (int)a->mta->pid);
    if (strcmp(q->where, "/etc/postfix") != 0) {
        kr_buf_printf(&which, " -c ");
        kr_buf_shell(&which, q->where);
    }
    const char *c = kr_buf_str(&which);
    kr_queue_command(q->purge, sizeof q->purge, "%spostsuper%s -d ALL", into, c);
    kr_queue_command(q->hold, sizeof q->hold, "%spostsuper%s -h ALL", into, c);
    kr_queue_command(q->look, sizeof q->look, "%spostqueue%s -p", into, c);
}

static void identify(const struct kr_queue_asking *a, const char *main_cf, uint64_t file[2])
{
    struct stat st;
    KR_AUTO_FD int fd = kr_mta_open_below(a->root, main_cf, O_PATH);
    bool there = fd >= 0 && fstat(fd, &st) == 0;
    file[0] = there ? st.st_dev : 0;
    file[1] = there ? st.st_ino : 0;
}

/* By one of the group, or because it runs. */
static bool asked_already(const struct kr_queue_asking *a, const uint64_t file[2])
{
    for (size_t i = 0; i < a->out->n; i++)
        if (file[1] && a->out->v[i].mta == a->mta->kind &&
            memcmp(a->out->v[i].file, file, sizeof a->out->v[i].file) == 0)
            return true;
    return false;
}

static void ask_instance(struct kr_queue_asking *a, const struct instance *x)
{
    static const char *const senders[] = {"smtp", "lmtp", NULL}, *const takers[] = {"cleanup",
                                                                                    NULL};
    char main_cf[272];
    uint64_t file[2];
    snprintf(main_cf, sizeof main_cf, "%.250s/main.cf", x->folder);
    identify(a, main_cf, file);
    if (asked_already(a, file))
        return;
    struct kr_queue *q = kr_queue_add(a, x->folder);
    const char *program = kr_queue_program(postqueue);
    memcpy(q->file, file, sizeof q->file);
    bool ours =
        a->same && program && kr_queue_same_file(a, program) && kr_queue_same_file(a, main_cf);
    commands(a, q);
    if (ours)
        ask_tool(a, q, program, x);
    else
        count_files(a, q, x);
    q->purgeable = ours && kr_queue_program(postsuper);
    q->running =
        kr_queue_running(a, senders, "/active/") + kr_queue_running(a, takers, "/incoming/");
}

void kr_queue_ask_postfix(struct kr_queue_asking *a)
{
    struct instances *all = kr_calloc(1, sizeof *all);
    find_instances(a, all);
    for (size_t i = 0; i < all->n; i++)
        ask_instance(a, &all->v[i]);
    if (all->n == MOST_INSTANCES)
        kr_queue_doubt(kr_queue_add(a, a->mta->config), "it has too many instances");
    free(all);
}

int kr_queue_purge_postfix(struct kr_queue *q, const struct kr_queue_how *h, struct kr_err *e)
{
    const char *program = kr_queue_program(postsuper);
    const char *const argv[] = {program, "-c", q->where, "-d", "ALL", NULL};
    struct kr_tool_end end;
    if (!program)
        return kr_fail(e, KR_CANNOT, 0, "there is no postsuper");
    if (kr_queue_run(h, argv, false, NULL, NULL, &end, e))
        return -1;
    return end.status ? kr_fail(e, KR_CANNOT, 0, "%s ends with status %d: %s", program, end.status,
                                end.said)
                      : 0;
}

/* Postfix: each instance is asked by postqueue(1), also one that is stopped: root's postqueue then
 * starts showq(8) itself. Where its programs and files are not ours (a container), its queue files
 * are counted instead: nothing of another root is ever executed. */
#include "mta_postfix.h"
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
    uint64_t queued, held;
    bool odd;
};

/* One JSON object a line, its first member the queue's name (postqueue(1), since Postfix 3.1). */
static bool on_message(const char *line, size_t len, char last, void *arg)
{
    static const char begin[] = "{\"queue_name\": \"";
    struct listing *l = arg;
    const char *name = line + sizeof begin - 1;
    if (len < sizeof begin || memcmp(line, begin, sizeof begin - 1) != 0 || last != '}')
        return l->odd = true, false;
    size_t n = strcspn(name, "\"");
    for (size_t i = 0; i < N_QUEUES; i++)
        if (strlen(queues[i]) == n && memcmp(queues[i], name, n) == 0) {
            l->queued++;
            l->held += i == N_QUEUES - 1;
            return true;
        }
    return l->odd = true, false;
}

static int list(const struct kr_queue_how *how, const char *program, const char *folder,
                bool nobody, struct listing *l, struct kr_err *e)
{
    const char *const argv[] = {program, "-c", folder, "-j", NULL};
    struct kr_tool_end end;
    *l = (struct listing){0};
    if (kr_queue_run(how, argv, nobody, on_message, l, &end, e))
        return -1;
    if (l->odd)
        return kr_fail(e, KR_UNKNOWN, 0, "what %s says is not what is expected", program);
    return end.status ? kr_fail(e, KR_UNKNOWN, 0, "%s ends with status %d: %s", program, end.status,
                                end.said)
                      : 0;
}

/* Anybody may ask while it runs, unless authorized_mailq_users says otherwise. */
static void ask_tool(struct kr_queue_asking *a, struct kr_queue *q, const char *program)
{
    struct listing l;
    struct kr_err why;
    if ((a->mta->pid && list(a->how, program, q->where, true, &l, &why) == 0) ||
        list(a->how, program, q->where, false, &l, &why) == 0)
        kr_queue_count(q, "postqueue -j", l.queued, l.held);
    else
        kr_queue_doubt(q, "%.180s", why.msg);
}

/* ---- counting files -------------------------------------------------------------------------- */

static bool any_name(const char *name)
{
    return isalnum((unsigned char)*name);
}

static void count_files(struct kr_queue_asking *a, struct kr_queue *q, const struct instance *x)
{
    uint64_t n = 0, held = 0;
    int found = 0;
    for (size_t i = 0; i < N_QUEUES; i++) {
        char path[300];
        bool hold = i == N_QUEUES - 1;
        snprintf(path, sizeof path, "%s/%s", x->spool, queues[i]);
        int got = kr_queue_spool(a->root, path, 3, any_name, hold ? &held : &n);
        if (got < 0) {
            kr_queue_doubt(q, "%.120s can't be read: %.60s", path, strerror(errno));
            return;
        }
        found += got;
    }
    if (!found && (a->mta->pid || x->there))
        kr_queue_doubt(q, "its queue %.120s isn't there", x->spool);
    else
        kr_queue_count(q, "queue files", n + held, held);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void commands(const struct kr_queue_asking *a, struct kr_queue *q)
{
    char into[48] = "", which[270] = "";
    if (!a->same)
        snprintf(into, sizeof into, "nsenter -a -t %d ", (int)a->mta->pid);
    if (strcmp(q->where, "/etc/postfix") != 0)
        snprintf(which, sizeof which, " -c %.200s", q->where);
    snprintf(q->purge, sizeof q->purge, "%spostsuper%s -d ALL", into, which);
    snprintf(q->hold, sizeof q->hold, "%spostsuper%s -h ALL", into, which);
    snprintf(q->look, sizeof q->look, "%spostqueue%s -p", into, which);
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
        ask_tool(a, q, program);
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

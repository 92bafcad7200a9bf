#include "master.h"

#include <kr/clock.h>
#include <kr/err.h>
#include <kr/gen_mail.h>
#include <kr/log.h>
#include <kr/mem.h>

#include <errno.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define SPARE_FDS 64u

static void set(_Atomic uint64_t *v, int64_t to)
{
    atomic_store_explicit(v, (uint64_t)to, memory_order_relaxed);
}

static int64_t get(const _Atomic uint64_t *v)
{
    return (int64_t)atomic_load_explicit(v, memory_order_relaxed);
}

/* Every client needs a descriptor, of its own worker. */
static int allow_files(const struct kr_gen_config *cfg, unsigned workers, struct kr_err *e)
{
    struct rlimit l;
    rlim_t need = (cfg->concurrency + workers - 1) / workers + SPARE_FDS;
    if (getrlimit(RLIMIT_NOFILE, &l))
        return kr_fail(e, KR_CANNOT, errno, "getrlimit");
    if (l.rlim_max < need) {
        struct rlimit more = {need, need};
        if (setrlimit(RLIMIT_NOFILE, &more) == 0)
            return 0;
        return kr_fail(e, KR_CANNOT, 0,
                       "--concurrency '%llu' with %u workers needs %llu open files in each; the "
                       "limit is %llu (ulimit -Hn)",
                       (unsigned long long)cfg->concurrency, workers, (unsigned long long)need,
                       (unsigned long long)l.rlim_max);
    }
    l.rlim_cur = l.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &l) ? kr_fail(e, KR_CANNOT, errno, "setrlimit") : 0;
}

static int start_workers(struct master *m, struct kr_err *e)
{
    pid_t parent = getpid();
    for (unsigned i = 0; i < m->run.workers; i++) {
        pid_t pid = fork();
        if (pid < 0)
            return kr_fail(e, KR_CANNOT, errno, "can't start worker %u", i);
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            kr_close_fd(&m->signals);
            _exit(getppid() == parent ? kr_gen_worker_run(&m->run, i) : KR_OK);
        }
        m->pid[i] = pid;
        m->running++;
    }
    return 0;
}

static void reap(struct master *m)
{
    for (unsigned i = 0; i < m->run.workers; i++) {
        int status = 0;
        if (!m->pid[i] || waitpid(m->pid[i], &status, WNOHANG) != m->pid[i])
            continue;
        m->pid[i] = 0;
        m->running--;
        if (!WIFEXITED(status) || WEXITSTATUS(status)) {
            m->crashed = true;
            kr_error("worker %u ended by %s %d; what it was sending is not known", i,
                     WIFSIGNALED(status) ? "signal" : "itself, status",
                     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        }
    }
}

/* Once: nothing new is begun. Twice: at once. */
static void interrupt(struct master *m)
{
    int64_t now = (int64_t)kr_now_us(), drain = (int64_t)m->run.cfg->drain * 1000000;
    struct kr_gen_shared *s = m->run.shared;
    if (now < get(&s->stop_at)) {
        set(&s->stop_at, now);
        set(&s->cut_at, m->interrupted ? now : now + drain);
    } else if (m->interrupted) {
        set(&s->cut_at, now);
    }
    m->interrupted = true;
}

static void on_signal(struct master *m)
{
    struct signalfd_siginfo si;
    while (read(m->signals, &si, sizeof si) == (ssize_t)sizeof si)
        if (si.ssi_signo != SIGCHLD)
            interrupt(m);
}

/* Until every worker has ended. -1: what the run needs is no longer so. */
static int watch(struct master *m, kr_gen_still still, void *arg, struct kr_err *e)
{
    int64_t due = (int64_t)kr_now_us() + 1000000;
    int bad = 0;
    while (m->running) {
        int64_t left = due - (int64_t)kr_now_us();
        struct pollfd p = {.fd = m->signals, .events = POLLIN};
        if (poll(&p, 1, left > 0 ? (int)(left / 1000 + 1) : 0) > 0)
            on_signal(m);
        reap(m);
        if ((int64_t)kr_now_us() < due)
            continue;
        due += 1000000;
        if (!bad && still && still(arg, e)) {
            bad = -1;
            set(&m->run.shared->stop_at, 0);
            set(&m->run.shared->cut_at, 0);
        }
        live_line(m);
    }
    live_end(m);
    return bad;
}

static void account(const struct master *m, struct kr_gen_result *out)
{
    const struct kr_gen_run *run = &m->run;
    const struct kr_gen_config *cfg = run->cfg;
    *out = (struct kr_gen_result){.cfg = cfg, .workers = run->workers};
    kr_gen_sum(run->shared, run->workers, &out->sums);
    uint64_t claimed = (uint64_t)get(&run->shared->claimed);
    bool exhausted = cfg->message_count && claimed >= cfg->message_count;
    int64_t stop = get(&run->shared->stop_at), last = (int64_t)out->sums.counter[KR_GEN_last_us];
    int64_t end = exhausted || stop > (int64_t)kr_now_us() ? last : last > stop ? last : stop;
    out->complete = cfg->message_count ? exhausted : !m->interrupted;
    out->interrupted = m->interrupted;
    out->crashed = m->crashed;
    out->seconds = end > run->began ? (double)(end - run->began) / 1e6 : 0;
    out->measured = end > run->measured_from ? (double)(end - run->measured_from) / 1e6 : 0;
}

static int begin(struct master *m, struct kr_err *e)
{
    const struct kr_gen_config *cfg = m->run.cfg;
    sigset_t set_of;
    m->run.workers = (unsigned)(cfg->workers < cfg->concurrency ? cfg->workers : cfg->concurrency);
    m->pid = kr_calloc(m->run.workers, sizeof *m->pid);
    sigemptyset(&set_of);
    sigaddset(&set_of, SIGINT);
    sigaddset(&set_of, SIGTERM);
    sigaddset(&set_of, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set_of, NULL);
    signal(SIGPIPE, SIG_IGN);
    m->signals = signalfd(-1, &set_of, SFD_CLOEXEC | SFD_NONBLOCK);
    if (m->signals < 0)
        return kr_fail(e, KR_CANNOT, errno, "signalfd");
    if (allow_files(cfg, m->run.workers, e))
        return -1;
    m->run.shared = kr_gen_shared_make(m->run.workers, e);
    if (!m->run.shared || (cfg->starttls && !(m->run.tls = kr_gen_tls(e))))
        return -1;
    live_begin(m);
    return 0;
}

static int run(struct master *m, kr_gen_still still, void *arg, struct kr_gen_result *out,
               struct kr_err *e)
{
    const struct kr_gen_config *cfg = m->run.cfg;
    m->run.began = (int64_t)kr_now_us();
    m->run.measured_from = m->run.began + (int64_t)cfg->warm_up * 1000000;
    int64_t stop = m->run.measured_from + (int64_t)cfg->duration * 1000000;
    set(&m->run.shared->stop_at, stop);
    set(&m->run.shared->cut_at, stop + (int64_t)cfg->drain * 1000000);
    int bad = start_workers(m, e);
    if (bad) { /* those that were started end at once */
        set(&m->run.shared->stop_at, 0);
        set(&m->run.shared->cut_at, 0);
        watch(m, NULL, NULL, NULL);
        return -1;
    }
    bad = watch(m, still, arg, e);
    account(m, out);
    return bad;
}

int kr_gen_go(const struct kr_gen_config *cfg, const struct kr_target *target, kr_gen_still still,
              void *arg, struct kr_gen_result *out, struct kr_err *e)
{
    struct kr_mail *mail = kr_mail_make(cfg, e);
    struct master m = {.run = {.cfg = cfg, .mail = mail, .target = target}, .signals = -1};
    int bad = !mail || begin(&m, e) || run(&m, still, arg, out, e);
    kr_mail_free(mail);
    SSL_CTX_free(m.run.tls);
    kr_gen_shared_free(m.run.shared, m.run.workers);
    kr_close_fd(&m.signals);
    free(m.pid);
    return bad ? -1 : 0;
}

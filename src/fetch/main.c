/* kumo-fetch: what of a preflight speaks TLS. Fetches MTA-STS policies and looks at a sink's
 * certificate, many at once, for kumo-preflight, which has looked the names up. A program of its
 * own, so that it runs without privileges, behind a filter of system calls, and so that what a
 * server does to it is lost with it: kumo-preflight counts what it did not tell as unknown. Jobs
 * come in and their ends go out by standard input, a socket. */
#include "fetch.h"

#include <kr/drop.h>
#include <kr/err.h>
#include <kr/log.h>
#include <kr/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define SECONDS 60 /* RFC 8461 section 3.3 */

struct fetcher {
    CURLM *multi;
    X509_STORE *store;
    uint64_t ms;
    struct transfer v[KR_FETCH_AT_ONCE];
    struct kr_frame_reader in;
    struct kr_buf out;
};

static int send_out(struct kr_buf *b, struct kr_err *e)
{
    for (size_t at = 0; at < b->len;) {
        ssize_t n = write(STDIN_FILENO, b->s + at, b->len - at);
        struct pollfd p = {.fd = STDIN_FILENO, .events = POLLOUT};
        if (n < 0 && errno == EAGAIN)
            poll(&p, 1, -1);
        else if (n < 0 && errno != EINTR)
            return kr_fail(e, KR_CANNOT, errno, "telling what was fetched");
        at += n > 0 ? (size_t)n : 0;
    }
    b->len = 0;
    return 0;
}

static int begin(struct fetcher *f, const struct kr_fetch_job *j, struct kr_err *e)
{
    size_t i = 0;
    while (i < KR_FETCH_AT_ONCE && f->v[i].busy)
        i++;
    if (i == KR_FETCH_AT_ONCE)
        return kr_fail(e, KR_INTERNAL, 0, "more than %u at once", KR_FETCH_AT_ONCE);
    f->v[i].store = f->store;
    return transfer_begin(&f->v[i], f->multi, j, f->ms)
               ? kr_fail(e, KR_CANNOT, 0, "beginning with %s", j->host)
               : 0;
}

/* 1: nobody asks any more. */
static int read_jobs(struct fetcher *f, struct kr_err *e)
{
    for (;;) {
        enum kr_frame type;
        const uint8_t *data;
        size_t len;
        struct kr_fetch_job j;
        int got = kr_frame_read(&f->in, STDIN_FILENO, &type, &data, &len);
        if (got == 0)
            return 1;
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (got < 0 || type != (enum kr_frame)KR_FETCH_FRAME_JOB ||
            kr_fetch_job_read(data, len, &j))
            return kr_fail(e, KR_INTERNAL, got < 0 ? errno : 0, "no job");
        if (begin(f, &j, e))
            return -1;
    }
}

static int tell_ends(struct fetcher *f, struct kr_err *e)
{
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(f->multi, &left))) {
        struct transfer *t = NULL;
        if (m->msg != CURLMSG_DONE ||
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t) || !t)
            continue;
        const struct kr_fetch_done d = transfer_done(t, m->data.result);
        kr_fetch_done_write(&f->out, &d);
        transfer_end(t, f->multi);
    }
    return send_out(&f->out, e);
}

static int serve(struct fetcher *f, struct kr_err *e)
{
    for (;;) {
        int running = 0;
        struct curl_waitfd in = {.fd = STDIN_FILENO, .events = CURL_WAIT_POLLIN};
        if (curl_multi_perform(f->multi, &running) || tell_ends(f, e))
            return -1;
        if (curl_multi_poll(f->multi, &in, 1, 1000, NULL))
            return kr_fail(e, KR_CANNOT, errno, "waiting");
        int over = in.revents ? read_jobs(f, e) : 0;
        if (over)
            return over < 0 ? -1 : 0;
    }
}

/* Everything that opens something happens before the filter stands; time zones are read here too.
 */
static int prepare(struct fetcher *f, const struct fetch_options *o, struct kr_err *e)
{
    tzset();
    if (curl_global_init(CURL_GLOBAL_DEFAULT) || !(f->multi = curl_multi_init()))
        return kr_fail(e, KR_CANNOT, 0, "libcurl can't be started");
    f->store = fetch_store_load(o->ca_file, e);
    if (!f->store || kr_drop(NULL, e))
        return -1;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* lost with the user id (prctl(2)) */
    if (fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK))
        return kr_fail(e, KR_CANNOT, errno, "standard input");
    f->ms = 1000 * (o->seconds ? o->seconds : SECONDS);
    kr_frame_add(&f->out, (enum kr_frame)KR_FETCH_FRAME_READY, "", 0);
    return fetch_filter(e) || send_out(&f->out, e) ? -1 : 0;
}

static void end(struct fetcher *f)
{
    for (size_t i = 0; i < KR_FETCH_AT_ONCE; i++) {
        transfer_end(&f->v[i], f->multi);
        kr_buf_free(&f->v[i].body);
    }
    curl_multi_cleanup(f->multi);
    X509_STORE_free(f->store);
    kr_buf_free(&f->out);
    free(f);
}

/* What went wrong before the first job is for kumo-preflight to pass on. */
static void tell_error(const struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf text = {0}, b = {0};
    uint8_t exit = (uint8_t)e->exit;
    kr_buf_add(&text, &exit, 1);
    kr_buf_text(&text, e->msg);
    kr_frame_add(&b, KR_FRAME_ERROR, text.s, text.len);
    send_out(&b, NULL);
}

int main(int argc, char **argv)
{
    struct fetcher *f = kr_calloc(1, sizeof *f);
    struct fetch_options o = {0};
    struct kr_err e = {0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    kr_log_setup("kumo-fetch", KR_LOG_INFO, KR_COLOR_AUTO);
    int bad = fetch_options_read(argc, argv, &o, &e) || prepare(f, &o, &e) || serve(f, &e);
    if (bad)
        tell_error(&e);
    end(f);
    return bad ? (int)e.exit : KR_OK;
}

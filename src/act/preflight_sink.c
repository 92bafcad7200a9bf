#include <kr/preflight_sink.h>

#include <kr/buf.h>
#include <kr/endpoint.h>
#include <kr/err.h>
#include <kr/state.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static void from_plan(const struct kr_plan *p, struct kr_sink_choice *out)
{
    const struct kr_plan_sink *const sinks[] = {&p->sink4, &p->sink6};
    for (size_t i = 0; i < 2; i++)
        if (sinks[i]->on)
            kr_strlist_add(&out->at, kr_endpoint_str(&sinks[i]->at, out->text[i]));
}

/* 1: there is a record of what up did here, 0: there is none, -1: it can't be read. */
static int read_state(struct kr_state *s, struct kr_err *e)
{
    struct stat st;
    struct kr_paths paths;
    if (stat(KR_STATE_DIR, &st))
        return errno == ENOENT ? 0 : kr_fail(e, KR_UNKNOWN, errno, "%s", KR_STATE_DIR);
    return kr_paths_find(&paths, e) ? -1 : kr_state_read(&paths, s, e);
}

/* 1: a redirect stands, 0: none does, -1: that can't be read. */
static int from_state(struct kr_sink_choice *out)
{
    struct kr_state s = {0};
    int got = read_state(&s, NULL);
    if (got == 1 && s.plan.mode == KR_MODE_REDIRECT)
        from_plan(&s.plan, out);
    else if (got == 1)
        got = 0;
    kr_state_free(&s);
    return got;
}

/* 1: it says where, 0: it does not; "builtin" is nowhere yet. */
static int from_list(const struct kr_strlist *l, struct kr_sink_choice *out, struct kr_err *e)
{
    struct kr_endpoint at;
    for (size_t i = 0; i < l->n; i++) {
        if (strcmp(l->v[i], "builtin") == 0)
            continue;
        if (kr_endpoint_parse(l->v[i], &at, e))
            return kr_wrap(e, "--sink");
        kr_strlist_add(&out->at, l->v[i]);
    }
    if (out->at.n > 8)
        return kr_fail(e, KR_USAGE, 0, "--sink: more than eight");
    return out->at.n > 0;
}

static int assume(struct kr_sink_choice *out, enum kr_sink_tls state, const char *why)
{
    out->state = state;
    out->why = why;
    return 0;
}

int kr_sink_choose(const struct kr_strlist *told, const struct kr_strlist *configured,
                   struct kr_sink_choice *out, struct kr_err *e)
{
    *out = (struct kr_sink_choice){.state = KR_SINK_UNTOLD};
    int got = from_list(told, out, e);
    if (got)
        return got < 0 ? -1 : 0;
    if (told->n)
        return assume(out, KR_SINK_CLEAR, "what the built-in sink is like");
    got = from_state(out);
    if (got < 0)
        return assume(out, KR_SINK_UNTOLD, "the record of the redirect can't be read; try sudo");
    if (got)
        return 0;
    got = from_list(configured, out, e);
    if (got)
        return got < 0 ? -1 : 0;
    return assume(out, KR_SINK_CLEAR, "no redirect stands; what up starts by itself");
}

static void add_exempt(const struct kr_prefix *p, struct kr_buf *out)
{
    char text[KR_ADDRSTRLEN];
    kr_buf_printf(out, "%s%s", out->len ? " " : "", kr_prefix_str(p, text));
}

static int add_configured(const struct kr_strlist *l, struct kr_buf *out, struct kr_err *e)
{
    for (size_t i = 0; i < l->n; i++) {
        struct kr_prefix p;
        if (strcmp(l->v[i], "auto") == 0 || strcmp(l->v[i], "none") == 0)
            continue;
        if (kr_prefix_parse(l->v[i], &p, e))
            return kr_wrap(e, "--lan");
        add_exempt(&p, out);
    }
    return 0;
}

int kr_exempt_find(const struct kr_strlist *configured, struct kr_buf *out, struct kr_err *e)
{
    struct kr_state s = {0};
    int got = read_state(&s, e);
    for (size_t i = 0; got == 1 && i < s.plan.lan.n; i++)
        add_exempt(&s.plan.lan.v[i].prefix, out);
    kr_state_free(&s);
    if (got == 1)
        return 0;
    return add_configured(configured, out, e) ? -1 : got;
}

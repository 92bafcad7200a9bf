#include "mta_set.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/scene.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MOST_NOTES 200

/* ---- notes ------------------------------------------------------------------------------------
 */

void kr_mta_note(struct kr_mta_sides *s, enum kr_verdict v, const char *id, const char *remedy,
                 const char *where, const char *fmt, ...)
{
    struct kr_mta_note n = {.verdict = v, .id = id, .remedy = remedy};
    va_list args;
    snprintf(n.where, sizeof n.where, "%.159s", where);
    for (size_t i = 0; i < s->n_notes; i++)
        if (strcmp(s->notes[i].id, id) == 0 && strcmp(s->notes[i].where, n.where) == 0)
            return;
    if (s->n_notes == MOST_NOTES)
        return;
    va_start(args, fmt);
    vsnprintf(n.what, sizeof n.what, fmt, args);
    va_end(args);
    s->notes = kr_grow(s->notes, &s->cap_notes, s->n_notes + 1, sizeof *s->notes);
    s->notes[s->n_notes++] = n;
}

/* What the readers of the configuration said, by the word it begins with. */
static const struct {
    const char *word, *id, *says, *remedy;
} by_word[] = {
    {"remember_broken_tls", "remember-broken-tls",
     "a sink whose TLS fails teaches kumod to send in clear to the real site, until it is "
     "restarted",
     "set it to nil for the test; restart kumod after it"},
    {"enable_tls = Required", "required-provider",
     "this path asks for TLS, whatever MTA-STS and DANE say",
     "enable_tls = 'OpportunisticInsecure' for the test (--emit kumomta)"},
    {"enable_mta_sts = true", "mta-sts", "policies are kept in memory until their max_age is over",
     "enable_mta_sts = false for the test; restart kumod before it, so that none is cached"},
    {"enable_dane = true", "dane", "TLSA records decide", "enable_dane = false for the test"},
    {"smtp_auth_plain_username", "smtp-auth", "", "leave the password out of the test"},
    {"smtp_sasl_auth_enable", "smtp-auth", "", "smtp_sasl_auth_enable = no for the test"},
    {"smtp_tlsrpt_enable = yes", "tlsrpt",
     "failure reports about the test are mailed to the real domains",
     "smtp_tlsrpt_enable = no for the test"},
};

static void from_way(struct kr_mta_sides *s, const struct kr_mta_way *w)
{
    const struct kr_evidence *x = &w->evidence;
    for (size_t i = 0; i < sizeof by_word / sizeof *by_word; i++)
        if (strncmp(x->detail, by_word[i].word, strlen(by_word[i].word)) == 0) {
            kr_mta_note(s, KR_HOLDS, by_word[i].id, by_word[i].remedy, x->object, "%s%s%.110s",
                        x->detail, *by_word[i].says ? ": " : "", by_word[i].says);
            return;
        }
    if ((w->topic == KR_MTA_PROXIES || w->topic == KR_MTA_PORTS) && x->verdict == KR_BROKEN)
        kr_mta_note(s, KR_BROKEN, w->topic == KR_MTA_PROXIES ? "proxy" : "port",
                    w->topic == KR_MTA_PROXIES ? "take the proxy out for the test"
                                               : "up --port N, or take it out for the test",
                    x->object, "%s", x->detail);
    /* A cache on disk outlives the plugin's policy. */
    if (w->topic == KR_MTA_TLS && strstr(x->detail, "smtp_tls_policy_maps") &&
        (strstr(x->detail, "socketmap:") || strstr(x->detail, "tcp:")))
        kr_mta_note(s, KR_HOLDS, "mta-sts-cache",
                    "take it out of smtp_tls_policy_maps for the test (--emit postfix)", x->object,
                    "%.150s: an MTA-STS plugin; policies it has cached are enforced until their "
                    "max_age is over, whatever DNS says now",
                    x->detail);
}

/* ---- who --------------------------------------------------------------------------------------
 */

static const struct {
    const char *kind, *side;
    void (*set)(struct kr_mta_setting *x);
    void (*free)(void *arg);
} kinds[] = {
    {"kumomta", "kumomta", kr_mta_set_kumomta, kr_mta_set_kumomta_free},
    {"postfix", "postfix", kr_mta_set_postfix, kr_mta_set_postfix_free},
    {"exim", "exim", kr_mta_set_exim, kr_mta_set_exim_free},
};
#define N_KINDS (sizeof kinds / sizeof *kinds)

/* Where the kind stands in the table; N_KINDS: nobody asks it. */
static size_t kind_of(const char *id)
{
    size_t i = 0;
    while (i < N_KINDS && strcmp(id, kinds[i].kind) != 0)
        i++;
    return i;
}

static void add(struct kr_mta_sides *s, const struct kr_mta_set_how *how, const char *side,
                const struct kr_mta *m)
{
    size_t at = s->n, k = m ? kind_of(m->kind->id) : kind_of(how->which);
    bool named = m || (k == 0 && getenv("KUMO_KCLI_ENDPOINT"));
    if (at == KR_SIDES_MOST) { /* one that stands for all that had no room */
        s->v[at - 1] = *kr_mta_side_default("none");
        return;
    }
    s->n++;
    s->v[at] = *kr_mta_side_default(side);
    struct kr_mta_setting x = {
        .how = how, .mta = m, .side = &s->v[at], .asked = &s->asked[at], .out = s};
    if (m && (m->elsewhere || !kr_mta_same_root(m)))
        kr_mta_note(s, KR_HOLDS, "not-asked", "run preflight where it runs", m->kind->title,
                    "it runs in another namespace or root folder, where its tools are not run");
    else if (named && k < N_KINDS)
        kinds[k].set(&x);
    if (s->v[at].arg)
        s->done[at] = kinds[k].free;
}

static void add_stranger(struct kr_mta_sides *s, const struct kr_mta_set_how *how,
                         const struct kr_mta *m)
{
    kr_mta_note(s, KR_HOLDS, "not-asked", "--mta names another", m->kind->title,
                "it runs, and nobody here can read its settings: it counts as one that honours "
                "everything");
    add(s, how, "none", m);
}

static void add_those(struct kr_mta_sides *s, const struct kr_mta_set_how *how,
                      const struct kr_mtas *m, bool running, bool elsewhere)
{
    bool any = strcmp(how->which, "auto") == 0;
    for (size_t i = 0; i < m->n; i++) {
        size_t k = kind_of(m->v[i].kind->id);
        if ((m->v[i].pid != 0) != running || m->v[i].elsewhere != elsewhere ||
            (!any && strcmp(m->v[i].kind->id, how->which) != 0))
            continue;
        if (k < N_KINDS)
            add(s, how, kinds[k].side, &m->v[i]);
        else if (running)
            add_stranger(s, how, &m->v[i]);
    }
}

/* Those that run here, else those that are installed, else those in other network namespaces, whose
 * mail may come through this one. */
static void add_found(struct kr_mta_sides *s, const struct kr_mta_set_how *how,
                      const struct kr_mtas *m)
{
    static const bool order[][2] = {{true, false}, {false, false}, {true, true}};
    for (size_t i = 0; i < sizeof order / sizeof *order && s->n == 0; i++)
        if (!order[i][1] || strcmp(how->which, "auto") != 0)
            add_those(s, how, m, order[i][0], order[i][1]);
}

/* What the configuration of those that are judged says. */
static void add_notes(struct kr_mta_sides *s, const struct kr_mtas *m)
{
    for (size_t i = 0; i < m->n_ways; i++)
        from_way(s, &m->ways[i]);
}

static bool mta_sts_is_off(const struct kr_mtas *m)
{
    static const char off[] = "set_mta_sts_enabled = false";
    for (size_t i = 0; i < m->n_ways; i++)
        if (strcmp(m->ways[i].evidence.detail, off) == 0)
            return true;
    return false;
}

void kr_mta_sides_read(struct kr_scene *s, const struct kr_mta_set_how *how,
                       struct kr_mta_sides *out)
{
    bool any = strcmp(how->which, "auto") == 0;
    struct kr_err e = {0};
    *out = (struct kr_mta_sides){0};
    const struct kr_mtas *m = any || kind_of(how->which) < N_KINDS ? kr_scene_mtas(s, &e) : NULL;
    if (m) {
        add_found(out, how, m);
        add_notes(out, m);
    } else if (*e.msg) {
        kr_mta_note(out, KR_HOLDS, "not-found", "run preflight as root", "mail servers", "%s",
                    e.msg);
    }
    if (!out->n)
        add(out, how, any ? "kumomta" : how->which, NULL);
    for (size_t i = 0; m && i < out->n; i++)
        out->v[i].no_sts_lookup = mta_sts_is_off(m);
}

void kr_mta_sides_free(struct kr_mta_sides *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->done[i])
            s->done[i](s->v[i].arg);
    free(s->notes);
    *s = (struct kr_mta_sides){0};
}

/* What is in force: the text of a policy, and what an operator set over it since. Each change makes
 * a candidate of all of it, which the master compiles to see whether it can be; what the workers
 * have is replaced only by one that can. */
#include "steer.h"
#include "children.h"

#include <kr/err.h>
#include <kr/log.h>
#include <kr/mem.h>
#include <kr/sink_names.h>
#include <kr/sink_store.h>

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static void free_set(struct kr_strlist *l)
{
    for (size_t i = 0; i < l->n; i++)
        free((char *)(uintptr_t)l->v[i]);
    kr_strlist_free(l);
}

static void free_steering(struct steering *s)
{
    free(s->name);
    kr_buf_free(&s->text);
    free_set(&s->set);
    *s = (struct steering){0};
}

void steer_free(struct master *m)
{
    free_steering(&m->steering);
}

static void name(struct steering *s, const char *n)
{
    free(s->name);
    s->name = n ? kr_strdup(n) : NULL;
}

static void copy(struct steering *to, const struct steering *from)
{
    *to = (struct steering){0};
    name(to, from->name);
    kr_buf_add(&to->text, kr_buf_str(&from->text), from->text.len);
    for (size_t i = 0; i < from->set.n; i++)
        kr_strlist_add(&to->set, kr_strdup(from->set.v[i]));
    memcpy(to->seed, from->seed, sizeof to->seed);
}

static void write_settings(const struct steering *s, struct kr_buf *out)
{
    for (size_t i = 0; i + 2 < s->set.n; i += 3)
        kr_buf_printf(out, "set.\"%s\".%s = %s\n", s->set.v[i], s->set.v[i + 1], s->set.v[i + 2]);
}

static void put_names(struct master *m, const struct kr_policy *p)
{
    for (size_t i = 1; i < kr_policy_sites(p); i++)
        kr_names_add(m->shared.names, kr_policy_site_name(p, i));
    kr_debug("policy: %zu providers, %zu rules", kr_policy_sites(p) - 1, kr_policy_rules(p));
}

/* Settings alone are a policy too. */
static int put_in_force(struct master *m, const struct steering *s, struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf set = {0};
    write_settings(s, &set);
    struct kr_policy_how how = {m->shared.how.compat, s->seed[0] ? s->seed : m->shared.how.seed,
                                kr_buf_str(&set), set.len};
    bool there = s->name || set.len;
    const char *called = s->name ? s->name : "settings";
    if (!there)
        return kr_store_put(m->shared.store, "off", NULL, 0, e);
    struct kr_policy *p = kr_policy_read(called, kr_buf_str(&s->text), s->text.len, &how, e);
    if (!p)
        return -1;
    put_names(m, p);
    kr_policy_drop(p);
    return kr_store_put_tuned(m->shared.store, called, kr_buf_str(&s->text), s->text.len, &how, e);
}

/* Takes over the candidate. */
static int attempt(struct master *m, struct steering *s, struct kr_err *e)
{
    if (put_in_force(m, s, e)) {
        free_steering(s);
        return -1;
    }
    free_steering(&m->steering);
    m->steering = *s;
    signal_all(m, SIGHUP);
    return 0;
}

int steer_text(struct master *m, const char *called, const char *text, size_t len, struct kr_err *e)
{
    struct steering s;
    copy(&s, &m->steering);
    name(&s, called);
    kr_buf_free(&s.text);
    kr_buf_add(&s.text, text ? text : "", len);
    return attempt(m, &s, e);
}

int steer_seed(struct master *m, const char *seed, struct kr_err *e)
{
    struct steering s;
    size_t n = seed ? strlen(seed) : 0;
    if (seed && (n < 1 || n > 19 || strspn(seed, "0123456789") != n))
        return kr_fail(e, KR_USAGE, 0, "seed '%s' is no number of up to 19 digits", seed);
    copy(&s, &m->steering);
    snprintf(s.seed, sizeof s.seed, "%s", seed ? seed : "");
    return attempt(m, &s, e);
}

static bool consists_of(const char *text, const char *others)
{
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && !strchr(others, *text))
            return false;
    return true;
}

static void forget(struct kr_strlist *l, const char *target, const char *key)
{
    struct kr_strlist kept = {0};
    for (size_t i = 0; i + 2 < l->n; i += 3) {
        bool gone =
            (!target || strcmp(l->v[i], target) == 0) && (!key || strcmp(l->v[i + 1], key) == 0);
        for (size_t k = i; k < i + 3 && !gone; k++)
            kr_strlist_add(&kept, kr_strdup(l->v[k]));
    }
    free_set(l);
    *l = kept;
}

int steer_set(struct master *m, const char *target, const char *key, const char *value,
              struct kr_err *e)
{
    struct steering s;
    if ((target && !consists_of(target, "-_.")) || (key && !consists_of(key, "_")))
        return kr_fail(e, KR_USAGE, 0, "'%s %s' can't be set: letters, digits, '-', '_' and '.'",
                       target, key ? key : "");
    copy(&s, &m->steering);
    size_t before = s.set.n;
    forget(&s.set, target, key);
    if (!value && before == s.set.n) {
        free_steering(&s);
        return kr_fail(e, KR_USAGE, 0, "%s%s%s is not set", target ? target : "anything",
                       key ? " " : "", key ? key : "");
    }
    if (value) {
        kr_strlist_add(&s.set, kr_strdup(target));
        kr_strlist_add(&s.set, kr_strdup(key));
        kr_strlist_add(&s.set, kr_strdup(value));
    }
    return attempt(m, &s, e);
}

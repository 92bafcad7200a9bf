#include <kr/gen_guard.h>

#include <kr/err.h>
#include <kr/log.h>

#define SMTP_PORT 25

enum kr_guard_need kr_guard_need(enum kr_target_where where, uint16_t port, bool real)
{
    if (where == KR_TARGET_ELSEWHERE && (real || port == SMTP_PORT))
        return KR_GUARD_EVIDENCE; /* that the target itself is redirected */
    if (!real)
        return KR_GUARD_NOTHING;
    return where == KR_TARGET_HERE ? KR_GUARD_EVIDENCE : KR_GUARD_WORD;
}

static bool is_redirected(const struct kr_stands *s, const struct kr_target *t, size_t i)
{
    bool family = kr_addr_is_v4(&t->addr[i]) ? s->redirected4 : s->redirected6;
    bool port = false;
    for (size_t k = 0; k < s->ports; k++)
        port |= s->port[k] == t->port;
    return family && port;
}

static int refuse(const struct kr_target *t, size_t i, bool real, const char *why, struct kr_err *e)
{
    char a[KR_ADDRSTRLEN];
    kr_fail(e, KR_UNSAFE, 0, "refused: %s, and %s. %s; or say --i-know",
            real ? "without a domain suffix this mail is addressed to real people"
                 : "the target is a mail server of others",
            why,
            real ? "Leave --domain-suffix as it is, or prove the redirect: kumo-redirect "
                   "up, then kumo-redirect verify"
                 : "Choose a target on this host or its LAN, or prove the redirect: "
                   "kumo-redirect up, then kumo-redirect verify");
    return kr_wrap(e, "%s port %u", kr_addr_str(&t->addr[i], a), t->port);
}

static int look_at(const struct kr_target *t, size_t i, bool real, bool *watched, struct kr_err *e)
{
    enum kr_target_where where;
    struct kr_stands s;
    struct kr_err why = {0};
    if (kr_target_look(&t->addr[i], t->scope[i], &where, e))
        return -1;
    enum kr_guard_need need = kr_guard_need(where, t->port, real);
    if (need == KR_GUARD_NOTHING)
        return 0;
    if (need == KR_GUARD_WORD)
        return refuse(t, i, real, "what stands on this host does not stop a mail server on another",
                      e);
    if (kr_evidence_check(*watched, &s, &why))
        return refuse(t, i, real, why.msg, e);
    if (where == KR_TARGET_ELSEWHERE && !is_redirected(&s, t, i))
        return refuse(t, i, real, "connections to it are not redirected", e);
    if (!*watched)
        kr_info("the redirect stands: evidence of %s, and the sink answers", s.when);
    *watched = true;
    return 0;
}

int kr_guard_check(const struct kr_target *t, bool real, bool *watched, struct kr_err *e)
{
    *watched = false;
    for (size_t i = 0; i < t->n; i++)
        if (look_at(t, i, real, watched, e))
            return -1;
    return 0;
}

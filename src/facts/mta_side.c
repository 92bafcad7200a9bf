#include <kr/mta_side.h>

#include <kr/dns_facts.h>

#include <assert.h>
#include <string.h>

static const char *const levels[] = {
    [KR_TLS_MAY] = "may",         [KR_TLS_OPPORTUNISTIC] = "opportunistic",
    [KR_TLS_ENCRYPT] = "encrypt", [KR_TLS_VERIFY] = "verify",
    [KR_TLS_DANE] = "dane",       [KR_TLS_DEFER] = "defer",
    [KR_TLS_BOUNCE] = "bounce",   [KR_TLS_UNSURE] = "unsure",
};
static_assert(sizeof levels / sizeof *levels == KR_TLS_LEVELS, "a name for each level");

const char *kr_tls_level_name(enum kr_tls_level l)
{
    return levels[l];
}

/* enable_tls of KumoMTA's shipped shaping.toml and of the community's, by MX suffix or domain. */
static const struct kr_tls_override shaping[] = {
    {".google.com", KR_TLS_VERIFY, "shaping.toml: google, enable_tls = Required"},
    {".googlemail.com", KR_TLS_VERIFY, "shaping.toml: google, enable_tls = Required"},
    {"comcast.net", KR_TLS_VERIFY, "shaping.toml: comcast.net, enable_tls = Required"},
    {"orange.fr", KR_TLS_VERIFY, "shaping.toml: orange.fr, enable_tls = Required"},
    {"wanadoo.fr", KR_TLS_VERIFY, "shaping.toml: orange.fr, enable_tls = Required"},
    {"163.com", KR_TLS_ENCRYPT, "shaping.toml: 163.com, enable_tls = RequiredInsecure"},
};
#define SHAPING .overrides = shaping, .n_overrides = sizeof shaping / sizeof *shaping

static const struct kr_mta_side defaults[] = {
    {.id = "kumomta",
     .title = "KumoMTA after 2026.06.23",
     .column = KR_COLUMN_KUMO_LATER,
     .assumed = true,
     .base = KR_TLS_OPPORTUNISTIC,
     .mta_sts = true,
     SHAPING},
    {.id = "kumomta-release",
     .title = "KumoMTA up to 2026.06.23",
     .column = KR_COLUMN_KUMO_RELEASE,
     .assumed = true,
     .base = KR_TLS_OPPORTUNISTIC,
     .mta_sts = true,
     SHAPING},
    {.id = "postfix",
     .title = "Postfix at level dane",
     .column = KR_COLUMN_POSTFIX,
     .assumed = true,
     .base = KR_TLS_MAY,
     .dane = true,
     .half_dane = true},
    {.id = "exim",
     .title = "Exim",
     .column = KR_COLUMN_EXIM,
     .assumed = true,
     .base = KR_TLS_MAY,
     .dane = true},
    {.id = "none",
     .title = "an MTA that honours everything",
     .column = KR_COLUMN_STRICTEST,
     .base = KR_TLS_MAY,
     .dane = true,
     .half_dane = true,
     .mta_sts = true,
     .tlsrpt = true},
};

const struct kr_mta_side *kr_mta_side_default(const char *id)
{
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        if (strcmp(defaults[i].id, id) == 0)
            return &defaults[i];
    return NULL;
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);
    return n >= m && strcmp(name + n - m, suffix) == 0;
}

struct kr_mta_path kr_mta_side_path(const struct kr_mta_side *s, const struct kr_domain_facts *d,
                                    const char *host)
{
    struct kr_mta_path p = {
        .level = s->base, .dane = s->dane, .half_dane = s->half_dane, .mta_sts = s->mta_sts};
    for (size_t i = 0; i < s->n_overrides; i++) {
        const struct kr_tls_override *o = &s->overrides[i];
        if (*o->match == '.' ? host && ends_with(host, o->match) : strcmp(d->name, o->match) == 0) {
            p.level = o->level;
            break;
        }
    }
    if (s->path)
        s->path(s->arg, d, host, &p);
    p.sts_lookup = p.sts_lookup && !s->no_sts_lookup;
    return p;
}

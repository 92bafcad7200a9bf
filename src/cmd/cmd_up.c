#include "session.h"

#include <kr/buf.h>
#include <kr/cmd.h>
#include <kr/err.h>
#include <kr/log.h>
#include <kr/netns.h>
#include <kr/opt_words.h>
#include <kr/persist.h>
#include <kr/report.h>
#include <kr/up.h>

#include <stdio.h>
#include <string.h>

static const char *const forwards[] = {"block", "redirect", NULL};
_Static_assert(KR_FORWARD_BLOCK == 0 && KR_FORWARD_REDIRECT == 1, "forwards");

#define AT(field) offsetof(struct kr_up_options, field)
static const struct kr_opt rows[] = {
    {.name = "sink",
     .kind = KR_OPT_LIST,
     .offset = AT(sinks),
     .arg = "WHERE",
     .help = "builtin (default) or ADDR[-ADDR]:PORT, [V6]:PORT; one for each family"},
    {.name = "lan",
     .kind = KR_OPT_LIST,
     .offset = AT(lan),
     .arg = "auto|none|CIDR",
     .help = "what stays reachable (default auto: private on-link networks); repeatable"},
    {.name = "port",
     .kind = KR_OPT_LIST,
     .offset = AT(ports),
     .arg = "N",
     .help = "port to redirect (default 25); repeatable"},
    {.name = "block-port",
     .kind = KR_OPT_LIST,
     .offset = AT(block_ports),
     .arg = "N",
     .help = "port to guard without a redirect (465, 587 ...); repeatable"},
    {.name = "forward",
     .kind = KR_OPT_CHOICE,
     .offset = AT(forward),
     .arg = "HOW",
     .choices = forwards,
     .help = "connections of containers behind this host: block (default) or redirect"},
    {.name = "uplink",
     .kind = KR_OPT_LIST,
     .offset = AT(uplinks),
     .arg = "IF",
     .help = "fence this device instead of those found; repeatable"},
    {.name = "capture-local",
     .kind = KR_OPT_FLAG,
     .offset = AT(capture_local),
     .help = "redirect connections to loopback and own addresses too"},
    {.name = "allow",
     .kind = KR_OPT_LIST,
     .offset = AT(allow),
     .arg = "ID=REASON",
     .help = "a waiver: go on although; recorded with its reason"},
    {.name = "block",
     .kind = KR_OPT_FLAG,
     .offset = AT(block),
     .help = "guards only: nothing is redirected, nothing gets out"},
    {.name = "dry-run",
     .kind = KR_OPT_FLAG,
     .offset = AT(dry_run),
     .help = "print nft and iproute2 syntax, change nothing",
     .flags = KR_OPT_NO_CONFIG},
    {.name = "persist",
     .kind = KR_OPT_FLAG,
     .offset = AT(persist),
     .help = "bring it back after a reboot, before the network and the mail server start",
     .flags = KR_OPT_NO_CONFIG},
};
#define N_ROWS (sizeof rows / sizeof *rows)
const struct kr_opt_table kr_up_options = {rows, N_ROWS};
const struct kr_opt_table kr_up_settings = {rows,
                                            N_ROWS - 3}; /* not --block, --dry-run, --persist */

static int add_sink(const char *text, struct kr_settings *s, struct kr_err *e)
{
    struct kr_endpoint at;
    if (strcmp(text, "builtin") == 0)
        return 0;
    if (kr_endpoint_parse(text, &at, e))
        return kr_wrap(e, "--sink");
    bool v4 = kr_addr_is_v4(&at.first);
    bool *given = v4 ? &s->sink4 : &s->sink6;
    if (*given)
        return kr_fail(e, KR_USAGE, 0, "--sink '%s' is a second one for IPv%c", text,
                       v4 ? '4' : '6');
    *given = true;
    *(v4 ? &s->sink4_at : &s->sink6_at) = at;
    return 0;
}

static int add_sinks(const struct kr_strlist *l, struct kr_settings *s, struct kr_err *e)
{
    bool builtin = false;
    for (size_t i = 0; i < l->n; i++) {
        builtin |= strcmp(l->v[i], "builtin") == 0;
        if (add_sink(l->v[i], s, e))
            return -1;
    }
    if (builtin && (s->sink4 || s->sink6))
        return kr_fail(e, KR_USAGE, 0, "--sink builtin serves both families and stands alone");
    return 0;
}

static int add_ports(const char *name, const struct kr_strlist *l, struct kr_ports *p,
                     struct kr_err *e)
{
    for (size_t i = 0; i < l->n; i++) {
        uint16_t port;
        if (kr_port_parse(l->v[i], &port, e) || kr_ports_add(p, port, e))
            return kr_wrap(e, "--%s", name);
    }
    return 0;
}

int kr_settings_from(const struct kr_up_options *o, struct kr_settings *s, struct kr_err *e)
{
    *s = (struct kr_settings){.lan = o->lan,
                              .uplinks = o->uplinks,
                              .forward = o->forward,
                              .capture_local = o->capture_local,
                              .block = o->block};
    for (size_t i = 0; i < o->allow.n; i++)
        if (kr_waiver_add(&s->waivers, o->allow.v[i], e))
            return kr_wrap(e, "--allow");
    return add_sinks(&o->sinks, s, e) || add_ports("port", &o->ports, &s->ports, e) ||
                   add_ports("block-port", &o->block_ports, &s->block_ports, e)
               ? -1
               : 0;
}

/* Needs no privileges and touches nothing. */
static int dry_run(const struct kr_common *c, const struct kr_settings *s, struct kr_err *e)
{
    struct kr_netview v = {0};
    struct kr_origin origin;
    struct kr_plan plan;
    KR_AUTO_BUF struct kr_buf text = {0};
    if (c->netns && kr_netns_enter(c->netns, e))
        return (int)e->exit;
    if (kr_origin_find(&origin, e) || kr_netview_read(&v, e))
        return (int)e->exit;
    int bad = kr_plan_make(s, &v, &origin, &plan, e);
    kr_netview_free(&v);
    if (bad)
        return (int)e->exit;
    for (size_t i = 0; i < plan.n_said; i++)
        kr_info("%s", plan.said[i]);
    kr_plan_text(&plan, &text);
    fputs(kr_buf_str(&text), stdout);
    kr_plan_free(&plan);
    return KR_OK;
}

static void progress(const char *stage, unsigned us, void *arg)
{
    (void)arg;
    kr_debug("%-9s %u.%03u ms", stage, us / 1000, us % 1000);
}

/* Once it was asked for it goes on, with the settings that stand now, until down. */
static int persist(const struct kr_up_options *o, struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf words = {0};
    if (!o->persist && (!kr_persist_there() || kr_persist_foreign()))
        return 0;
    kr_opt_words(&kr_up_settings, o, &words);
    if (kr_persist_install(&words, o->block, e))
        return kr_wrap(e, "%s stands, but will not survive a reboot",
                       o->block ? "blocked" : "the redirect");
    if (!kr_units_are_read())
        kr_warn(
            "systemd does not run here, and nobody else reads the units in /etc/systemd/system: "
            "have 'kumo-redirect restore --guards' run at boot, before the network and the mail "
            "server");
    else
        kr_info("it will stand again after a reboot (until kumo-redirect down)");
    return 0;
}

static int up(const struct kr_common *c, const struct kr_up_options *o, const struct kr_settings *s,
              struct kr_err *e)
{
    struct kr_session session;
    struct kr_up_result result;
    if (kr_session_open(&session, "up", KR_JOB_INSTALL, c, true, e))
        return (int)e->exit;
    int bad = kr_up(s, &session.paths, progress, NULL, &result, e);
    if (!bad && c->format == KR_FORMAT_JSON)
        kr_json_up(&result, stdout);
    else if (!bad && !c->quiet)
        kr_text_up(&result, stdout);
    kr_up_result_free(&result);
    bad = bad || persist(o, e);
    kr_session_close(&session);
    return bad ? (int)e->exit : KR_OK;
}

static int run(const struct kr_common *c, const struct kr_options *o, struct kr_err *e)
{
    struct kr_settings s;
    if (kr_settings_from(&o->up, &s, e))
        return (int)e->exit;
    if (o->up.persist && c->netns) {
        kr_fail(e, KR_USAGE, 0, "--persist is for this namespace: '%s' is not there after a reboot",
                c->netns);
        return KR_USAGE;
    }
    return o->up.dry_run ? dry_run(c, &s, e) : up(c, &o->up, &s, e);
}

static const char *const examples[] = {
    "sudo kumo-redirect up",
    "sudo kumo-redirect up --forward redirect --block-port 587 --block-port 465",
    "sudo kumo-redirect up --sink 192.168.1.9:2525 --lan 192.168.1.0/24",
    "sudo kumo-redirect up --block                 a CI runner that must never mail",
    "kumo-redirect up --dry-run                    what would be installed",
    NULL,
};
const struct kr_command kr_cmd_up = {
    .name = "up",
    .summary = "install guards and redirect, prove them, record them",
    .examples = examples,
    .options = &kr_up_options,
    .formats = KR_FORMATS_PLAIN,
    .run = run,
};

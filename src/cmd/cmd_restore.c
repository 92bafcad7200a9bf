#include "session.h"

#include <kr/cmd.h>
#include <kr/err.h>
#include <kr/log.h>
#include <kr/persist.h>
#include <kr/report.h>
#include <kr/standing.h>
#include <kr/up.h>

#include <stdio.h>

#define AT(field) offsetof(struct kr_restore_options, field)
static const struct kr_opt rows[] = {
    {.name = "guards",
     .kind = KR_OPT_FLAG,
     .offset = AT(guards),
     .help = "only what can stand before there is a network: blocked",
     .flags = KR_OPT_NO_CONFIG},
};
static const struct kr_opt_table options = {rows, sizeof rows / sizeof *rows};

/* What was recorded, as options of up; *o borrows from *p. */
static int options_of(const struct kr_persist *p, struct kr_up_options *o, struct kr_err *e)
{
    char name[] = "restore";
    const struct kr_opt_target target = {&kr_up_settings, o};
    struct kr_strlist argv = {0}, operands = {0};
    kr_strlist_add(&argv, name);
    for (size_t i = 0; i < p->words.n; i++)
        kr_strlist_add(&argv, p->words.v[i]);
    int bad = kr_opt_parse(&target, 1, (int)argv.n, (char **)(uintptr_t)argv.v, 0, &operands, e);
    kr_strlist_free(&argv);
    kr_strlist_free(&operands);
    return bad;
}

static void free_options(struct kr_up_options *o)
{
    struct kr_strlist *const lists[] = {&o->sinks, &o->lan,         &o->uplinks,
                                        &o->ports, &o->block_ports, &o->allow};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        kr_strlist_free(lists[i]);
}

static int bring_up(const struct kr_paths *paths, const struct kr_settings *s, struct kr_err *e)
{
    struct kr_up_result result;
    int bad = kr_up(s, paths, NULL, NULL, &result, e);
    if (!bad)
        kr_info("%s", kr_mode_name(result.state.plan.mode));
    kr_up_result_free(&result);
    return bad;
}

/* No device, no address and no route has to be there for this. */
static int block(const struct kr_paths *paths, const struct kr_up_options *o, struct kr_err *e)
{
    static const char *none = "none";
    const struct kr_up_options bare = {.lan = {.v = &none, .n = 1}, .block = true};
    struct kr_up_options some = *o;
    struct kr_settings s;
    struct kr_err why = {0};
    some.lan = bare.lan;
    some.uplinks = some.sinks = (struct kr_strlist){0};
    some.block = true;
    if (kr_settings_from(&some, &s, &why) == 0 && bring_up(paths, &s, &why) == 0)
        return 0;
    kr_warn("%s; without its options then", why.msg);
    return kr_settings_from(&bare, &s, e) || bring_up(paths, &s, e) ? -1 : 0;
}

/* What stands already, whatever it is, is not loosened. */
static int guards(const struct kr_paths *paths, const struct kr_up_options *o, struct kr_err *e)
{
    struct kr_standing found;
    if (kr_standing_read(paths, &found, e))
        return -1;
    bool whole = kr_standing_whole(&found);
    if (whole)
        kr_info("%s stands already", kr_standing_name(&found));
    kr_standing_free(&found);
    return whole ? 0 : block(paths, o, e);
}

static int redirect(const struct kr_paths *paths, struct kr_up_options *o, bool blocked,
                    struct kr_err *e)
{
    struct kr_settings s;
    struct kr_err why = {0};
    o->block |= blocked;
    if (kr_settings_from(o, &s, e) == 0 && bring_up(paths, &s, e) == 0)
        return 0;
    /* A failed up that found nothing leaves nothing. */
    return guards(paths, o, &why) ? kr_fail(e, why.exit, 0, "%s", why.msg) : -1;
}

static int restore(const struct kr_paths *paths, bool only_guards, struct kr_err *e)
{
    struct kr_persist p;
    struct kr_up_options o = {0};
    struct kr_err why = {0};
    int got = kr_persist_read(&p, &why);
    if (got == 0 && !kr_units_there()) {
        kr_info("nothing to restore");
        return 0;
    }
    if (got == 1 && options_of(&p, &o, &why)) {
        free_options(&o);
        o = (struct kr_up_options){0};
        got = -1;
    }
    if (got != 1)
        kr_warn("%s; blocked, since it is not known what stood", got ? why.msg : "no record");
    int bad = only_guards || got != 1 ? guards(paths, &o, e) : redirect(paths, &o, p.blocked, e);
    if (kr_persist_adopt(&why))
        kr_warn("%s", why.msg);
    free_options(&o);
    kr_persist_free(&p);
    return bad;
}

static int run(const struct kr_common *c, const struct kr_options *o, struct kr_err *e)
{
    struct kr_session session;
    if (kr_session_open(&session, "restore", KR_JOB_INSTALL, c, true, e))
        return (int)e->exit;
    int bad = restore(&session.paths, o->restore.guards, e);
    kr_session_close(&session);
    return bad ? (int)e->exit : KR_OK;
}

static const char *const examples[] = {
    "sudo kumo-redirect restore --guards     as the first unit does at boot",
    "sudo kumo-redirect restore              as the second does, once there is a network",
    NULL,
};
const struct kr_command kr_cmd_restore = {
    .name = "restore",
    .summary = "bring back what up --persist recorded (for systemd, at boot)",
    .examples = examples,
    .options = &options,
    .options_at = offsetof(struct kr_options, restore),
    .formats = KR_FORMATS_PLAIN,
    .run = run,
};

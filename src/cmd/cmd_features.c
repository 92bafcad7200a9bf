#include <kr/cmd.h>
#include <kr/err.h>
#include <kr/features.h>
#include <kr/mem.h>
#include <kr/privilege.h>

#include <jansson.h>
#include <stdio.h>

static void say_text(const bool *has, char (*why)[160])
{
    for (size_t i = 0; i < kr_features_count(); i++) {
        const struct kr_feature *f = kr_feature(i);
        printf("%-8s %-36s %s (%s)\n", has[i] ? "ok" : "MISSING", f->name, f->since, f->use);
        if (!has[i])
            printf("         %s%s%s\n", why[i], f->waiver ? "; up goes on with --allow " : "",
                   f->waiver ? f->waiver : "");
    }
}

static void say_json(const bool *has, char (*why)[160])
{
    json_t *all = json_array();
    for (size_t i = 0; i < kr_features_count(); i++) {
        const struct kr_feature *f = kr_feature(i);
        json_array_append_new(all, json_pack("{s:s, s:b, s:s, s:s, s:s, s:s?}", "name", f->name,
                                             "works", has[i], "since", f->since, "use", f->use,
                                             "why", why[i], "waiver", f->waiver));
    }
    json_t *root = json_pack("{s:s, s:o}", "schema", "kumo-redirect/features/1", "features", all);
    json_dumpf(root, stdout, JSON_INDENT(2));
    puts("");
    json_decref(root);
}

static int run(const struct kr_common *c, const struct kr_options *o, struct kr_err *e)
{
    size_t n = kr_features_count();
    KR_AUTO_FREE bool *has = kr_calloc(n, sizeof *has);
    KR_AUTO_FREE char(*why)[160] = kr_calloc(n, sizeof *why);
    bool all = true;
    (void)o;
    if (kr_privilege_need("features", e) || kr_features_try(has, why, e))
        return (int)e->exit;
    if (c->format == KR_FORMAT_JSON)
        say_json(has, why);
    else if (!c->quiet)
        say_text(has, why);
    for (size_t i = 0; i < n; i++)
        all = all && has[i];
    return all ? KR_OK : KR_UNSAFE;
}

static const char *const examples[] = {
    "sudo kumo-redirect features     exit 0 only when nothing is missing",
    NULL,
};
const struct kr_command kr_cmd_features = {
    .name = "features",
    .summary = "what this kernel offers of what up needs, by trial",
    .examples = examples,
    .options = &kr_no_options,
    .formats = KR_FORMATS_PLAIN,
    .run = run,
};

#include <kr/checks.h>
#include <kr/cmd.h>
#include <kr/err.h>
#include <kr/report.h>

#include <stdio.h>

static int run(const struct kr_common *c, const struct kr_options *o, struct kr_err *e)
{
    const char *id = o->operands.n ? o->operands.v[0] : NULL;
    const struct kr_check *check = id ? kr_checks_find(id) : NULL;
    if (id && !check) {
        const char *near = kr_checks_nearest(id);
        kr_fail(e, KR_USAGE, 0, "'%s' is no check%s%s%s; kumo-redirect explain lists them", id,
                near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        return KR_USAGE;
    }
    (c->format == KR_FORMAT_JSON ? kr_json_explain : kr_text_explain)(check, stdout);
    return KR_OK;
}

static const char *const examples[] = {
    "kumo-redirect explain                         every check there is",
    "kumo-redirect explain xdp-programs",
    NULL,
};
const struct kr_command kr_cmd_explain = {
    .name = "explain",
    .summary = "one check: why mail can leak, how it is checked, what to do",
    .examples = examples,
    .options = &kr_no_options,
    .operand = "ID",
    .formats = KR_FORMATS_PLAIN,
    .run = run,
};

#include <kr/checks.h>
#include <kr/report.h>
#include <kr/verify.h>

#include <jansson.h>

void kr_json_verify(const struct kr_verify *v, bool all, FILE *out)
{
    json_t *j = kr_verify_to_json(v);
    (void)all; /* machines get everything */
    json_dumpf(j, out, JSON_INDENT(2));
    fputs("\n", out);
    json_decref(j);
}

static json_t *check_json(const struct kr_check *c)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:s}", "id", c->id, "title",
                     c->title, "rows", c->rows, "why", c->why, "how", c->how, "remedy", c->remedy,
                     "waivable", c->waivable, "advice", c->advice, "phase",
                     c->phase == KR_STATIC ? "static" : "active");
}

void kr_json_explain(const struct kr_check *only, FILE *out)
{
    json_t *a = json_array();
    for (size_t i = 0; i < kr_checks_count(); i++)
        if (!only || kr_checks_at(i) == only)
            json_array_append_new(a, check_json(kr_checks_at(i)));
    json_t *j = json_pack("{s:s, s:o}", "schema", "kumo-redirect/explain/1", "checks", a);
    json_dumpf(j, out, JSON_INDENT(2));
    fputs("\n", out);
    json_decref(j);
}

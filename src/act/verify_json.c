#include <kr/checks.h>
#include <kr/verify.h>

#include <jansson.h>

static json_t *row(const struct kr_evidence *x)
{
    json_t *j = json_pack("{s:s, s:s, s:s}", "verdict", kr_verdict_name(x->verdict), "object",
                          x->object, "detail", x->detail);
    if (*x->ifname)
        json_object_set_new(j, "interface", json_string(x->ifname));
    if (x->handle)
        json_object_set_new(j, "handle", json_integer((json_int_t)x->handle));
    if (x->pid)
        json_object_set_new(j, "pid", json_integer(x->pid));
    return j;
}

static json_t *rows(const struct kr_result *r)
{
    json_t *a = json_array();
    for (size_t i = 0; i < r->n; i++)
        json_array_append_new(a, row(&r->v[i]));
    return a;
}

static json_t *one(const struct kr_verified *x)
{
    const struct kr_check *c = x->check;
    json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:b, s:i, s:o, s:i}", "id", c->id, "title",
                          c->title, "verdict", kr_verdict_name(x->result.verdict), "phase",
                          c->phase == KR_STATIC ? "static" : "active", "advice", c->advice, "us",
                          (int)x->us, "evidence", rows(&x->result), "evidence_left_out",
                          (int)x->result.left_out);
    if (x->waived)
        json_object_set_new(j, "waived", json_string(x->waived));
    if (x->result.verdict != KR_HOLDS)
        json_object_set_new(j, "remedy", json_string(c->remedy));
    return j;
}

static json_t *waivers(const struct kr_waivers *w)
{
    json_t *a = json_array();
    for (size_t i = 0; i < w->n; i++)
        json_array_append_new(a,
                              json_pack("{s:s, s:s}", "id", w->v[i].id, "reason", w->v[i].reason));
    return a;
}

json_t *kr_verify_to_json(const struct kr_verify *v)
{
    json_t *checks = json_array();
    for (size_t i = 0; i < v->n; i++)
        json_array_append_new(checks, one(&v->v[i]));
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:i, s:o, s:o}", "schema", "kumo-redirect/verify/1",
                     "verdict", kr_verdict_name(v->verdict), "mode", kr_standing_name(&v->standing),
                     "when", v->when, "generation", (json_int_t)v->generation, "us", (int)v->us,
                     "waivers", waivers(&v->waivers), "checks", checks);
}

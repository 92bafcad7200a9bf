#include <kr/audit.h>
#include <kr/json_text.h>
#include <kr/mem.h>
#include <kr/report_run.h>
#include <kr/run_record.h>

#include <jansson.h>

static json_t *audit_json(const struct kr_audit *a)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < a->n; i++)
        json_array_append_new(rows, json_pack("{sb so so}", "unknown", a->v[i].unknown, "where",
                                              kr_json_text(a->v[i].where), "what",
                                              kr_json_text(a->v[i].what)));
    return json_pack("{sI sI sI sI sI sI sI sI so}", "files", (json_int_t)a->files, "lines",
                     (json_int_t)a->lines, "deliveries", (json_int_t)a->deliveries, "at_sink",
                     (json_int_t)a->at_sink, "kept", (json_int_t)a->kept, "outside",
                     (json_int_t)a->outside, "findings", (json_int_t)a->findings, "unknowns",
                     (json_int_t)a->unknowns, "rows", rows);
}

void kr_json_run(const struct kr_run *r, const struct kr_audit *audit, FILE *out)
{
    KR_AUTO_FREE char *line = kr_run_to_text(r);
    json_t *o = line ? json_loads(line, 0, NULL) : json_null();
    if (audit && o)
        json_object_set_new(o, "audit", audit_json(audit));
    json_dumpf(o, out, JSON_COMPACT);
    fputs("\n", out);
    json_decref(o);
}

#include <kr/evidence.h>

#include <kr/err.h>
#include <kr/file.h>
#include <kr/late.h>
#include <kr/mem.h>
#include <kr/netns.h>
#include <kr/nft_kernel.h>
#include <kr/verify.h>

#include <jansson.h>
#include <sha2.h>
#include <string.h>
#include <sys/utsname.h>

/* SHA-256 of the plan's compact JSON with sorted keys, as 64 hexadecimal digits. */
static int plan_hash(const struct kr_plan *p, char out[static 65], struct kr_err *e)
{
    __typeof__(&SHA256Data) hash;
    if (kr_late_load("libmd.so.0", &(struct kr_late_symbol){"SHA256Data", &hash}, 1, e))
        return -1;
    json_t *j = kr_plan_to_json(p);
    KR_AUTO_FREE char *text = j ? json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(j);
    hash((const uint8_t *)(text ? text : ""), text ? strlen(text) : 0, out);
    return 0;
}

static json_t *counters(const struct kr_standing *s)
{
    json_t *o = json_object();
    for (size_t i = 0; i < s->n_counts; i++)
        json_object_set_new(o, s->counts[i].name, json_integer((json_int_t)s->counts[i].packets));
    return o;
}

static json_t *record(const struct kr_verify *v, struct kr_err *e)
{
    struct utsname host;
    char hash[65];
    ino_t netns;
    if (kr_netns_inode(&netns, e) || plan_hash(v->plan, hash, e))
        return NULL;
    uname(&host);
    json_t *j = kr_verify_to_json(v);
    json_t *more = json_pack(
        "{s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:i, s:o, s:o, s:o}", "schema", KR_EVIDENCE_SCHEMA,
        "version", KR_VERSION, "kernel", host.release, "netns", (json_int_t)netns, "since",
        v->standing.state.since, "mode", kr_standing_name(&v->standing), "plan_sha256", hash,
        "sink_pid", (int)v->standing.state.sink_pid, "plan", kr_plan_to_json(v->plan), "counters",
        counters(&v->standing), "let_go", kr_let_go_json(&v->standing.let_go));
    if (!j || !more || json_object_update(j, more)) {
        kr_fail(e, KR_INTERNAL, 0, "the evidence can't be put into JSON");
        json_decref(j);
        j = NULL;
    }
    json_decref(more);
    return j;
}

int kr_evidence_write(const struct kr_paths *paths, const struct kr_verify *v, struct kr_err *e)
{
    json_t *j = record(v, e);
    if (!j)
        return -1;
    KR_AUTO_FREE char *text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    if (!text)
        return kr_fail(e, KR_INTERNAL, 0, "the evidence can't be put into JSON");
    return kr_file_replace(paths->evidence, text, KR_FILE_PLAIN, e);
}

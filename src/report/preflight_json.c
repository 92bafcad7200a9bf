/* By hand, since a million objects are written and thrown away. */
#include <kr/report_preflight.h>

#include <kr/mtasts.h>

#include <inttypes.h>

/* Texts of configuration files may hold anything. */
static void put_name(const char *s, FILE *out)
{
    fputc('"', out);
    for (; *s; s++) {
        if (*s == '\\' || *s == '"')
            fputc('\\', out);
        fputc((unsigned char)*s < ' ' || (unsigned char)*s > '~' ? '?' : *s, out);
    }
    fputc('"', out);
}

static void put_text(const char *key, const char *value, FILE *out)
{
    fprintf(out, "\"%s\":", key);
    put_name(value, out);
}

static void put_hazards(const char *key, uint32_t bits, FILE *out)
{
    const char *before = "";
    fprintf(out, ",\"%s\":[", key);
    for (int h = 0; h < KR_HAZARDS; h++)
        if (bits >> h & 1) {
            fprintf(out, "%s\"%s\"", before, kr_hazard_texts[h].id);
            before = ",";
        }
    fputc(']', out);
}

/* null: there is no policy that could name it. */
static const char *named_by(const struct kr_domain_facts *d, const struct kr_host_facts *h)
{
    if (d->fetched != KR_FETCH_CAME || d->policy == KR_POLICY_NONE)
        return "null";
    return h->flags & KR_HOST_NAMED ? "true" : "false";
}

static void put_host(const struct kr_domain_facts *d, const struct kr_preflight_verdict *v,
                     size_t i, FILE *out)
{
    const struct kr_host_facts *h = &d->hosts[i];
    fputs(i ? ",{" : "{", out);
    put_text("name", h->name, out);
    fprintf(out,
            ",\"address\":\"%s\",\"alias\":\"%s\",\"tlsa\":\"%s\",\"tlsa_expanded\":\"%s\","
            "\"mta_sts_named\":%s,\"private\":%s,\"loopback\":%s,\"exempt\":%s,"
            "\"addresses_asked\":%s,\"addresses_lost\":%s,"
            "\"row\":\"%s\",\"needs\":\"%s\","
            "\"outcome\":\"%s\"}",
            kr_host_address_name(h->address), kr_host_alias_name(h->alias), kr_tlsa_name(h->tlsa),
            kr_tlsa_name(h->tlsa_expanded), named_by(d, h),
            h->flags & KR_HOST_PRIVATE ? "true" : "false",
            h->flags & KR_HOST_LOOPBACK ? "true" : "false",
            h->flags & KR_HOST_EXEMPT ? "true" : "false",
            h->flags & KR_HOST_UNASKED ? "false" : "true",
            h->flags & KR_HOST_LOST ? "true" : "false", kr_row_name(v->hosts[i].row),
            kr_tls_level_name(v->hosts[i].level), kr_outcome_name(v->hosts[i].outcome));
}

void kr_json_preflight_domain(const struct kr_domain_facts *d, const struct kr_preflight_verdict *v,
                              FILE *out)
{
    fputs("{\"schema\":\"kumo-redirect/preflight-domain/1\",", out);
    put_text("domain", d->name, out);
    fprintf(out,
            ",\"weight\":%.6g,\"outcome\":\"%s\",\"mx\":\"%s\",\"mx_security\":\"%s\","
            "\"mta_sts\":\"%s\",\"mta_sts_policy\":\"%s\",\"mta_sts_fetch\":\"%s\",\"tlsrpt\":\"%"
            "s\",\"own_tlsa\":\"%s\"",
            d->weight, kr_outcome_name(v->outcome), kr_mx_kind_name(d->mx),
            kr_dns_trust_name(d->trust), kr_announced_name(d->sts), kr_sts_policy_name(d->policy),
            kr_fetched_name(d->fetched), kr_announced_name(d->tlsrpt), kr_tlsa_name(d->own_tlsa));
    if (d->fetched == KR_FETCH_CAME)
        fprintf(out, ",\"mta_sts_max_age\":%" PRIu32, d->max_age);
    if (d->http)
        fprintf(out, ",\"mta_sts_status\":%u", d->http);
    fputc(',', out);
    put_text("mta", v->mta ? v->mta : "", out);
    put_hazards("hazards", v->hazards, out);
    put_hazards("breaking", v->breaking, out);
    put_hazards("unsure", v->unsure, out);
    if (!d->n_hosts)
        fprintf(out, ",\"row\":\"%s\"", kr_row_name(v->hosts[0].row));
    if (v->sts)
        fprintf(out, ",\"mta_sts_row\":\"S%u\"", v->sts);
    fprintf(out, ",\"more_hosts\":%s,\"hosts\":[", d->more_hosts ? "true" : "false");
    for (size_t i = 0; i < d->n_hosts; i++)
        put_host(d, v, i, out);
    fputs("]}\n", out);
}

static void put_sink(const struct kr_preflight_end *end, FILE *out)
{
    static const char *const states[] = {[KR_SINK_CLEAR] = "clear",
                                         [KR_SINK_UNTRUSTED] = "untrusted",
                                         [KR_SINK_TRUSTED] = "trusted",
                                         [KR_SINK_UNTOLD] = "unknown"};
    const struct kr_sink_said *k = &end->sink;
    fprintf(out,
            ",\"sink\":{\"starttls\":\"%s\",\"assumed\":%s,\"tried\":%" PRIu32 ",\"hosts\":%" PRIu32
            ",",
            states[k->state], end->looked ? "false" : "true", k->tried, k->hosts);
    put_text("words", k->words, out);
    fputs("},\"policies\":{", out);
}

static void put_policies(const struct kr_preflight_sum *s, const struct kr_preflight_end *end,
                         FILE *out)
{
    put_sink(end, out);
    for (int p = 0; p < KR_POLICIES; p++)
        fprintf(out, "%s\"%s\":%" PRIu64, p ? "," : "", kr_sts_policy_name((enum kr_sts_policy)p),
                s->policies[p]);
    fputs("},", out);
    put_text("fetcher", end->fetcher, out);
}

static void put_sums(const struct kr_preflight_sum *s, FILE *out)
{
    const char *before = "";
    fputs(",\"outcomes\":{", out);
    for (int o = 0; o < KR_OUTCOMES; o++)
        fprintf(out, "%s\"%s\":%" PRIu64, o ? "," : "", kr_outcome_name((enum kr_outcome)o),
                s->outcomes[o]);
    fputs("},\"hazards\":[", out);
    for (int h = 0; h < KR_HAZARDS; h++) {
        if (!s->domains[h])
            continue;
        fprintf(out,
                "%s{\"id\":\"%s\",\"domains\":%" PRIu64 ",\"breaking\":%" PRIu64
                ",\"unsure\":%" PRIu64 ",\"host_groups\":%zu,\"weight\":%.6g}",
                before, kr_hazard_texts[h].id, s->domains[h], s->breaking[h], s->unsure[h],
                kr_preflight_sum_groups(s, (enum kr_hazard)h, KR_HARM_ANY, NULL, 0),
                s->breaking_weight[h]);
        before = ",";
    }
    fputc(']', out);
}

static void put_mtas(const struct kr_mta_sides *sides, FILE *out)
{
    fputs("\"mtas\":[", out);
    for (size_t i = 0; i < sides->n; i++) {
        const struct kr_mta_asked *a = &sides->asked[i];
        fputs(i ? ",{" : "{", out);
        put_text("id", sides->v[i].id, out);
        fputc(',', out);
        put_text("title", sides->v[i].title, out);
        fprintf(out, ",\"assumed\":%s,", sides->v[i].assumed ? "true" : "false");
        put_text("how", a->how, out);
        fprintf(out,
                ",\"asked\":%" PRIu64 ",\"by_site\":%" PRIu64 ",\"failed\":%" PRIu64
                ",\"unasked\":%" PRIu64 ",",
                a->asked, a->by_site, a->failed, a->unasked);
        put_text("why", a->why, out);
        fputc('}', out);
    }
    fputs("],\"local\":[", out);
    for (size_t i = 0; i < sides->n_notes; i++) {
        const struct kr_mta_note *n = &sides->notes[i];
        fputs(i ? ",{" : "{", out);
        put_text("id", n->id, out);
        fprintf(out, ",\"breaks\":%s,", n->verdict == KR_BROKEN ? "true" : "false");
        put_text("where", n->where, out);
        fputc(',', out);
        put_text("what", n->what, out);
        fputc(',', out);
        put_text("remedy", n->remedy, out);
        fputc('}', out);
    }
    fputs("],", out);
}

static bool assumed(const struct kr_mta_sides *sides)
{
    for (size_t i = 0; i < sides->n; i++)
        if (sides->v[i].assumed)
            return true;
    return false;
}

void kr_json_preflight(const struct kr_preflight_sum *s, const struct kr_preflight_end *end,
                       const struct kr_mta_sides *sides, FILE *out)
{
    const struct kr_dns_account *a = &end->account;
    fprintf(out, "{\"schema\":\"kumo-redirect/preflight/1\",\"verdict\":\"%s\",",
            kr_preflight_word(kr_preflight_status(s, end)));
    put_text("mta", sides->v[0].id, out);
    fprintf(out, ",\"assumed\":%s,", assumed(sides) ? "true" : "false");
    put_mtas(sides, out);
    put_text("asked", end->note, out);
    fprintf(out, ",\"domains\":%" PRIu64 ",\"told\":%" PRIu64 ",\"complete\":%s,", a->domains,
            end->told, end->whole ? "true" : "false");
    put_text("why", end->why, out);
    put_policies(s, end, out);
    fprintf(out, ",\"exemptions\":{\"known\":%s,", *end->exempt_why ? "false" : "true");
    put_text("why", end->exempt_why, out);
    fputc('}', out);
    fprintf(out, ",\"addresses_unasked\":{\"hosts\":%" PRIu64 ",\"domains\":%" PRIu64 "}",
            a->unasked, s->domains[KR_HAZARD_UNASKED]);
    put_sums(s, out);
    fprintf(out,
            ",\"dns\":{\"hosts\":%" PRIu64 ",\"sent\":%" PRIu64 ",\"again\":%" PRIu64
            ",\"answered\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"strays\":%" PRIu64 ",\"tcp\":%" PRIu64
            ",\"us\":%" PRIu64 ",\"cpu_us\":%" PRIu64 ",\"peak_kb\":%" PRIu64 "}}\n",
            a->hosts, a->sent, a->again, a->answered, a->lost, a->strays, a->tcp, a->us, a->cpu_us,
            a->peak_kb);
}

#include <kr/err.h>
#include <kr/log.h>
#include <kr/mtasts.h>
#include <kr/report_preflight.h>

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define GROUPS_SHOWN 5

static void row(FILE *out, const char *name)
{
    fprintf(out, "  %-10s", name);
}

static const char *const sinks[] = {[KR_SINK_CLEAR] = "no STARTTLS",
                                    [KR_SINK_UNTRUSTED] = "STARTTLS with a certificate of its own",
                                    [KR_SINK_TRUSTED] =
                                        "STARTTLS with certificates this host trusts",
                                    [KR_SINK_UNTOLD] = "unknown"};

static void say_host(const struct kr_host_facts *h, enum kr_row r, enum kr_tls_level level,
                     FILE *out)
{
    fprintf(out, "      %s: address %s, TLSA %s", h->name, kr_host_address_name(h->address),
            kr_tlsa_name(h->tlsa));
    if (h->alias != KR_ALIAS_NONE)
        fprintf(out, ", alias %s (TLSA there %s)", kr_host_alias_name(h->alias),
                kr_tlsa_name(h->tlsa_expanded));
    fprintf(out, "; row %s, needs %s%s%s%s", kr_row_name(r), kr_tls_level_name(level),
            h->flags & KR_HOST_PRIVATE ? "; PRIVATE ADDRESS" : "",
            h->flags & KR_HOST_LOOPBACK ? "; LOOPBACK ADDRESS" : "",
            h->flags & KR_HOST_EXEMPT ? "; ADDRESS THAT IS NOT REDIRECTED" : "");
    fprintf(out, "%s%s\n", h->flags & KR_HOST_UNASKED ? "; NOT ALL ADDRESSES ASKED FOR" : "",
            h->flags & KR_HOST_LOST ? "; ADDRESSES OF ONE FAMILY UNKNOWN" : "");
}

/* " (policy enforce, 86400 s)", " (policy unusable: another HTTP status than 200, 404)" */
static void say_policy(const struct kr_domain_facts *d, FILE *out)
{
    if (d->fetched == KR_FETCH_NOT)
        return;
    fprintf(out, " (policy %s", kr_sts_policy_name(d->policy));
    if (d->fetched == KR_FETCH_CAME)
        fprintf(out, ", %" PRIu32 " s", d->max_age);
    else
        fprintf(out, ": %s", kr_fetched_title(d->fetched));
    if (d->http && d->http != 200)
        fprintf(out, ", %u", d->http);
    fputc(')', out);
}

static void say_bits(const char *before, uint32_t bits, FILE *out)
{
    for (int h = 0; h < KR_HAZARDS; h++)
        if (bits >> h & 1) {
            fprintf(out, "%s%s", before, kr_hazard_texts[h].id);
            before = ", ";
        }
}

void kr_text_preflight_domain(const struct kr_domain_facts *d, const struct kr_preflight_verdict *v,
                              FILE *out)
{
    fprintf(out, "%-10s %s: MX %s (%s), MTA-STS %s", kr_outcome_name(v->outcome), d->name,
            kr_mx_kind_name(d->mx), kr_dns_trust_name(d->trust), kr_announced_name(d->sts));
    say_policy(d, out);
    fprintf(out, ", TLSRPT %s", kr_announced_name(d->tlsrpt));
    say_bits("; ", v->breaking, out);
    say_bits("; unknown: ", v->unsure & ~v->breaking, out);
    fputs("\n", out);
    for (size_t i = 0; i < d->n_hosts; i++)
        say_host(&d->hosts[i], v->hosts[i].row, v->hosts[i].level, out);
}

static void say_groups(const struct kr_preflight_sum *s, int h, enum kr_harm harm, FILE *out)
{
    uint32_t top[GROUPS_SHOWN];
    size_t n = kr_preflight_sum_groups(s, (enum kr_hazard)h, harm, top, GROUPS_SHOWN);
    if (!n)
        return;
    fputs("              on ", out);
    for (size_t i = 0; i < n && i < GROUPS_SHOWN; i++) {
        char name[KR_NAME_TEXT];
        fprintf(out, "%s%s (%u)", i ? ", " : "",
                kr_name_text(kr_name_table_get(&s->names, top[i]), name),
                kr_preflight_sum_of(s, top[i], (enum kr_hazard)h, harm));
    }
    if (n > GROUPS_SHOWN)
        fprintf(out, " and %zu more", n - GROUPS_SHOWN);
    fputs("\n", out);
}

static void say_hazard(const struct kr_preflight_sum *s, int h, enum kr_harm harm, FILE *out)
{
    static const char *const words[KR_HARMS] = {"harmless", "hazard", "unknown"};
    const struct kr_hazard_text *t = &kr_hazard_texts[h];
    const uint64_t by_harm[KR_HARMS] = {s->domains[h] - s->breaking[h] - s->unsure[h],
                                        s->breaking[h], s->unsure[h]};
    bool breaking = harm == KR_HARM_CERTAIN, harmless = harm == KR_HARM_ANY;
    uint64_t n = by_harm[harm];
    size_t groups = kr_preflight_sum_groups(s, (enum kr_hazard)h, harm, NULL, 0);
    if (!n)
        return;
    row(out, words[harm]);
    fprintf(out, "%s: %" PRIu64 " domain%s", t->id, n, n == 1 ? "" : "s");
    if (breaking && s->weight > 0)
        fprintf(out, " (%.1f %% of the weight)", 100 * s->breaking_weight[h] / s->weight);
    if (groups)
        fprintf(out, " on %zu MX host group%s", groups, groups == 1 ? "" : "s");
    fprintf(out, ": %s%s\n", t->title, harmless ? "; not with this MTA and sink" : "");
    say_groups(s, h, harm, out);
    if (!harmless)
        fprintf(out, "              do: %s\n", t->remedy);
}

static void say_sink(const struct kr_preflight_end *end, FILE *out)
{
    const struct kr_sink_said *k = &end->sink;
    row(out, "sink");
    fputs(sinks[k->state], out);
    if (end->looked && k->state != KR_SINK_UNTOLD)
        fprintf(out, "; looked at as %" PRIu32 " of %" PRIu32 " MX hosts", k->tried, k->hosts);
    else if (!end->looked)
        fputs("; assumed", out);
    fprintf(out, "%s%s\n", *k->words ? ": " : "", k->words);
}

static void say_unasked(const struct kr_preflight_sum *s, const struct kr_preflight_end *end,
                        FILE *out)
{
    if (!end->account.unasked)
        return;
    row(out, "addresses");
    fprintf(out, "not asked: %" PRIu64 " of %" PRIu64 " MX hosts, %" PRIu64 " domains\n",
            end->account.unasked, end->account.hosts, s->domains[KR_HAZARD_UNASKED]);
}

static void say_policies(const struct kr_preflight_sum *s, const struct kr_preflight_end *end,
                         FILE *out)
{
    uint64_t fetched = 0;
    for (int p = 0; p < KR_POLICIES; p++)
        fetched += p == KR_POLICY_UNFETCHED ? 0 : s->policies[p];
    if (!fetched && s->breaking[KR_HAZARD_STS]) {
        row(out, "note");
        fputs("policies were not fetched: each MTA-STS record counts as mode enforce\n", out);
    }
    if (!fetched)
        return;
    const char *before = "";
    row(out, "policies");
    for (int p = 0; p < KR_POLICIES; p++)
        if (s->policies[p] && p != KR_POLICY_UNFETCHED) {
            fprintf(out, "%s%" PRIu64 " %s", before, s->policies[p],
                    kr_sts_policy_name((enum kr_sts_policy)p));
            before = ", ";
        }
    fprintf(out, "%s%s\n", *end->fetcher ? ": " : "", end->fetcher);
}

static void say_head(const struct kr_preflight_sum *s, const struct kr_preflight_end *end,
                     FILE *out)
{
    int status = kr_preflight_status(s, end);
    bool color = kr_log_color(fileno(out));
    fprintf(out, "%s%s%s: ",
            !color            ? ""
            : status == KR_OK ? "\033[1;32m"
                              : "\033[1;31m",
            status == KR_OK       ? "CLEAN"
            : status == KR_UNSAFE ? "HAZARDS"
                                  : "UNKNOWN",
            color ? "\033[0m" : "");
    fprintf(out, "%" PRIu64 " domains: ", end->account.domains);
    const char *before = "";
    for (int o = 0; o < KR_OUTCOMES; o++)
        if (s->outcomes[o]) {
            fprintf(out, "%s%" PRIu64 " %s", before, s->outcomes[o],
                    kr_outcome_name((enum kr_outcome)o));
            before = ", ";
        }
    fprintf(out, "%s (%.3f s, %" PRIu64 " queries)\n", *before ? "" : "nothing is known of them",
            (double)end->account.us / 1e6, end->account.sent);
}

static void say_mta(const struct kr_mta_sides *sides, size_t i, FILE *out)
{
    const struct kr_mta_asked *a = &sides->asked[i];
    row(out, "MTA");
    fprintf(out, "%s%s", sides->v[i].title,
            sides->v[i].assumed ? "; assumed: its documented defaults, nobody asked it" : "");
    if (*a->how)
        fprintf(out, "; by %s", a->how);
    if (a->asked)
        fprintf(out, "; asked for %" PRIu64 " domains", a->asked);
    if (a->by_site)
        fprintf(out, ", %" PRIu64 " taken to be as others on the same MX hosts", a->by_site);
    if (a->unasked)
        fprintf(out, ", %" PRIu64 " NOT asked (--mta-asks)", a->unasked);
    if (a->failed)
        fprintf(out, ", %" PRIu64 " without an answer: %s", a->failed, a->why);
    fputs(sides->n > 1 ? "; the strictest of all counts\n" : "\n", out);
}

static void say_note(const struct kr_mta_note *n, FILE *out)
{
    row(out, n->verdict == KR_BROKEN ? "hazard" : "mind");
    fprintf(out, "%s: %s: %s\n              do: %s\n", n->id, n->where, n->what, n->remedy);
}

void kr_text_preflight(const struct kr_preflight_sum *s, const struct kr_preflight_end *end,
                       const struct kr_mta_sides *sides, FILE *out)
{
    say_head(s, end, out);
    if (*end->note) {
        row(out, "asked");
        fprintf(out, "%s\n", end->note);
    }
    for (size_t i = 0; i < sides->n; i++)
        say_mta(sides, i, out);
    say_sink(end, out);
    say_unasked(s, end, out);
    for (int h = 0; h < KR_HAZARDS; h++)
        say_hazard(s, h, KR_HARM_CERTAIN, out);
    for (int h = 0; h < KR_HAZARDS; h++)
        say_hazard(s, h, KR_HARM_UNSURE, out);
    for (int h = 0; h < KR_HAZARDS; h++)
        if (!s->breaking[h] && !s->unsure[h])
            say_hazard(s, h, KR_HARM_ANY, out);
    for (size_t i = 0; i < sides->n_notes; i++)
        say_note(&sides->notes[i], out);
    if (*end->exempt_why) {
        row(out, "unknown");
        fprintf(out, "which addresses the redirect leaves alone: %s\n", end->exempt_why);
        fputs("              do: sudo kumo-redirect status tells what stands here\n", out);
    }
    if (!end->whole) {
        row(out, "unknown");
        fprintf(out, "%" PRIu64 " domains: %s\n", end->account.domains - end->told, end->why);
    }
    say_policies(s, end, out);
}

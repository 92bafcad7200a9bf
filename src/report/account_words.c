#include "account_words.h"
#include "escape.h"

#include <inttypes.h>
#include <string.h>

const char *account_headline(const struct kr_run *r, const struct kr_balance *b)
{
    if (r->outcome == KR_RUN_BREACH || r->breaches)
        return "BREACH: the run was ended";
    if (r->outcome == KR_RUN_REFUSED)
        return "refused: the command was not started";
    if (r->outcome == KR_RUN_FAILED)
        return "FAILED: the run did not come to its end";
    if (b->worst == KR_BAL_BROKEN)
        return "the account does NOT balance";
    if (b->worst == KR_BAL_UNKNOWN)
        return "the account is incomplete: something is not known";
    return b->worst == KR_BAL_HOLDS ? "the account balances"
                                    : "the account balances, with something to know";
}

bool account_is_code(const char *name)
{
    return strlen(name) == 3 && strspn(name, "0123456789") == 3;
}

const char *account_word(const char *word, char *out, size_t size)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_=+./:,@%{}[]";
    if (*word && word[strspn(word, plain)] == '\0')
        snprintf(out, size, "%s", word);
    else if (strchr(word, '\''))
        snprintf(out, size, "\"%s\"", word);
    else
        snprintf(out, size, "'%s'", word);
    return out;
}

const char *account_count(uint64_t n, char out[static 32])
{
    char digits[24];
    size_t len = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, n), to = 0;
    for (size_t i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            out[to++] = ',';
        out[to++] = digits[i];
    }
    out[to] = '\0';
    return n == UINT64_MAX ? strcpy(out, "?") : out;
}

const char *account_time(uint64_t us, char out[static 24])
{
    if (us == UINT64_MAX)
        snprintf(out, 24, "not known");
    else if (us < 1000)
        snprintf(out, 24, "%" PRIu64 " us", us);
    else if (us < 1000000)
        snprintf(out, 24, "%.*f ms", us < 100000 ? 2 : 0, (double)us / 1e3);
    else
        snprintf(out, 24, "%.2f s", (double)us / 1e6);
    return out;
}

const char *account_names(const struct kr_run *r, char *out, size_t size)
{
    char n[32];
    if (r->real_names)
        snprintf(out, size, "real ones: %s domain%s", account_count(r->domains_in_all, n),
                 r->domains_in_all == 1 ? "" : "s");
    else
        snprintf(out, size, "with the suffix '%.150s'", r->suffix);
    return out;
}

const char *account_machine(const struct kr_run *r, char *out, size_t size)
{
    const struct kr_run_host *h = &r->host;
    snprintf(out, size, "%" PRIu64 " CPU%s%s%s%s, %.1f GiB of RAM, Linux %s %s", h->cpus,
             h->cpus == 1 ? "" : "s", *h->cpu ? " (" : "", h->cpu, *h->cpu ? ")" : "",
             (double)h->memory / (1 << 30), h->kernel, h->machine);
    return out;
}

/* What the sink took over the whole run, since injections are no deliveries; without a sink that
 * tells, what the generator says. */
double account_per_second(const struct kr_run *r)
{
    uint64_t us = kr_numbers_get(&r->facts[KR_RUN_generator].n, "us");
    if (r->facts[KR_RUN_sink].known && r->seconds > 0)
        return (double)kr_numbers_get(&r->facts[KR_RUN_sink].n, "messages") / r->seconds;
    if (r->facts[KR_RUN_generator].known && us)
        return (double)kr_numbers_get(&r->facts[KR_RUN_generator].n, "sent") / ((double)us / 1e6);
    return -1;
}

const char *account_rate(const struct kr_run *r, char *out, size_t size)
{
    double rate = account_per_second(r);
    if (rate < 0)
        snprintf(out, size, "not known");
    else
        snprintf(out, size,
                 "%.1f messages/s, %.2f million/hour %s, on %" PRIu64 " CPU%s and %.1f GiB", rate,
                 rate * 3600 / 1e6,
                 r->facts[KR_RUN_sink].known ? "accepted by the sink" : "injected", r->host.cpus,
                 r->host.cpus == 1 ? "" : "s", (double)r->host.memory / (1 << 30));
    return out;
}

void account_text_audit(const struct kr_audit *a, FILE *out)
{
    if (!a)
        return;
    fprintf(out,
            "  %-10s  %" PRIu64 " deliveries in %" PRIu64 " log%s: %" PRIu64
            " at the sink, %" PRIu64 " elsewhere, %" PRIu64 " not known\n",
            a->findings   ? "LEAKED"
            : a->unknowns ? "unknown"
                          : "audited",
            a->deliveries, a->files, a->files == 1 ? "" : "s", a->at_sink, a->findings,
            a->unknowns);
    for (size_t i = 0; i < a->n; i++) {
        fputs(a->v[i].unknown ? "    unknown  " : "    LEAKED   ", out);
        report_line(a->v[i].where, out);
        fputs(": ", out);
        report_line(a->v[i].what, out);
        fputs("\n", out);
    }
}

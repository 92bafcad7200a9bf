#include "emit.h"

#include <inttypes.h>
#include <string.h>

static const char *const reasons[] = {"TLS that the MTA's own settings ask for", "DANE", "MTA-STS",
                                      "TLSRPT reports"};

static void say_reasons(const struct kr_remedy *r, const char *mark, FILE *out)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (r->needs >> i & 1)
            fprintf(out, "%s   %s: %" PRIu64 "\n", mark, reasons[i], r->needed[i]);
}

/* A comment ends with its line: what stands in one must have none. */
static void say_where(const char *config, FILE *out)
{
    if (!config)
        return;
    fputs(" in ", out);
    for (; *config; config++)
        fputc((unsigned char)*config < ' ' ? '?' : *config, out);
}

bool kr_emit_head(const struct kr_remedy *r, const struct kr_mta_side *side, bool whole,
                  const char *mark, FILE *out)
{
    if (r->needs)
        fprintf(out,
                "%s kumo-redirect: for the time of a test whose mail goes to a sink. Of %" PRIu64
                " domains %" PRIu64 " need it:\n",
                mark, r->all, r->domains);
    else
        fprintf(out,
                "%s kumo-redirect: nothing has to be switched off for these %" PRIu64 " domains\n",
                mark, r->all);
    say_reasons(r, mark, out);
    fprintf(out, "%s Judged for %s", mark, side->title);
    say_where(side->config, out);
    fprintf(out, "%s.\n",
            side->assumed ? " as it is by default: nobody could ask it how it is set" : "");
    if (r->hopeless)
        fprintf(out,
                "%s No setting helps %" PRIu64
                " domains (DNS, no mail, no address, unknown): leave them out.\n",
                mark, r->hopeless);
    if (!whole)
        fprintf(out, "%s NOT ALL domains could be judged: this may not be enough.\n", mark);
    return r->needs != 0;
}

const char *kr_emit_option(const struct kr_mta_side *side, const char *of, const char *name)
{
    for (size_t i = 0; i < side->n_options; i++)
        if (strcmp(side->options[i].of, of) == 0 && strcmp(side->options[i].name, name) == 0)
            return side->options[i].value;
    return NULL;
}

/* A policy for the next hop goes before the level of the transport and before every other table, so
 * one table of our own is all that a few domains need (smtp_tls_policy_maps, postconf(5)). */
#include "emit.h"

#include <string.h>

static void say_table(const struct kr_remedy *r, const char *old, FILE *out)
{
    fputs("# Only these next hops; what stood there before comes behind them.\n"
          "smtp_tls_policy_maps =\n    inline:{\n",
          out);
    for (size_t i = 0; i < r->names.n; i++)
        fprintf(out, "      { %s = may }\n", r->names.v[i]);
    fputs("    }\n", out);
    if (old && *old)
        fprintf(out, "    %s\n", old);
}

static void say_all(const char *old, const char *level, FILE *out)
{
    fprintf(out,
            "# More than %u: for all destinations.\n# It was: smtp_tls_security_level = %s\n"
            "# It was: smtp_tls_policy_maps = %s\n"
            "smtp_tls_security_level = may\nsmtp_tls_policy_maps =\n",
            KR_REMEDY_NAMED, level ? level : "(not asked)", old ? old : "(not asked)");
}

/* What master.cf says for a transport counts instead of what stands in main.cf. */
static void say_master(const struct kr_remedy *r, const struct kr_mta_side *side, FILE *out)
{
    for (size_t i = 0; i < side->n_options; i++) {
        const struct kr_mta_option *o = &side->options[i];
        bool level = strcmp(o->name, "smtp_tls_security_level") == 0;
        if (!*o->of || (level && !r->more) || strcmp(o->name, "smtp_tlsrpt_enable") == 0)
            continue;
        fprintf(
            out,
            "# master.cf says otherwise for the transport %s; also run:\n"
            "#   postconf -PX %s/unix/%s\n# and to undo it:\n#   postconf -P '%s/unix/%s = %s'\n",
            o->of, o->of, o->name, o->of, o->name, o->value);
    }
}

void kr_emit_postfix(const struct kr_remedy *r, const struct kr_mta_side *side, bool whole,
                     FILE *out)
{
    const char *old = kr_emit_option(side, "", "smtp_tls_policy_maps");
    const char *wrapper = kr_emit_option(side, "", "smtp_tls_wrappermode");
    if (!kr_emit_head(r, side, whole, "#", out))
        return;
    fputs("# Add it to the end of main.cf, where the last line of a name counts, then: postfix "
          "reload\n# Undo: sed -i '/^# BEGIN kumo-redirect/,/^# END kumo-redirect/d' "
          "/etc/postfix/main.cf && postfix reload\n",
          out);
    say_master(r, side, out);
    fputs("# BEGIN kumo-redirect\n", out);
    if (r->needs & ~KR_NEED_REPORTS) {
        if (r->more)
            say_all(old, kr_emit_option(side, "", "smtp_tls_security_level"), out);
        else
            say_table(r, old, out);
    }
    if (r->needs & KR_NEED_TLS && wrapper && strcmp(wrapper, "yes") == 0)
        fputs("# TLS before SMTP is nothing that port 25 has.\nsmtp_tls_wrappermode = no\n", out);
    if (r->needs & KR_NEED_REPORTS)
        fputs("# Failure reports about the test would be mailed to the real domains.\n"
              "smtp_tlsrpt_enable = no\n",
              out);
    fputs("# END kumo-redirect\n", out);
}

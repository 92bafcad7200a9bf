/* A policy for the next hop goes before the level of the transport and before every other table, so
 * one table of our own is all that a few domains need (smtp_tls_policy_maps, postconf(5)).
 * Commands, since a name that stands twice in main.cf is warned of in each line of the log. */
#include "emit.h"

#include <kr/buf.h>

#include <string.h>

/* A word for the shell, in quotes where it has to be. */
static void put_word(const char *word, FILE *out)
{
    KR_AUTO_BUF struct kr_buf quoted = {0};
    kr_buf_shell(&quoted, word);
    fputs(kr_buf_str(&quoted), out);
}

static void say_table(const struct kr_remedy *r, const char *old, const char *folder, FILE *out)
{
    KR_AUTO_BUF struct kr_buf word = {0};
    kr_buf_printf(&word, "smtp_tls_policy_maps = inline:{");
    for (size_t i = 0; i < r->names.n; i++)
        kr_buf_printf(&word, " { %s = may }", r->names.v[i]);
    kr_buf_printf(&word, " } %s", old ? old : "");
    fprintf(out,
            "# Only these next hops; what stood there before comes behind them.\n"
            "postconf -c %s -e ",
            folder);
    put_word(kr_buf_str(&word), out);
    fputc('\n', out);
}

static void say_all(const char *old, const char *level, const char *folder, FILE *out)
{
    fprintf(out,
            "# More than %u: for all destinations.\n# It was: smtp_tls_security_level = %s\n"
            "# It was: smtp_tls_policy_maps = %s\n"
            "postconf -c %s -e 'smtp_tls_security_level = may' 'smtp_tls_policy_maps ='\n",
            KR_REMEDY_NAMED, level ? level : "(not asked)", old ? old : "(not asked)", folder);
}

/* What master.cf says for a transport counts instead of what stands in main.cf. */
static void say_master(const struct kr_remedy *r, const struct kr_mta_side *side,
                       const char *folder, FILE *out)
{
    for (size_t i = 0; i < side->n_options; i++) {
        const struct kr_mta_option *o = &side->options[i];
        bool level = strcmp(o->name, "smtp_tls_security_level") == 0;
        if (!*o->of || (level && !r->more) || strcmp(o->name, "smtp_tlsrpt_enable") == 0)
            continue;
        KR_AUTO_BUF struct kr_buf what = {0};
        kr_buf_printf(&what, "%s/unix/%s", o->of, o->name);
        fprintf(out,
                "# master.cf says otherwise for the transport %s: %s\n"
                "postconf -c %s -PX ",
                o->of, o->value, folder);
        put_word(kr_buf_str(&what), out);
        fputc('\n', out);
    }
}

/* Both files are kept as they were before the first change. */
static void say_frame(const char *folder, FILE *out)
{
    fprintf(out,
            "# Run it as root: sh FILE. Undo:\n"
            "#   for f in main master; do mv -f %s/$f.cf.before-kumo-redirect %s/$f.cf; done\n"
            "#   postfix -c %s reload\n"
            "set -e\n"
            "for f in main master; do\n"
            "    [ -e %s/$f.cf.before-kumo-redirect ] ||\n"
            "        cp -p %s/$f.cf %s/$f.cf.before-kumo-redirect\n"
            "done\n",
            folder, folder, folder, folder, folder, folder);
}

/* The folder stands in comments, too, which end with the line. */
static bool can_name(const char *folder, FILE *out)
{
    if (!folder[strcspn(folder, "\n\r")])
        return true;
    fputs("# Nothing is said: the name of the configuration's folder has a line break.\n", out);
    return false;
}

void kr_emit_postfix(const struct kr_remedy *r, const struct kr_mta_side *side, bool whole,
                     FILE *out)
{
    KR_AUTO_BUF struct kr_buf quoted = {0};
    const char *old = kr_emit_option(side, "", "smtp_tls_policy_maps");
    const char *wrapper = kr_emit_option(side, "", "smtp_tls_wrappermode");
    const char *where = side->config ? side->config : "/etc/postfix";
    if (!kr_emit_head(r, side, whole, "#", out) || !can_name(where, out))
        return;
    kr_buf_shell(&quoted, where);
    const char *folder = kr_buf_str(&quoted);
    say_frame(folder, out);
    say_master(r, side, folder, out);
    if (r->needs & ~KR_NEED_REPORTS) {
        if (r->more)
            say_all(old, kr_emit_option(side, "", "smtp_tls_security_level"), folder, out);
        else
            say_table(r, old, folder, out);
    }
    if (r->needs & KR_NEED_TLS && wrapper && strcmp(wrapper, "yes") == 0)
        fprintf(out,
                "# TLS before SMTP is nothing that port 25 has.\n"
                "postconf -c %s -e 'smtp_tls_wrappermode = no'\n",
                folder);
    if (r->needs & KR_NEED_REPORTS)
        fprintf(out,
                "# Failure reports about the test would be mailed to the real domains.\n"
                "postconf -c %s -e 'smtp_tlsrpt_enable = no'\n",
                folder);
    fprintf(out, "postfix -c %s reload\n", folder);
}

/* Exim decides by the host, in lists of each smtp transport (its specification, chapter 30). Hosts
 * are named by an expression, since a plain name would be looked up for its addresses. */
#include "emit.h"

#include <ctype.h>
#include <string.h>

static const struct {
    const char *name;
    uint32_t needs;
} lists[] = {
    {"hosts_require_tls", KR_NEED_TLS},
    {"tls_verify_hosts", KR_NEED_TLS},
    {"hosts_try_dane", KR_NEED_DANE},
    {"hosts_require_dane", KR_NEED_DANE},
};
#define N_LISTS (sizeof lists / sizeof *lists)

static void say_host(const char *host, FILE *out)
{
    fputs("! \\N^", out);
    for (; *host; host++)
        fprintf(out, *host == '.' ? "\\%c" : "%c", *host);
    fputs("$\\N", out);
}

/* What is no "\\N...\\N" and has a '$'. */
static bool computed(const char *list)
{
    const char *verbatim;
    while ((verbatim = strstr(list, "\\N")) != NULL) {
        if (memchr(list, '$', (size_t)(verbatim - list)))
            return true;
        const char *end = strstr(verbatim + 2, "\\N");
        if (!end)
            return true;
        list = end + 2;
    }
    return strchr(list, '$') != NULL;
}

/* "! host : ! host : what it was", with the separator it had. */
static void say_list(const struct kr_remedy *r, const char *name, const char *old, FILE *out)
{
    char sep = ':';
    old += strspn(old, " \t");
    if (*old == '<' && ispunct((unsigned char)old[1])) {
        sep = old[1];
        old += 2;
    }
    old += strspn(old, " \t");
    fprintf(out, "  %s = ", name);
    if (r->more || r->aliased || computed(old)) {
        fputc('\n', out);
        return;
    }
    if (sep != ':')
        fprintf(out, "<%c ", sep);
    for (size_t i = 0; i < r->hosts.n; i++) {
        say_host(r->hosts.v[i], out);
        fprintf(out, " %c \\\n    ", sep);
    }
    fprintf(out, "%s\n", old);
}

static void say_option(const struct kr_remedy *r, const struct kr_mta_option *o, FILE *out)
{
    for (size_t k = 0; k < N_LISTS; k++)
        if (strcmp(o->name, lists[k].name) == 0 && (r->needs & lists[k].needs) && *o->value) {
            fprintf(out, "  # it was: %s = %s\n", o->name, o->value);
            say_list(r, o->name, o->value, out);
        }
}

/* Nobody could ask: the defaults, of a transport that is called what Debian calls it. */
static void say_default(const struct kr_remedy *r, FILE *out)
{
    fputs("\n# In each transport with \"driver = smtp\":\n", out);
    if (r->needs & KR_NEED_DANE)
        say_list(r, "hosts_try_dane", "*", out);
    if (r->needs & KR_NEED_TLS)
        fputs("  hosts_require_tls =\n  tls_verify_hosts =\n", out);
}

void kr_emit_exim(const struct kr_remedy *r, const struct kr_mta_side *side, bool whole, FILE *out)
{
    const char *last = "";
    if (!kr_emit_head(r, side, whole, "#", out))
        return;
    fputs("# Exim reads no option twice: put each line in the place of the one of its name, then "
          "reload Exim.\n# Undo: put back the lines that are named by \"it was\" (those that were "
          "not written are Exim's defaults:\n# delete the line), and reload Exim.\n",
          out);
    if (r->aliased)
        fputs("# For all hosts: one of them is an alias, and Exim knows it by its other name.\n",
              out);
    if (!side->n_options)
        say_default(r, out);
    for (size_t i = 0; i < side->n_options; i++) {
        if (strcmp(last, side->options[i].of) != 0)
            fprintf(out, "\n# In the transport \"%s\":\n", side->options[i].of);
        last = side->options[i].of;
        say_option(r, &side->options[i], out);
    }
}

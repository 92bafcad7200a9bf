#include "usage.h"

void kr_usage_all(const struct kr_command *const *commands, size_t n, FILE *out)
{
    fputs("Redirects this host's outgoing SMTP to a sink, behind guards that let nothing leak.\n\n"
          "usage: kumo-redirect COMMAND [OPTION]...\n\n",
          out);
    for (size_t i = 0; i < n; i++)
        fprintf(out, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\n", out);
    kr_opt_usage(&kr_common_options, out);
    fputs(
        "\nexamples:\n"
        "  sudo kumo-redirect up              guards and redirect, proven\n"
        "  sudo kumo-redirect status          what is in force, and its counters\n"
        "  sudo kumo-redirect down            redirect, then guards, are gone: once no mail is "
        "queued\n"
        "  kumo-redirect up --help            the options of one command\n"
        "\nexit status: 0 done, 1 not safe, 2 usage, 3 cannot, 4 unknown, 5 breach, 70 internal\n",
        out);
}

void kr_usage_command(const struct kr_command *cmd, FILE *out)
{
    fprintf(out, "%s\n\nusage: kumo-redirect %s [OPTION]...%s%s%s\n\n", cmd->summary, cmd->name,
            cmd->rest      ? " -- "
            : cmd->operand ? " ["
                           : "",
            cmd->operand ? cmd->operand : "",
            cmd->rest      ? " [ARG]..."
            : cmd->many    ? "]..."
            : cmd->operand ? "]"
                           : "");
    if (cmd->options->n) {
        kr_opt_usage(cmd->options, out);
        fputs("\n", out);
    }
    for (size_t i = 0; i < KR_MOST_PARTS && cmd->also[i].table; i++) {
        kr_opt_usage(cmd->also[i].table, out);
        fputs("\n", out);
    }
    kr_opt_usage(&kr_common_options, out);
    fputs("\nexamples:\n", out);
    for (const char *const *x = cmd->examples; *x; x++)
        fprintf(out, "  %s\n", *x);
}

void kr_options_free(struct kr_options *o)
{
    struct kr_strlist *const lists[] = {&o->up.sinks,
                                        &o->up.lan,
                                        &o->up.uplinks,
                                        &o->up.ports,
                                        &o->up.block_ports,
                                        &o->up.allow,
                                        &o->operands,
                                        &o->verify.allow,
                                        &o->preflight.domains,
                                        &o->preflight.files,
                                        &o->preflight.resolvers,
                                        &o->preflight.sinks,
                                        &o->report.audit};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        kr_strlist_free(lists[i]);
}

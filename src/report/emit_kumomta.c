/* KumoMTA's paths come out of one event. A provider's own block wins over the defaults of the
 * shaping files, so what is switched off is switched off behind the shaping, for every path. */
#include "emit.h"

#include <string.h>

static const struct {
    uint32_t need;
    const char *line;
} lines[] = {
    {KR_NEED_TLS, "  p.enable_tls = 'OpportunisticInsecure' -- any TLS will do, and none"},
    {KR_NEED_STS, "  p.enable_mta_sts = false"},
    {KR_NEED_DANE, "  p.enable_dane = false"},
};

static const char how[] =
    "-- Save it as /opt/kumomta/etc/policy/kumo-redirect-test.lua. In init.lua add, after kumo is\n"
    "-- there:\n"
    "--   local test = dofile '/opt/kumomta/etc/policy/kumo-redirect-test.lua'\n"
    "-- and let the event go through it:\n"
    "--   kumo.on('get_egress_path_config', test.path(shaper.get_egress_path_config))\n"
    "-- A handler of your own returns kumo.make_egress_path(test.relax(params)) instead.\n"
    "-- Then restart kumod (a reload keeps cached policies).\n"
    "-- Undo: give the event your handler again, without test.path or test.relax, take the dofile\n"
    "-- out, delete the file, restart kumod.\n";

static const char body[] = "local kumo = require 'kumo'\n"
                           "local test = {}\n"
                           "\n"
                           "-- The parameters of a path, without what keeps mail from the sink. A "
                           "copy: the shaping keeps\n"
                           "-- its own.\n"
                           "function test.relax(params)\n"
                           "  local p = {}\n"
                           "  for k, v in pairs(params) do\n"
                           "    p[k] = v\n"
                           "  end\n";

static const char rest[] =
    "  p.remember_broken_tls = nil -- or kumod sends in clear to the real sites after the test\n"
    "  return p\n"
    "end\n"
    "\n"
    "-- Every path, whatever provider, site or source it is for: the handler is asked for its "
    "table\n"
    "-- (skip_make). One that makes the path all the same can't be changed: better no delivery.\n"
    "function test.path(handler)\n"
    "  return function(domain, source, site)\n"
    "    local p = handler(domain, source, site, true)\n"
    "    if type(p) ~= 'table' then\n"
    "      error 'kumo-redirect: this handler takes no skip_make: use test.relax in it'\n"
    "    end\n"
    "    return kumo.make_egress_path(test.relax(p))\n"
    "  end\n"
    "end\n";

static const char lookups[] = "\n"
                              "-- Builds after 2026.06.23 look policies up all the same, and a "
                              "domain whose policy matches none\n"
                              "-- of its MX hosts then can't be resolved.\n"
                              "kumo.on('pre_init', function()\n"
                              "  if kumo.dns and kumo.dns.set_mta_sts_enabled then\n"
                              "    kumo.dns.set_mta_sts_enabled(false)\n"
                              "  end\n"
                              "end)\n";

void kr_emit_kumomta(const struct kr_remedy *r, const struct kr_mta_side *side, bool whole,
                     FILE *out)
{
    bool release = side->column == KR_COLUMN_KUMO_RELEASE && !side->assumed;
    if (!kr_emit_head(r, side, whole, "--", out))
        return;
    fputs(how, out);
    fputs(body, out);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (r->needs & lines[i].need)
            fprintf(out, "%s\n", lines[i].line);
    fputs(rest, out);
    if (r->needs & KR_NEED_STS && !release)
        fputs(lookups, out);
    fputs("\nreturn test\n", out);
}

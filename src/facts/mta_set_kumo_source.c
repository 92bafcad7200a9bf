/* Egress sources are what a function of the policy returns, so only KumoMTA can tell them: a script
 * that loads the policy and calls it, run by kumod itself (`kumod --policy FILE --script`, the
 * event `main`; kumo.invoke_get_egress_pool and _source, since 2025.12.02). Neither `init` nor a
 * listener runs then. */
#include "mta_set_kumo.h"

#include "mta_set.h"

#include <kr/file.h>
#include <kr/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KUMOD "/opt/kumomta/sbin/kumod"

/* `policy`, `kind` and `name` stand before it. It says "source NAME", then "FIELD VALUE" of each
 * that leads elsewhere, and "end"; or "old". */
static const char script[] =
    "local kumo = require 'kumo'\n"
    "dofile(policy)\n"
    "local fields = { 'remote_port', 'socks5_proxy_server', 'ha_proxy_server' }\n"
    "local function tell(source)\n"
    "  local s = kumo.invoke_get_egress_source(source)\n"
    "  print('source ' .. source)\n"
    "  for _, f in ipairs(fields) do\n"
    "    if s[f] then print(f .. ' ' .. tostring(s[f])) end\n"
    "  end\n"
    "end\n"
    "kumo.on('main', function()\n"
    "  if not kumo.invoke_get_egress_pool or not kumo.invoke_get_egress_source then\n"
    "    print 'old'\n"
    "    return\n"
    "  end\n"
    "  if kind == 'source' then\n"
    "    tell(name)\n"
    "  else\n"
    "    for _, e in ipairs(kumo.invoke_get_egress_pool(name).entries) do tell(e.name) end\n"
    "  end\n"
    "  print 'end'\n"
    "end)\n";

/* As a string of Lua, whatever is in it. */
static void put_lua(struct kr_buf *b, const char *variable, const char *s)
{
    kr_buf_printf(b, "local %s = '", variable);
    for (; *s; s++)
        kr_buf_printf(b, "\\%03u", (unsigned char)*s);
    kr_buf_printf(b, "'\n");
}

/* A file that whoever kumod runs as can read, and only we can change. */
static int write_script(const struct kr_kumo_sources *s, const char *kind, const char *name,
                        char *path, struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf text = {0};
    put_lua(&text, "policy", s->policy);
    put_lua(&text, "kind", kind);
    put_lua(&text, "name", name);
    kr_buf_add(&text, script, sizeof script - 1);
    KR_AUTO_FD int fd = mkostemps(path, 4, O_CLOEXEC);
    if (fd < 0)
        return kr_fail(e, KR_UNKNOWN, errno, "%s", path);
    if (kr_write_all(fd, text.s, text.len) || fchmod(fd, 0444)) {
        kr_fail(e, KR_UNKNOWN, errno, "%s", path);
        unlink(path);
        return -1;
    }
    return 0;
}

static int ask(const struct kr_kumo_sources *s, const char *kind, const char *name,
               struct kr_buf *out, struct kr_err *e)
{
    char path[] = "/tmp/kumo-redirect.XXXXXX.lua";
    const char *const argv[] = {KUMOD, "--policy", path, "--script", NULL};
    if (write_script(s, kind, name, path, e))
        return -1;
    int bad = kr_mta_tool(argv, s->user, out, e);
    unlink(path);
    return bad;
}

static void on_field(const struct kr_kumo_sources *s, const char *source, const char *field,
                     const char *value)
{
    bool port = strcmp(field, "remote_port") == 0;
    char where[160];
    snprintf(where, sizeof where, "egress source %.140s", source);
    if (port && strcmp(value, "25") == 0)
        return;
    kr_mta_note(s->out, KR_BROKEN, port ? "port" : "proxy",
                port ? "up --port N, or take it out for the test"
                     : "take the proxy out for the test",
                where, "%s = %.150s", field, value);
}

/* What is not told to its end is not told. */
static int read_answer(const struct kr_kumo_sources *s, char *text, struct kr_err *e)
{
    static const char *const fields[] = {"remote_port", "socks5_proxy_server", "ha_proxy_server"};
    char *at = text, *line;
    const char *source = "";
    while ((line = kr_mta_next_line(&at)) != NULL) {
        char *value = strchr(line, ' ');
        if (strcmp(line, "end") == 0)
            return 0;
        if (strcmp(line, "old") == 0)
            return kr_fail(e, KR_UNKNOWN, 0, "this kumod can't tell them: 2025.12.02 can");
        if (!value)
            continue;
        *value++ = '\0';
        if (strcmp(line, "source") == 0)
            source = value;
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
            if (*source && strcmp(line, fields[i]) == 0)
                on_field(s, source, line, value);
    }
    return kr_fail(e, KR_UNKNOWN, 0, "%s did not tell to the end", KUMOD);
}

static bool asked_before(struct kr_kumo_sources *s, const char *kind, const char *name)
{
    char of[sizeof *s->asked];
    snprintf(of, sizeof of, "%s %.60s", kind, name);
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->asked[i], of) == 0)
            return true;
    if (s->n < KR_KUMO_SOURCES_MOST)
        strcpy(s->asked[s->n++], of);
    else
        kr_mta_note(s->out, KR_HOLDS, "sources-not-asked", "look at the others by hand", KUMOD,
                    "more than %u egress pools: the others were only read as text",
                    KR_KUMO_SOURCES_MOST);
    return false;
}

void kr_kumo_sources_ask(struct kr_kumo_sources *s, const char *kind, const char *name)
{
    KR_AUTO_BUF struct kr_buf text = {0};
    struct kr_err e = {0};
    if (!*name || s->failed || asked_before(s, kind, name) || s->n > KR_KUMO_SOURCES_MOST)
        return;
    if (ask(s, kind, name, &text, &e) == 0 && read_answer(s, text.s, &e) == 0)
        return;
    s->failed = true;
    kr_mta_note(s->out, KR_HOLDS, "sources-not-asked",
                "look at the policy's egress sources by hand", KUMOD,
                "egress sources were only read as text: %.180s", e.msg);
}

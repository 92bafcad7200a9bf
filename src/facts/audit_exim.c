/* Exim's main log (spec chapter "Log files"): "DATE TIME [ZONE] [PID] ID FLAG ADDRESS R=.. T=..
 * H=HOST [ADDR] ... C="ANSWER" ...". => is a delivery, -> another address of it, >> one while
 * receiving; the answer is there by log_selector = +smtp_confirmation, which is set by default. */
#include "audit_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define SECOND 1000000

static size_t letters(const char *p)
{
    size_t n = 0;
    while (isalnum((unsigned char)p[n]))
        n++;
    return n;
}

/* "1vOabc-000ABC-2D", and since 4.97 "1vOabc-00000000ABC-2Def". */
static size_t message_id(const char *p)
{
    size_t a = letters(p), b = p[a] == '-' ? letters(p + a + 1) : 0;
    size_t c = b && p[a + 1 + b] == '-' ? letters(p + a + b + 2) : 0;
    size_t n = a + b + c + 2;
    bool shape = a == 6 && ((b == 6 && c == 2) || (b == 11 && c == 4));
    return shape && (p[n] == ' ' || !p[n]) ? n : 0;
}

/* The value behind " X=", up to a space; "" without one. */
static void field(const char *text, const char *name, char *out, size_t size)
{
    const char *p = strstr(text, name);
    p = p ? p + strlen(name) : "";
    snprintf(out, size, "%.*s", (int)strcspn(p, " "), p);
}

static void answer(const char *text, char *out, size_t size)
{
    const char *p = strstr(text, " C=\""), *end = strrchr(text, '"');
    *out = '\0';
    if (p && end > p + 3)
        snprintf(out, size, "%.*s", (int)(end - p - 4), p + 4);
}

/* Debian's own transports that put mail into a file of this host. */
static bool is_mailbox(const char *transport, const char *address)
{
    static const char *const names[] = {"mail_spool", "maildir_home", "address_file",
                                        "address_directory", "local_delivery"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(transport, names[i]) == 0)
            return *address != '|';
    return false;
}

static void judge(struct audit_log *l, const char *text)
{
    char way[400], transport[64], host[128], reply[1024], address[128];
    field(text, " T=", transport, sizeof transport);
    field(text, " H=", host, sizeof host);
    answer(text, reply, sizeof reply);
    snprintf(address, sizeof address, "%.*s", (int)strcspn(text, " "), text);
    snprintf(way, sizeof way, "for <%.100s> to %.100s by the transport %.60s", address,
             *host ? host : "no host", *transport ? transport : "unknown");
    bool local = !*host && (*address == '|' || is_mailbox(transport, address));
    if (local && *address == '|')
        audit_elsewhere(l, "given to a program, %s", way);
    else if (local)
        audit_kept(l);
    else if (*reply)
        audit_delivery(l, reply, way);
    else if (*host)
        audit_doubt(l, "delivered %s; its answer is not logged (log_selector = +smtp_confirmation)",
                    way);
    else
        audit_doubt(l, "delivered %s, which may send it on", way);
}

bool audit_exim_line(struct audit_log *l, const char *line)
{
    const char *p = line;
    int64_t when = strlen(line) > 10 && line[10] == ' ' ? audit_iso_time(&p) : -1;
    if (when < 0 || *p++ != ' ')
        return false;
    if (*p == '[') { /* log_selector = +pid */
        p += 1 + strspn(p + 1, "0123456789");
        if (p[0] != ']' || p[1] != ' ')
            return false;
        p += 2;
    }
    size_t id = message_id(p);
    if (!id)
        return isalpha((unsigned char)*p) != 0; /* "Start queue run: ..." */
    p += id;
    bool delivery =
        strncmp(p, " => ", 4) == 0 || strncmp(p, " -> ", 4) == 0 || strncmp(p, " >> ", 4) == 0;
    if (delivery && audit_in_window(l, when, SECOND))
        judge(l, p + 4);
    return true;
}

/* Postfix's log, by syslog or maillog_file: "TIME HOST SYSLOG_NAME/DAEMON[PID]: QID: to=<R>, ...,
 * relay=W, ..., status=sent (ANSWER)" (postlog(1), smtp(8), and log_adhoc.c for the order). */
#include "audit_internal.h"

#include <stdio.h>
#include <string.h>

#define SECOND 1000000
#define STATUS ", status=sent ("

/* The part after "HOST TAG[PID]: ", and the daemon's name; NULL: no line of Postfix. */
static const char *text_of(const char *p, char *daemon, size_t size)
{
    size_t host = strcspn(p, " ");
    const char *tag = p + host + (p[host] == ' ');
    size_t n = strcspn(tag, "[: ");
    const char *slash = memrchr(tag, '/', n);
    const char *end = tag + n;
    if (!host || !slash || !memmem(tag, n, "postfix", 7))
        return NULL;
    if (*end == '[') {
        end += 1 + strspn(end + 1, "0123456789");
        if (*end++ != ']')
            return NULL;
    }
    if (end[0] != ':' || end[1] != ' ')
        return NULL;
    snprintf(daemon, size, "%.*s", (int)(tag + n - slash - 1), slash + 1);
    return end + 2;
}

/* "to=<a@b>, " and "relay=host[addr]:25, " as they were logged. */
static void say_way(const char *text, const char *status, const char *daemon, char *out,
                    size_t size)
{
    const char *to = strstr(text, "to=<"), *relay = strstr(text, ", relay=");
    int to_len = to && to < status ? (int)strcspn(to + 4, ">,") : 0;
    int relay_len = relay && relay < status ? (int)strcspn(relay + 8, ",") : 0;
    snprintf(out, size, "for <%.*s> to %.*s by postfix/%.20s", to_len < 100 ? to_len : 100,
             to_len ? to + 4 : "", relay_len < 150 ? relay_len : 150,
             relay_len ? relay + 8 : "an unknown relay", daemon);
}

/* What local(8) and virtual(8) do with mail is said in the answer, and discard(8) delivers nothing.
 * A command may send it anywhere. */
static bool stays(const char *daemon, const char *reply)
{
    static const char *const words[] = {"delivered to mailbox", "delivered to maildir",
                                        "delivered to file", "forwarded as "};
    if (strcmp(daemon, "discard") == 0)
        return true;
    if (strcmp(daemon, "local") != 0 && strcmp(daemon, "virtual") != 0)
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strncmp(reply, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

static void judge(struct audit_log *l, const char *text, const char *daemon)
{
    char way[400], reply[1024];
    const char *status = NULL;
    for (const char *p = text; (p = strstr(p, STATUS)) != NULL; p++)
        if (!status) /* what follows is the receiver's, who may say that too */
            status = p;
    if (!status)
        return;
    const char *said = status + strlen(STATUS);
    size_t n = strlen(said);
    bool whole = n && said[n - 1] == ')';
    snprintf(reply, sizeof reply, "%.*s", (int)(n - whole < 1000 ? n - whole : 1000), said);
    say_way(text, status, daemon, way, sizeof way);
    if (!whole)
        audit_doubt(l, "the line is cut off: delivered %s", way);
    else if (stays(daemon, reply))
        audit_kept(l);
    else
        audit_delivery(l, reply, way);
}

bool audit_postfix_line(struct audit_log *l, const char *line)
{
    char daemon[40];
    const char *p = line;
    int64_t when = audit_iso_time(&p);
    if (when < 0)
        when = audit_syslog_time(&p, l->want->to);
    const char *text = when >= 0 && *p == ' ' ? text_of(p + 1, daemon, sizeof daemon) : NULL;
    if (!text)
        return false;
    if (strstr(text, STATUS) && strstr(text, "to=<") && audit_in_window(l, when, SECOND))
        judge(l, text, daemon);
    return true;
}

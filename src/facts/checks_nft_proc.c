/* What shows in /proc only. Nothing is opened that would make the kernel load a module: the files
 * are there when the module is (x_tables.c, xt_proto_init). */
#include "checks_nft.h"

#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NET "/proc/thread-self/net/"

/* The whole file, NULL with errno when it can't be read. The caller frees it. */
static char *whole(const char *path)
{
    KR_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = NULL;
    size_t n = 0, cap = 0;
    while (fd >= 0) {
        text = kr_grow(text, &cap, n + 4096, 1);
        ssize_t got = read(fd, text + n, cap - n - 1);
        if (got < 0)
            break;
        n += (size_t)got;
        text[n] = '\0';
        if (!got)
            return text;
    }
    free(text);
    return NULL;
}

/* Hands each line to `line` (without its end), as long as it returns 0. */
static int lines(char *text, int (*line)(char *line, void *arg), void *arg)
{
    char *rest = text, *one;
    while ((one = strsep(&rest, "\n")) != NULL)
        if (*one && line(one, arg))
            return -1;
    return 0;
}

/* ---- iptables-legacy ------------------------------------------------------------------------- */

struct legacy {
    struct kr_result *r;
    const char *file;
};

static int legacy_table(char *name, void *arg)
{
    static const char *const changing[] = {"nat", "raw", "mangle"};
    const struct legacy *l = arg;
    bool arp = strncmp(l->file, "arp", 3) == 0, changes = false,
         v6 = strncmp(l->file, "ip6", 3) == 0;
    char object[64];
    for (size_t i = 0; i < sizeof changing / sizeof *changing; i++)
        changes |= strcmp(changing[i], name) == 0;
    snprintf(object, sizeof object, "%.24s: %.24s", l->file, name);
    if (arp || strcmp(name, "filter") == 0 || strcmp(name, "security") == 0)
        kr_result_add(l->r, KR_HOLDS, object, "%s",
                      arp ? "a table for ARP" : "runs ahead of our guards");
    else
        kr_result_add(l->r, changes ? KR_BROKEN : KR_IN_DOUBT, object,
                      "rules that nftables does not show; %s-legacy-save -t %.24s",
                      v6 ? "ip6tables" : "iptables", name);
    return 0;
}

void kr_legacy_judge(struct kr_result *r, const char *file, const char *text)
{
    struct legacy l = {r, file};
    char *copy = kr_strdup(text);
    lines(copy, legacy_table, &l);
    free(copy);
}

int kr_check_legacy(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    static const char *const files[] = {"ip_tables_names", "ip6_tables_names", "arp_tables_names"};
    (void)s;
    int bad = 0;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[64];
        snprintf(path, sizeof path, NET "%s", files[i]);
        char *text = whole(path);
        if (text)
            kr_legacy_judge(r, files[i], text);
        else if (errno != ENOENT)
            bad = kr_fail(e, KR_UNKNOWN, errno, "%s", path);
        free(text);
    }
    return bad;
}

/* ---- IPVS (ip_vs_ctl.c, ip_vs_info_seq_show) ------------------------------------------------- */

struct ipvs {
    struct kr_result *r;
    const uint16_t *ports;
    size_t n;
};

static bool guarded(const struct ipvs *v, unsigned long port)
{
    for (size_t i = 0; i < v->n; i++)
        if (v->ports[i] == port)
            return true;
    return false;
}

/* "TCP  CB007105:0019 rr", "TCP  [2001:0db8:...]:0019 rr", "FWM  00000001 rr"; indented or with an
 * arrow: a real server of the service above; three lines of headings. */
static int ipvs_line(char *line, void *arg)
{
    const struct ipvs *v = arg;
    char proto[8], what[64], *end;
    if (strncmp(line, "  ->", 4) == 0 || strncmp(line, "IP Virtual", 10) == 0 ||
        strncmp(line, "Prot ", 5) == 0)
        return 0;
    if (sscanf(line, "%7s %63s", proto, what) != 2)
        return -1;
    if (strcmp(proto, "FWM") == 0) {
        kr_result_add(v->r, KR_IN_DOUBT, line,
                      "a service for marked packets of any port; ipvsadm -Ln");
        return 0;
    }
    const char *colon = strrchr(what, ':');
    unsigned long port = colon ? strtoul(colon + 1, &end, 16) : 0;
    if (!colon || end == colon + 1 || *end)
        return -1;
    /* Port 0 is a persistent service of all ports. */
    if (strcmp(proto, "UDP") != 0 && strcmp(proto, "SCTP") != 0 && (port == 0 || guarded(v, port)))
        kr_result_add(v->r, KR_BROKEN, line, "IPVS sends port %lu to its real servers; ipvsadm -Ln",
                      port);
    return 0;
}

int kr_ipvs_judge(struct kr_result *r, const char *text, const uint16_t *ports, size_t n,
                  struct kr_err *e)
{
    struct ipvs v = {r, ports, n};
    char *copy = kr_strdup(text);
    int bad = lines(copy, ipvs_line, &v);
    free(copy);
    return bad ? kr_fail(e, KR_UNKNOWN, 0, NET "ip_vs has a form we do not know") : 0;
}

int kr_check_ipvs(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    KR_AUTO_FREE char *text = whole(NET "ip_vs");
    if (text)
        return kr_ipvs_judge(r, text, s->ports, s->n_ports, e);
    return errno == ENOENT ? 0 : kr_fail(e, KR_UNKNOWN, errno, NET "ip_vs");
}

/* ---- programs that wait for queued packets (nfnetlink_queue.c, seq_show) ----------------------
 */

struct listeners {
    struct kr_result *r;
    enum kr_verdict v;
    const char *why;
    size_t n;
};

static int listener(char *line, void *arg)
{
    struct listeners *l = arg;
    unsigned queue, port;
    char object[64];
    if (sscanf(line, "%u %u", &queue, &port) != 2) {
        kr_result_add(l->r, KR_IN_DOUBT, line, "a line of a form we do not know");
        return 0;
    }
    l->n++;
    snprintf(object, sizeof object, "nfnetlink queue %u", queue);
    kr_result_add(l->r, l->v, object, "netlink port %u: %s", port, l->why)->handle = queue;
    return 0;
}

size_t kr_queue_judge(struct kr_result *r, const char *text, enum kr_verdict v, const char *why)
{
    struct listeners l = {r, v, why, 0};
    char *copy = kr_strdup(text);
    lines(copy, listener, &l);
    free(copy);
    return l.n;
}

/* A queue that is waited on is fed by a rule: by one of nftables, which nft-queue judges, or by one
 * of iptables-legacy, which nobody can read without loading modules. */
int kr_check_queue_listeners(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    static const char *const legacy[] = {NET "ip_tables_names", NET "ip6_tables_names"};
    (void)s;
    KR_AUTO_FREE char *text = whole(NET "netfilter/nfnetlink_queue");
    if (!text)
        return errno == ENOENT ? 0 : kr_fail(e, KR_UNKNOWN, errno, NET "netfilter/nfnetlink_queue");
    bool hidden = false;
    for (size_t i = 0; i < 2; i++) {
        char *tables = whole(legacy[i]);
        hidden |= tables ? *tables != '\0' : errno != ENOENT;
        free(tables);
    }
    kr_queue_judge(r, text, hidden ? KR_IN_DOUBT : KR_HOLDS,
                   hidden ? "may be fed by rules of iptables-legacy; iptables-legacy-save"
                          : "fed by rules of nftables only, which nft-queue judges");
    return 0;
}

#include <kr/settings.h>

#include <kr/buf.h>
#include <kr/checks.h>
#include <kr/err.h>

#include <stdio.h>
#include <string.h>

int kr_ports_add(struct kr_ports *p, uint16_t port, struct kr_err *e)
{
    if (kr_ports_have(p, port))
        return 0;
    if (p->n == KR_MAX_PORTS)
        return kr_fail(e, KR_USAGE, 0, "port %u is one too many: at most %d", port, KR_MAX_PORTS);
    p->v[p->n++] = port;
    return 0;
}

bool kr_ports_have(const struct kr_ports *p, uint16_t port)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->v[i] == port)
            return true;
    return false;
}

/* What may be waived besides checks. An ID that ends in "-0x" takes a hexadecimal number behind it.
 */
static const char *const known_waivers[] = {
    "lan-gateway",  /* --lan prefixes that are reached through a gateway */
    "sock-destroy", /* up though the kernel can't destroy sockets (before 4.5) */
    "ethertype-0x", /* this ethertype passes the fence: IP inside it is not seen */
};

static bool known(const char *id)
{
    const struct kr_check *check = kr_checks_find(id);
    if (check)
        return check->waivable;
    for (size_t i = 0; i < sizeof known_waivers / sizeof *known_waivers; i++) {
        const char *k = known_waivers[i];
        size_t n = strlen(k);
        if (strcmp(k, id) == 0 && k[n - 1] != 'x')
            return true;
        if (k[n - 1] == 'x' && strncmp(k, id, n) == 0) {
            size_t digits = strspn(id + n, "0123456789abcdef");
            return digits == 4 && id[n + 4] == '\0';
        }
    }
    return false;
}

int kr_waiver_add(struct kr_waivers *w, const char *text, struct kr_err *e)
{
    const char *eq = strchr(text, '=');
    if (!eq || eq[1] == '\0')
        return kr_fail(e, KR_USAGE, 0, "'%s' is no waiver: give ID=REASON, the reason is recorded",
                       text);
    struct kr_waiver add = {0};
    if ((size_t)(eq - text) >= sizeof add.id || strlen(eq + 1) >= sizeof add.reason)
        return kr_fail(e, KR_USAGE, 0, "'%s' is too long for a waiver (reason at most %zu bytes)",
                       text, sizeof add.reason - 1);
    memcpy(add.id, text, (size_t)(eq - text));
    strcpy(add.reason, eq + 1);
    if (!known(add.id))
        return kr_fail(e, KR_USAGE, 0,
                       kr_checks_find(add.id)
                           ? "'%s' can't be waived: see kumo-redirect explain %s"
                           : "'%s' can't be waived; what can: lan-gateway, sock-destroy, "
                             "ethertype-0xNNNN (four lower-case hexadecimal digits), and checks "
                             "as kumo-redirect explain lists them",
                       add.id, add.id);
    if (w->n == sizeof w->v / sizeof *w->v)
        return kr_fail(e, KR_USAGE, 0, "'%s' is one waiver too many", text);
    w->v[w->n++] = add;
    return 0;
}

bool kr_waived(const struct kr_waivers *w, const char *id)
{
    for (size_t i = 0; i < w->n; i++)
        if (strcmp(w->v[i].id, id) == 0)
            return true;
    return false;
}

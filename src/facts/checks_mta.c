#include <kr/err.h>
#include <kr/mta.h>
#include <kr/scene.h>

#include <stdio.h>
#include <string.h>

static void say_server(const struct kr_mta *m, struct kr_result *r)
{
    struct kr_evidence *x =
        m->elsewhere ? kr_result_add(r, KR_HOLDS, m->kind->title,
                                     "runs in another network namespace; verify --netns %d looks "
                                     "at what is in its way",
                                     (int)m->pid)
        : !m->pid    ? kr_result_add(r, KR_HOLDS, m->kind->title, "doesn't run; configuration: %s",
                                  m->looked ? m->config : "not read")
                     : kr_result_add(r, KR_HOLDS, m->kind->title, "runs as %s; configuration: %s",
                                     m->name, m->looked ? m->config : "not read");
    x->pid = m->pid;
}

static int found(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    const struct kr_mtas *m = kr_scene_mtas(s, e);
    if (!m)
        return -1;
    for (size_t i = 0; i < m->n; i++)
        say_server(&m->v[i], r);
    if (m->n == 0)
        kr_result_add(r, KR_HOLDS, "this host", "no mail server that is known here");
    return 0;
}

/* The worst first: a result holds only so many. */
static int ways(struct kr_scene *s, enum kr_mta_topic topic, struct kr_result *r, struct kr_err *e)
{
    const struct kr_mtas *m = kr_scene_mtas(s, e);
    if (!m)
        return -1;
    for (int v = KR_BROKEN; v >= KR_HOLDS; v--) {
        for (size_t i = 0; i < m->n_ways; i++) {
            const struct kr_evidence *x = &m->ways[i].evidence;
            if (m->ways[i].topic == topic && (int)x->verdict == v)
                kr_result_add(r, x->verdict, x->object, "%s", x->detail)->pid = x->pid;
        }
        if (m->left_out[topic][v])
            kr_result_add(r, (enum kr_verdict)v, "more", "%zu more like these",
                          m->left_out[topic][v]);
    }
    return 0;
}

static int unknown(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    return ways(s, KR_MTA_UNKNOWN, r, e);
}

static int ports(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    return ways(s, KR_MTA_PORTS, r, e);
}

static int proxies(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    return ways(s, KR_MTA_PROXIES, r, e);
}

static int smarthosts(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    return ways(s, KR_MTA_SMARTHOSTS, r, e);
}

static int other(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    return ways(s, KR_MTA_OTHER, r, e);
}

#define HOW                                                                                        \
    "The configuration of each mail server is read as text, below the root folder of its process " \
    "(main.cf, master.cf and text maps; Exim's with macros and includes; Lua, TOML and JSON of "   \
    "KumoMTA), and nothing of it is run. "

static const struct kr_check checks[] = {
    {
        .id = "mta-found",
        .title = "mail servers of this host",
        .rows = "",
        .why = "What is tested should be what is meant.",
        .how = "Processes by name and program, and the usual configuration files.",
        .remedy = "Nothing to do.",
        .advice = true,
        .run = found,
    },
    {
        .id = "mta-unknown",
        .title = "every mail server is known and its configuration was read",
        .rows = "52 53 66",
        .why =
            "A program that sends mail by a port, a proxy or a socket that no guard knows is not "
            "redirected, and this program can only tell for the servers it can read.",
        .how = "Sockets on ports 25, 465 and 587 belong to a mail server that is known or to the "
               "sink, and every file of its configuration could be read. Maps in databases and "
               "directories, and servers other than KumoMTA, Postfix and Exim, can't be.",
        .remedy = "Stop the program, make the file readable for root, or look for yourself that it "
                  "sends to guarded ports only and accept it with --allow mta-unknown=REASON.",
        .waivable = true,
        .run = unknown,
    },
    {
        .id = "mta-ports",
        .title = "no mail server sends to a port that is not guarded",
        .rows = "52",
        .why = "A next hop on port 465, 587 or any other is no packet to port 25: it leaves as if "
               "nothing were there.",
        .how = HOW "Ports of next hops, of transports and of egress sources are compared with the "
                   "guarded ones. A port that is computed at run time is unknown.",
        .remedy = "Guard the port with up --block-port N (or --port N to redirect it), or take it "
                  "out of the configuration.",
        .waivable = true,
        .run = ports,
    },
    {
        .id = "mta-proxies",
        .title = "no mail server sends through a proxy",
        .rows = "53",
        .why =
            "The connection to the real host is made by the proxy's host; from here it is one to "
            "the proxy, often on the exempt LAN.",
        .how = HOW "socks5_proxy_server, ha_proxy_server and socks_proxy are looked for.",
        .remedy = "Take the proxy out of the configuration for the test, or run kumo-redirect on "
                  "the proxy's host as well and accept it with --allow mta-proxies=REASON.",
        .waivable = true,
        .run = proxies,
    },
    {
        .id = "mta-smarthosts",
        .title = "no mail server hands mail to a host that may relay it",
        .rows = "28 53 59",
        .why =
            "A smart host inside an exempt prefix gets the real mail and sends it on from there. "
            "One on this host may be a tunnel.",
        .how = HOW "Addresses are compared with the exemptions, this host's own and the sink's. "
                   "Names are not resolved: with exemptions in force they are unknown.",
        .remedy = "Take the smart host out for the test, exempt less (--lan), or accept it with "
                  "--allow mta-smarthosts=REASON.",
        .waivable = true,
        .run = smarthosts,
    },
    {
        .id = "mta-other-delivery",
        .title = "no mail server delivers by something else than SMTP",
        .rows = "52 66",
        .why = "LMTP to another host, HTTP, AMQP, transfer to another node, or a program that is "
               "handed the message: none of it is a packet to port 25.",
        .how = HOW "custom_lua, xfer, LMTP over TCP, pipe transports that are used. Delivery to "
                   "mailboxes of this host is said and holds.",
        .remedy = "Take the delivery out for the test, or accept it with "
                  "--allow mta-other-delivery=REASON.",
        .waivable = true,
        .run = other,
    },
};

const struct kr_check_group kr_checks_mta = {"mta", checks, sizeof checks / sizeof *checks};

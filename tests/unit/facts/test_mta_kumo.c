/* What is read out of KumoMTA's Lua, TOML and JSON. */
#include "mta_rows.h"

#define LUA "== /opt/kumomta/etc/policy/init.lua\nlocal kumo = require 'kumo'\n"
static void kumomta(void **state)
{
    static const struct row rows[] = {
        {"nothing", LUA "kumo.start_esmtp_listener { listen = '0.0.0.0:25' }\n", "hhhhh",
         "only its text"},
        {"a port", LUA "kumo.make_egress_source { name = 'a', remote_port = 587 }\n", "hbhhh",
         "init.lua:2 remote_port: port 587"},
        {"in brackets", LUA "p['smtp_port'] = 26\n", "hbhhh", "init.lua:2 smtp_port"},
        {"in comments",
         LUA "-- remote_port = 587\n--[[ remote_port = 587\n]]\n--[==[ ]] remote_port "
             "= 1 ]==]\nprint [[ remote_port = 587 ]]\nprint 'remote_port = 587'\n",
         "hhhhh", NULL},
        {"behind a comment", LUA "--[[ x ]] remote_port = 587\n", "hbhhh", NULL},
        {"computed", LUA "x.remote_port = 500 + 87\ny = { smtp_port = cfg.port }\n", "huhhh", NULL},
        {"compared", LUA "if x.remote_port == 587 then end\n", "hhhhh", NULL},
        {"none", LUA "x = { socks5_proxy_server = nil, remote_port = nil }\n", "hhhhh", NULL},
        {"SOCKS", LUA "x = { socks5_proxy_server = '10.0.5.10:5000' }\n", "hhbhh",
         "10.0.5.10 port 5000"},
        {"HAProxy", LUA "x.ha_proxy_server = proxies[1]\n", "hhbhh", "proxy"},
        {"a list of hosts",
         LUA "x = { protocol = { smtp = { mx_list = { 'a.example',\n { name = 'mx', addr = "
             "'203.0.113.9:587' } } } } }\n",
         "hbhuh", "init.lua:3 mx_list: 203.0.113.9 port 587"},
        {"a routing domain", LUA "msg:set_meta('routing_domain', 'my.example:587')\n", "hbhhh",
         NULL},
        {"an exempt one", LUA "msg:set_meta(\"routing_domain\", \"[192.168.1.4]\")\n", "hhhbh",
         NULL},
        {"one that is joined", LUA "msg:set_meta('routing_domain', 'a' .. ':587')\n", "hhhuh",
         NULL},
        {"one that is read",
         LUA "local routing_domain = msg:get_meta('routing_domain')\n"
             "function f(a, routing_domain) end\n",
         "hhhhh", NULL},
        {"HTTP", LUA "x = { protocol = { custom_lua = { constructor = 'make.http' } } }\n", "hhhhb",
         "custom_lua"},
        {"another node", LUA "kumo.xfer.xfer(msg, 'http://10.0.0.1:8000')\n", "hhhhb", "xfer"},
        {"TOML",
         LUA "== /opt/kumomta/etc/policy/sources.toml\n[source.\"ip-1\"]\n# remote_port = 1\n"
             "remote_port = 2587\nsource_address = \"203.0.113.1\"\n",
         "hbhhh", "sources.toml:3 remote_port: port 2587"},
        {"TOML's strings",
         LUA "== /opt/kumomta/etc/x.toml\na = \"\"\"\nremote_port = 1\n\"\"\"\n"
             "b = 'x\\'\nha_proxy_server = \"10.0.0.1:5000\"\n",
         "hhbhh", "x.toml:5"},
        {"a list of TOML",
         LUA "== /opt/kumomta/etc/queues.toml\n['a.example']\nprotocol.smtp.mx_list "
             "= [ \"203.0.113.9\",\n \"203.0.113.8:26\" ]\n",
         "hbhhh", "queues.toml:3"},
        {"JSON",
         LUA "== /opt/kumomta/etc/sources.json\n{\"source\": {\"a\":\n {\"remote_port\" : "
             "587, \"mx_list\": [ \"203.0.113.9\" ] } } }\n",
         "hbhhh", "sources.json:2"},
        {"a helper elsewhere",
         LUA "sources:setup { '/srv/kumo/sources.toml' }\n"
             "== /srv/kumo/sources.toml\n[x]\nremote_port = 587\n",
         "hbhhh", "/srv/kumo/sources.toml:2"},
        {"LMTP and passwords", LUA "x = { use_lmtp = true, smtp_auth_plain_username = 'u' }\n",
         "hhhhh", "passwords"},
    };
    TRY(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(kumomta, start, stop)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

TITLE="part of the LAN prefix is behind the gateway"
before() { ip -n "$H" route add 192.168.1.128/25 via "$GW4"; }
attack() { conn "$H" 192.168.1.200 25; }

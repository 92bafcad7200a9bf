TITLE="firewalld is started and reloaded"
SERVED=1
# shellcheck source=tests/net/tampers.sh
. "$TESTS/net/tampers.sh"
possible() { tamper_need firewalld python3-firewall python3-nftables python3-dbus python3-gi gir1.2-glib-2.0 dbus-daemon; }
# A system bus of its own, in the mount namespace's own /run.
bus() {
    cat >"$TAMPER_ETC/bus.conf" <<'END'
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <policy context="default"><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy>
</busconfig>
END
    tamper 'mkdir /run/dbus && dbus-daemon --config-file=/etc/bus.conf --fork --nopidfile'
}
setup() {
    tamper_etc firewalld && tamper_shell && bus &&
        tamper 'firewalld --nofork --nopid --log-target console & for i in {1..100}; do firewall-cmd --state && break; done' &&
        in_ns "$H" nft list table inet firewalld >/dev/null
}
# The reload takes firewalld's tables away and writes new ones: connections are tried all the while.
attack() {
    local reload i
    conn "$H" "$MX4" 25
    tamper firewall-cmd --reload &
    reload=$!
    for ((i = 0; i < 100; i++)); do
        kill -0 "$reload" 2>/dev/null || break
        HEARD=$LAB_DIR/during.heard conn "$H" "$MX4" 25
    done
    wait "$reload" || return 1
    conn "$H" "$MX4" 25
    conn "$H" "$MX6" 25
}
after() { tamper_gone; }

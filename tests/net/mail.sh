# shellcheck shell=bash
# A real Postfix on the lab's host and a real DNS server in its internet. Sourced after tests/lib.sh.
# Both come from Debian's packages, unpacked below $BUILD/pkg: nothing is installed on the machine.

PKG=$BUILD/pkg
PACKAGES=(postfix nsd libnsl2 libtirpc3 libfstrm0 libprotobuf-c1 libevent-2.1-7 libsasl2-2 libicu72 libdb5.3)
DNS4=198.51.100.53 DNS6=2001:db8:53::53
MAIL_EACH=13

# The world's mail: DOMAIN PREFERENCE:HOST=ADDRESS,... ; without a preference there is no MX record
# and the name itself has the addresses.
mail_world() {
    cat <<'END'
v4only.example     10:mx.v4only.example=203.0.113.10
v6only.example     10:mx.v6only.example=2001:db8:6::25
dual.example       10:mx.dual.example=203.0.113.12,2001:db8:12::25
several.example    5:mx1.several.example=203.0.113.13,2001:db8:13::25 10:mx2.several.example=203.0.113.14 20:mx3.several.example=2001:db8:14::25
equal.example      10:a.equal.example=203.0.113.15 10:b.equal.example=203.0.113.16,2001:db8:16::25
implicit.example   -:implicit.example=203.0.113.17,2001:db8:17::25
implicit6.example  -:implicit6.example=2001:db8:18::25
gmail.com          5:gmail-smtp-in.l.google.com=142.250.27.27,2a00:1450:4025:c01::1b 10:alt1.gmail-smtp-in.l.google.com=142.250.153.27,2a00:1450:4013:c16::1a
googlemail.com     5:gmr-smtp-in.l.google.com=142.250.102.14,2a00:1450:4025:402::e
yahoo.com          1:mta5.am0.yahoodns.net=67.195.204.72,98.136.96.77 1:mta6.am0.yahoodns.net=67.195.228.94
aol.com            10:mx-aol.mail.gm0.yahoodns.net=67.195.204.80,98.136.96.92
outlook.com        5:outlook-com.olc.protection.outlook.com=52.101.68.39,52.101.73.31
hotmail.com        2:hotmail-com.olc.protection.outlook.com=52.101.68.5,52.101.194.3
icloud.com         10:mx01.mail.icloud.com=17.57.154.33,17.57.155.25 10:mx02.mail.icloud.com=17.42.251.62
comcast.net        5:mx1.mxge.comcast.net=96.102.18.147,2001:558:fe2d:70::22
orange.fr          10:smtp-in.orange.fr=80.12.26.32
END
}

# domain<tab>address: where Postfix goes first, which is every host of the lowest preference.
mail_first_hosts() {
    mail_world | awk '{
        best = 1e9
        for (i = 2; i <= NF; i++) { split($i, a, ":"); if (a[1] + 0 < best) best = a[1] + 0 }
        for (i = 2; i <= NF; i++) {
            split($i, a, ":"); if (a[1] + 0 != best) continue
            n = split(substr($i, index($i, "=") + 1), addr, ",")
            for (k = 1; k <= n; k++) print $1 "\t" addr[k]
        }
    }'
}

mail_zone_records() {
    mail_world | awk '{
        for (i = 2; i <= NF; i++) {
            pref = substr($i, 1, index($i, ":") - 1); rest = substr($i, index($i, ":") + 1)
            host = substr(rest, 1, index(rest, "=") - 1)
            if (pref != "-") print $1 ". 300 IN MX " pref " " host "."
            n = split(substr(rest, index(rest, "=") + 1), addr, ",")
            for (k = 1; k <= n; k++) print host ". 300 IN " (addr[k] ~ /:/ ? "AAAA " : "A ") addr[k]
        }
    }'
}

# ---- packages ------------------------------------------------------------------------------------

# Fetches what is missing, unpacks all of it once. Says why when it cannot.
mail_unpack() {
    local p missing=()
    [[ -e $PKG/unpacked-2 ]] && return
    mkdir -p "$PKG/deb" "$PKG/root"
    for p in "${PACKAGES[@]}"; do
        compgen -G "$PKG/deb/${p}_*.deb" >/dev/null || missing+=("$p")
    done
    if ((${#missing[@]})); then
        (cd "$PKG/deb" && apt-get -qq -o APT::Sandbox::User=root download "${missing[@]}") >"$PKG/apt.log" 2>&1 || {
            echo "apt-get download ${missing[*]}: $(tail -n 1 "$PKG/apt.log")"
            return 1
        }
    fi
    for p in "$PKG"/deb/*.deb; do
        dpkg-deb -x "$p" "$PKG/root"
    done
    # Debian's tree has /lib inside /usr; a folder /lib would hide the machine's link.
    rm -rf "$PKG/root/lib"
    touch "$PKG/unpacked-2"
}

# ---- DNS -----------------------------------------------------------------------------------------

# nsd, with one zone for each top level.
mail_dns_start() {
    local dir=$LAB_DIR/nsd tld
    mkdir -p "$dir"
    mail_zone_records | sort -u >"$dir/records"
    {
        printf 'server:\n  ip-address: %s\n  ip-address: %s\n' "$DNS4" "$DNS6"
        printf '  ip-transparent: yes\n  username: ""\n  chroot: ""\n  zonesdir: "%s"\n  database: ""\n' "$dir"
        printf '  pidfile: "%s/pid"\n  xfrdfile: "%s/xfrd"\n  zonelistfile: "%s/list"\n' "$dir" "$dir" "$dir"
        printf '  xfrdir: "%s"\n  server-count: 1\n  hide-version: yes\n' "$dir"
        printf 'remote-control:\n  control-enable: no\n'
        while read -r tld; do
            printf 'zone:\n  name: "%s"\n  zonefile: "%s.zone"\n' "$tld" "$tld"
            {
                echo "$tld. 300 IN SOA ns.$tld. root.$tld. 1 300 300 300 300"
                echo "$tld. 300 IN NS ns.$tld."
                echo "ns.$tld. 300 IN A $DNS4"
                grep -E "^[^ ]*\.$tld\. " "$dir/records"
            } >"$dir/$tld.zone"
        done < <(sed -E 's/^[^ ]*\.([a-z]+)\. .*/\1/' "$dir/records" | sort -u)
    } >"$dir/nsd.conf"
    spawn nsd "$I" env LD_LIBRARY_PATH="$PKG/root/usr/lib/x86_64-linux-gnu" \
        "$PKG/root/usr/sbin/nsd" -d -c "$dir/nsd.conf"
    await_line "$LAB_DIR/nsd.log" 'nsd started' || die "nsd: $(cat "$LAB_DIR/nsd.log")"
}

# ---- Postfix -------------------------------------------------------------------------------------

# Runs inside the host's network namespace and a mount namespace of its own: lays the packages over
# the machine's root, adds the users Postfix wants, and starts it there. Nothing outlives it.
mail_root_script() {
    cat <<'END'
set -euo pipefail
pkg=$1 dir=$2
r=$dir/root
mkdir -p "$r"
mount --make-rprivate /
mount -t tmpfs -o mode=755 lab "$r"
mkdir "$r/up" "$r/work" "$r/all"
cp -a "$pkg/usr" "$pkg/etc" "$r/up/"
chmod -R go-w "$r/up"
mount -t overlay -o "lowerdir=/,upperdir=$r/up,workdir=$r/work" lab "$r/all"
mount --rbind /dev "$r/all/dev"
mount -t proc proc "$r/all/proc"
mkdir -p "$r/all$dir"
mount --bind "$dir" "$r/all$dir"
echo "postfix:x:65511:65511::/var/spool/postfix:/usr/sbin/nologin" >>"$r/all/etc/passwd"
printf 'postfix:x:65511:\npostdrop:x:65512:\n' >>"$r/all/etc/group"
rm -f "$r/all/etc/resolv.conf"
cp "$dir/resolv.conf" "$r/all/etc/resolv.conf"
sed -i -E 's/^hosts:.*/hosts: files dns/' "$r/all/etc/nsswitch.conf"
cp "$dir/main.cf" "$r/all/etc/postfix/main.cf"
cp "$dir/master.cf" "$r/all/etc/postfix/master.cf"
mkdir -p "$r/all/var/spool/postfix" "$r/all/var/lib/postfix"
chown 65511:65511 "$r/all/var/lib/postfix"
exec chroot "$r/all" /usr/sbin/postfix start-fg
END
}

mail_config() {
    cat >"$LAB_DIR/main.cf" <<END
compatibility_level = 3.6
myhostname = generator.lab
mydestination =
mynetworks = 127.0.0.0/8 [::1]/128
inet_interfaces = loopback-only
inet_protocols = all
smtp_address_preference = any
alias_maps =
local_recipient_maps =
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_tls_security_level = none
smtp_tls_security_level = none
smtp_connect_timeout = 5s
smtputf8_enable = no
biff = no
maillog_file = $LAB_DIR/maillog
maillog_file_prefixes = $LAB_DIR
END
    {
        sed -nE '/^(maildrop|uucp|ifmail|bsmtp|scalemail|mailman)/,$d; /^#/!p' \
            "$PKG/root/usr/share/postfix/master.cf.dist" |
            sed -E 's/^([a-z]+ +[a-z-]+ +[-ny] +[-ny] +)y/\1n/'
        echo "10025 inet n - n - - smtpd"
    } >"$LAB_DIR/master.cf"
    printf 'nameserver %s\nnameserver %s\noptions timeout:2\n' "$DNS4" "$DNS6" >"$LAB_DIR/resolv.conf"
}

mail_postfix_start() {
    mail_config
    : >"$LAB_DIR/maillog"
    chmod 755 "$LAB_DIR"
    spawn postfix "$H" bash -c "$(mail_root_script)" postfix-root "$PKG/root" "$LAB_DIR"
    await_line "$LAB_DIR/maillog" 'daemon started' 1 20 ||
        die "postfix: $(cat "$LAB_DIR/postfix.log" "$LAB_DIR/maillog")"
}

# Hands MAIL_EACH messages for each domain to the smtpd at PORT, in one session.
mail_inject_script() {
    cat <<'END'
set -euo pipefail
exec 3<>"/dev/tcp/127.0.0.1/$1"
expect() {
    local line
    while read -rt 20 line <&3; do
        [[ $line == "$1"* ]] || { echo "wanted $1, got $line" >&2; exit 1; }
        [[ ${line:3:1} == - ]] || return 0
    done
    echo "no answer to $1" >&2
    exit 1
}
expect 220
printf 'EHLO generator.lab\r\n' >&3
expect 250
n=0
while read -r domain; do
    for ((i = 0; i < $2; i++)); do
        n=$((n + 1))
        printf -v batch '%s\r\n' 'MAIL FROM:<test@generator.lab>' "RCPT TO:<user-$n@$domain>" DATA
        printf %s "$batch" >&3
        expect 250
        expect 250
        expect 354
        printf -v batch '%s\r\n' "Subject: load test $n" '' "message $n" .
        printf %s "$batch" >&3
        expect 250
    done
done
printf 'QUIT\r\n' >&3
echo "$n"
END
}

# mail_inject PORT: prints how many were taken.
mail_inject() {
    mail_world | awk '{print $1}' | in_ns "$H" bash -c "$(mail_inject_script)" inject "$1" "$MAIL_EACH"
}

mail_all() {
    echo $(($(mail_world | wc -l) * MAIL_EACH))
}

# mail_count STATUS: how often Postfix wrote it.
mail_count() {
    grep -c "status=$1" "$LAB_DIR/maillog" || true
}

mail_all_tried() {
    (($(mail_count sent) + $(mail_count bounced) + $(mail_count deferred) >= $(mail_all)))
}

# The relay=HOST[ADDRESS] of each delivery, as the MTA saw it: domain<tab>address<tab>status.
mail_outcome() {
    sed -nE 's/.*to=<[^@]*@([^>]*)>, relay=[^[]*\[([^]]*)\]:25,.*status=([a-z]+).*/\1\t\2\t\3/p' "$LAB_DIR/maillog"
}

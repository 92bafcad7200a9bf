# shellcheck shell=bash
# The zones of the truth table: each row of it as a domain, and each way DNS can fail. Source it after
# lib-dns.sh.

# zones_of_rows: root, test., and below it s (signed), u (unsigned), b (bogus), x (expired), n (NSEC3),
# o (NSEC3 with opt-out), i (NSEC3 with more iterations than are done), k (an algorithm nobody knows), lame.
zones_of_rows() {
    local cert past
    cert=$(printf 'c%.0s' {1..64})
    zone s.test. <<END
row1 MX 10 mx1
mx1 A 192.0.2.1
_25._tcp.mx1 TLSA 3 1 1 $cert
row2 MX 10 mx2
mx2 A 192.0.2.2
_25._tcp.mx2 TLSA 0 0 1 $cert
row3 MX 10 mx3
mx3 A 192.0.2.3
row4 MX 10 mx4
mx4 A 192.0.2.4
_25._tcp.mx4 CNAME tlsa4.u.test.
row5 MX 10 mx5
mx5 A 192.0.2.5
_tcp.mx5 NS ns.lame.test.
row6 MX 10 mx6.u.test.
row7 MX 10 mx7
mx7 CNAME host7.u.test.
_25._tcp.mx7 TLSA 3 1 1 $cert
row8 MX 10 mx8
mx8 CNAME real8
real8 A 192.0.2.8
_25._tcp.real8 TLSA 3 1 1 $cert
row10 A 192.0.2.10
_25._tcp.row10 TLSA 3 1 1 $cert
row13 MX 0 .
row14 MX 10 mx3
_25._tcp.row14 TLSA 3 1 1 $cert
*.wild MX 10 mx1
loop CNAME loop2
loop2 CNAME loop
alias CNAME row1
noaddr MX 10 nothing
both MX 10 mx1
both MX 20 mx3
private MX 10 inside
inside A 10.1.2.3
inside AAAA ::1
sts MX 10 mx3
_mta-sts.sts TXT "v=STSv1; id=20260101" "T00;"
malformed MX 10 mx3
_mta-sts.malformed TXT "v=STSv1; id=not-an-id;"
doubled MX 10 mx3
_mta-sts.doubled TXT "v=STSv1; id=1;"
_mta-sts.doubled TXT "v=STSv1; id=2;"
linked MX 10 mx3
_mta-sts.linked CNAME _mta-sts.sts
other MX 10 mx3
_mta-sts.other TXT "v=spf1 -all"
_smtp._tls.row1 TXT "v=TLSRPTv1; rua=mailto:tls@row1.s.test"
$(for ((i = 10; i < 70; i++)); do printf 'fat MX %d a-rather-long-name-of-a-mail-exchanger-%d.with-more.labels\n' "$i" "$i"; done)
*.with-more.labels A 192.0.2.99
END
    zone u.test. <<END
row9 MX 10 mx1.s.test.
row9b MX 10 mx2.s.test.
row9c MX 10 mx5.s.test.
row11 A 192.0.2.11
mx6 A 192.0.2.6
_25._tcp.mx6 TLSA 3 1 1 $cert
host7 A 192.0.2.7
tlsa4 TLSA 3 1 1 $cert
plain MX 10 mx.plain
mx.plain A 192.0.2.30
END
    for z in b x n o i k; do
        zone $z.test. <<END
d MX 10 mx1.s.test.
signed MX 10 mx
mx A 192.0.2.40
_25._tcp.mx TLSA 3 1 1 $cert
*.wild MX 10 mx1.s.test.
nodata A 192.0.2.42
sub NS ns.test.
END
        zone sub.$z.test. <<END
d MX 10 mx
mx A 192.0.2.41
END
    done
    past=$(date -u -d '-60 days' +%Y%m%d)
    sign s.test.
    sign b.test.
    # Another signature than the one that was made, of the same form.
    awk '$4 == "RRSIG" && $5 == "MX" { $NF = substr($NF, 1, length($NF) - 8) "AAAAAA==" } { print }' \
        "$DNS/zones/b.test.zone" >"$DNS/zones/b.new"
    mv "$DNS/zones/b.new" "$DNS/zones/b.test.zone"
    sign x.test. -i "$past" -e "$(date -u -d '-30 days' +%Y%m%d)"
    sign n.test. -n -t 5 -s abcd
    sign o.test. -n -p
    sign i.test. -n -t 151 -s abcd
    sign k.test.
    zone test. <<END
ns A 127.0.0.2
$(for z in s b x n o i; do printf '%s NS ns.test.\n' $z && ds_of $z.test.; done)
k NS ns.test.
k DS 4711 200 2 $cert
u NS ns.test.
lame NS ns.lame
ns.lame A 127.0.0.9
${STS_ZONE:-}
END
    sign test. -n
    zone . <<END
test. NS ns.test.
$(ds_of test.)
ns.test. A 127.0.0.2
END
    sign .
}

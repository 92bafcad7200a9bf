#!/usr/bin/env bash
# CPU time of a sink, on the loopback of a namespace of its own: for a message, kumo-sink against
# Postfix's smtp-sink, from the same generator, in turn; the same for connections to other addresses
# that `up` redirects to either, with what smtp-sink behind the documented line and a sink that only says
# replies cost; kumo-sink with a policy against itself without; and for a full TLS handshake,
# against openssl s_server; and the memory of idle connections. Prints rows as run.sh does; exits 1
# when a goal is missed. Sink and generator share a processor: waking another one costs
# more than a message does where it takes an interrupt through a hypervisor, differs twofold from run to
# run, and says nothing of either sink.
# usage: tests/bench/sink.sh [plain|redirected|policy|tls|memory]...
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib.sh
. "$HERE/../lib.sh"
# shellcheck source=tests/bench/lib-bench.sh
. "$HERE/lib-bench.sh"
# shellcheck source=tests/pkg.sh
. "$HERE/../pkg.sh"
MESSAGES=${MESSAGES:-20000} HANDSHAKES=${HANDSHAKES:-1000} ROUNDS=${ROUNDS:-5} MISSED=0

((EUID == 0)) || die "network namespaces need root"
if [[ -z ${KR_BENCH_INSIDE:-} ]]; then
    pkg_need postfix || { echo "# no Postfix to compare with" >&2; exit 0; }
    KR_BENCH_INSIDE=1 exec unshare -n "$HERE/sink.sh" "$@"
fi
PARTS=("$@")
(($#)) || PARTS=(plain redirected policy tls memory)
ip link set lo up
sysctl -qw net.ipv4.ip_local_port_range="10000 65000"
DIR=$(mktemp -d)
chmod 755 "$DIR"
PID=
UP=
clean() {
    [[ -z $PID ]] || kill "$PID" 2>/dev/null || true
    [[ -z $UP ]] || "$KR" -q down || true
    rm -rf "$DIR"
}
trap clean EXIT
mkdir -p "$DIR/postfix"
: >"$DIR/postfix/main.cf"
pkg_run "$DIR"
# What a policy does for each message: dice, limits and rules that are looked at. It accepts nearly
# everything, as what it is compared with does: a refused recipient's message is never sent.
cat >"$DIR/policy.toml" <<'END'
[provider.p]
domains = "d.example"
bounce = 0.01
defer = 0.01
rate = 1000000
burst = 1000000
connections = 1000
END
for ((i = 0; i < 10; i++)); do
    printf '[[rule]]\ndomain = "%d.example"\nlocal = "x*"\ncode = 550\n' "$i" >>"$DIR/policy.toml"
done

# Nanoseconds on the CPU of a process and its children (proc(5), schedstat).
cpu_ns() {
    local sum=0 ns pid
    # shellcheck disable=SC2013
    for pid in "$1" $(cat "/proc/$1/task/$1/children"); do
        read -r ns _ <"/proc/$pid/schedstat"
        sum=$((sum + ns))
    done
    echo "$sum"
}
listens() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# spent COUNT COMMAND...: tenths of a microsecond of the CPU for each of so many, by the process PID.
spent() {
    local n=$1 before
    shift
    before=$(cpu_ns "$PID")
    timeout 300 "$@" >"$DIR/sent" || die "the generator failed"
    echo $((($(cpu_ns "$PID") - before) / (n * 100)))
}
await_port() { wait_for 10 listens "$1" || die "nobody listens on port $1"; }
end() {
    kill "$PID"
    wait "$PID" 2>/dev/null || true
    PID=
}

start_ours() { # OPTIONS OF THE SINK...
    "$KR_SINK" -q -w 1 -l 127.0.0.1:2026 "$@" &
    PID=$!
    await_port 2026
}
start_theirs() { # ADDRESS:PORT
    # exec in PKG_RUN: the process is smtp-sink itself, which has no children.
    "${PKG_RUN[@]}" /usr/sbin/smtp-sink -u nobody "$1" 256 &
    PID=$!
    await_port "${1#*:}"
}
ours() { # FILE MODE BYTES MESSAGES [OPTIONS OF THE SINK...]
    local to=$1 mode=$2 bytes=$3 n=$4
    shift 4
    start_ours "$@"
    spent "$n" "$TOOLS/smtpload" 2026 "$mode" "$bytes" "$n" >>"$DIR/$to"
    end
}
theirs() { # FILE MODE BYTES MESSAGES
    start_theirs 127.0.0.1:2027
    spent "$4" "$TOOLS/smtpload" 2027 "$2" "$3" "$4" >>"$DIR/$1"
    end
}
# Of several rounds: what else the machine does only adds.
least() { sort -n | awk 'NR == 1 { printf "%.1f", $1 / 10 }'; }

# judged RATIO GOAL: whether it is at most the goal; -: there is none.
judged() { [[ $2 == - ]] && echo - || awk -v r="$1" -v g="$2" 'BEGIN { print((r > 0 && r <= g) ? "ok" : "missed") }'; }
# told NAME A B RATIO GOAL: a row, of microseconds.
told() { row "$1" "$2 us" "$3 us" "$4" "${5/#[0-9]/<= &}" "$(judged "$4" "$5")"; }
# by_least NAME A B GOAL: the least of two files, and their ratio.
by_least() {
    local a b
    a=$(least <"$DIR/$2") b=$(least <"$DIR/$3")
    told "$1" "$a" "$b" "$(awk -v a="$a" -v b="$b" 'BEGIN { printf "%.2f", b ? a / b : 0 }')" "$4"
}

# 10 times cheaper is 0.10.
bench_plain() {
    local name mode bytes n goal i
    while read -r name mode bytes n goal; do
        for ((i = 0; i < ROUNDS; i++)); do
            ours "ours.$name" "$mode" "$bytes" "$n" </dev/null
            theirs "theirs.$name" "$mode" "$bytes" "$n" </dev/null
        done
        by_least "sink CPU: ${name//_/ }" "ours.$name" "theirs.$name" "$goal"
    done <<END
1_KB,_a_command_after_the_other plain 1024 $MESSAGES 0.59
1_KB,_pipelined pipelined 1024 $MESSAGES 0.56
100_KB,_pipelined pipelined 102400 $((MESSAGES / 10)) 0.10
1_KB,_one_a_connection alone 1024 $((MESSAGES / 4)) 0.71
END
}

# ---- redirected: to documentation addresses, in turn ---------------------------------------------

ABROAD=203.0.113.0/24:25
# through_up FILE MODE BYTES MESSAGES: what runs at port 2027, then ends; at as many addresses as the
# built-in sink has.
through_up() {
    "$KR" -q up --sink 127.1.0.1-127.1.0.254:2027
    UP=1
    spent "$4" "$TOOLS/smtpload" "$ABROAD" "$2" "$3" "$4" >>"$DIR/$1"
    "$KR" -q down
    UP=
    end
}
# A worker of ours against their one process, by the same rules.
redirected() {
    start_ours -l 0.0.0.0:2027
    through_up "$@"
}
theirs_redirected() {
    start_theirs 0.0.0.0:2027
    through_up "$@"
}
# What only accepts, answers and closes: below its figure no sink can come.
floor() {
    "$TOOLS/smtpfloor" 2027 &
    PID=$!
    await_port 2027
    through_up "$@"
}
by_the_line() {
    start_theirs 127.0.0.1:2026
    iptables -t nat -A OUTPUT -p tcp ! -d 192.168.1.0/24 --dport 25 -j DNAT --to-destination 127.0.0.1:2026
    spent "$4" "$TOOLS/smtpload" "$ABROAD" "$2" "$3" "$4" >>"$DIR/$1"
    iptables -t nat -F
    end
}

# paired NAME A B GOAL: the medians of two files, and paired_ratio.
paired() {
    local a b
    a=$(median <"$DIR/$2") b=$(median <"$DIR/$3")
    told "$1" "$((a / 10)).$((a % 10))" "$((b / 10)).$((b % 10))" "$(paired_ratio "$DIR/$2" "$DIR/$3")" "$4"
}

# Both sinks by the kernel objects of `up`: what differs is the sink.
bench_redirected() {
    local name mode bytes n goal i
    ip link add up0 type veth peer name in0
    ip link set in0 up
    ip link set up0 up
    ip addr add 192.0.2.2/24 dev up0
    ip route add default via 192.0.2.1
    while read -r name mode bytes n goal; do
        for ((i = 0; i < ROUNDS; i++)); do
            redirected "up.$name" "$mode" "$bytes" "$n" </dev/null
            theirs_redirected "same.$name" "$mode" "$bytes" "$n" </dev/null
            by_the_line "line.$name" "$mode" "$bytes" "$n" </dev/null
            [[ $mode != alone ]] || floor floor "$mode" "$bytes" "$n" </dev/null
        done
        paired "sink CPU: redirected, ${name//_/ }" "up.$name" "same.$name" "$goal"
        paired "  against smtp-sink behind the documented line" "up.$name" "line.$name" -
    done <<END
1_KB,_pipelined pipelined 1024 $MESSAGES 0.56
100_KB,_pipelined pipelined 102400 $((MESSAGES / 10)) 0.10
1_KB,_one_a_connection alone 1024 $((MESSAGES / 8)) 0.71
END
    paired "  a sink that only says replies, the same way" floor "same.1_KB,_one_a_connection" -
    ip link del up0
}

bench_policy() {
    local i
    for ((i = 0; i < ROUNDS; i++)); do
        ours without pipelined 1024 $((2 * MESSAGES))
        ours with pipelined 1024 $((2 * MESSAGES)) --policy "$DIR/policy.toml"
        ours providers pipelined 1024 $((2 * MESSAGES)) --policy "$TESTS/../rules/sink-providers.toml"
    done
    by_least "sink CPU: a policy that accepts, against none" with without 1.10
    by_least "sink CPU: the default providers, against none" providers without 1.10
}

# ---- TLS: full handshakes, P-256, the certificate made before ------------------------------------

handshakes() { # FILE PORT HOW
    "$TOOLS/tlsload" "$2" "$3" 10 mx.lab.example >/dev/null
    spent "$HANDSHAKES" "$TOOLS/tlsload" "$2" "$3" "$HANDSHAKES" mx.lab.example >>"$DIR/$1"
    end
}
bench_tls() {
    local i
    mkfifo "$DIR/silence"
    exec 5<>"$DIR/silence" # s_server ends when its input does
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$DIR/key" -out "$DIR/cert" \
        -subj /CN=mx.lab.example -days 3 2>/dev/null
    for ((i = 0; i < ROUNDS; i++)); do
        start_ours --tls lab-ca --ca-dir "$DIR/ca"
        handshakes ours.tls 2026 starttls
        openssl s_server -accept 127.0.0.1:2028 -cert "$DIR/cert" -key "$DIR/key" -quiet <&5 >/dev/null 2>&1 &
        PID=$!
        await_port 2028
        handshakes theirs.tls 2028 direct
    done
    by_least "sink CPU: TLS handshake after SMTP, s_server's" ours.tls theirs.tls 1.30
}

# kB of all processes of the sink that PID is; what they share is counted once (proc(5), Pss).
sink_kb() {
    # shellcheck disable=SC2046
    cat "/proc/$PID/smaps_rollup" $(sed 's|[0-9]*|/proc/&/smaps_rollup|g; s|/proc//smaps_rollup||g' \
        "/proc/$PID/task/$PID/children") | awk '$1 == "Pss:" { sum += $2 } END { print sum }'
}
said_something() { [[ -s $DIR/held ]]; }

# As many workers as the limit of open files asks for; each client process has an address of its own.
bench_memory() {
    local n=100000 goal=60 before kb greeted failed ms holder workers
    workers=$((n / ($(ulimit -Hn) * 3 / 4) + 1))
    sysctl -qw net.core.somaxconn=65535
    "$KR_SINK" -q -w "$workers" -l 127.0.0.1:2026 &
    PID=$!
    await_port 2026
    before=$(sink_kb)
    mkfifo "$DIR/hold"
    "$TOOLS/hold" 2026 "$n" <"$DIR/hold" >"$DIR/held" &
    holder=$!
    exec 7>"$DIR/hold"
    wait_for 100 said_something || die "the connections were not made"
    read -r greeted failed ms <"$DIR/held"
    kb=$(sink_kb)
    exec 7>&-
    wait "$holder"
    end
    echo "# $greeted connections in $ms ms, $failed failed; $workers workers, $((before / 1000)) MB before"
    row "sink memory: $n idle connections" "$((kb / 1000)).$((kb % 1000 / 100)) MB" - "$((kb * 1000 / n)) B each" "< $goal MB" \
        "$( ((greeted == n && kb < goal * 1000)) && echo ok || echo missed)"
}

CPUS=$(awk '$1 == "Cpus_allowed_list:" { print $2 }' /proc/self/status)
for part in "${PARTS[@]}"; do
    taskset -cp "$([[ $part == memory ]] && echo "$CPUS" || echo "${CPUS%%[,-]*}")" $$ >/dev/null
    "bench_$part"
done
exit "$MISSED"

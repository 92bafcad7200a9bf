# shellcheck shell=bash
# Real programs that change rules, as they come from Debian, for rows of the matrix. Each runs in the
# host's namespace and in a mount namespace: /usr and /etc with its packages laid over, /run, /var/log
# and what it writes to /etc of its own. It can load no kernel module. Source it after tests/net/attack.sh.

# shellcheck source=tests/pkg.sh
. "$TESTS/pkg.sh"

# For `possible`: prints why the packages can't be had.
tamper_need() { pkg_need "$@" 2>&1 || return 1; }

# tamper_etc PACKAGE...: the packages' files in /etc, as a folder of this lab: TAMPER_ETC.
tamper_etc() {
    local name
    TAMPER_ETC=$LAB_DIR/tamper-etc
    rm -rf "$TAMPER_ETC" "$LAB_DIR/tamper-etc.new"
    mkdir -p "$TAMPER_ETC" "$LAB_DIR/tamper-etc.new"
    for name; do
        dpkg-deb -x "$(compgen -G "$PKG/fetched/${name}_*.deb" | head -n 1)" "$LAB_DIR/tamper-etc.new" || return 1
        cp -a "$LAB_DIR/tamper-etc.new/etc/." "$TAMPER_ETC/"
    done
    rm -rf "$LAB_DIR/tamper-etc.new"
}

# tamper_shell: a shell there, that does what `tamper WORDS` says. Its output is in tamper.log.
tamper_shell() {
    pkg_run "$TAMPER_ETC"
    rm -f "$LAB_DIR"/tamper.{in,done}
    mkfifo "$LAB_DIR"/tamper.{in,done}
    exec {TAMPER_IN}<>"$LAB_DIR/tamper.in" {TAMPER_DONE}<>"$LAB_DIR/tamper.done"
    # shellcheck disable=SC2016
    spawn tamper "$H" "${PKG_RUN[@]}" setpriv --bounding-set=-sys_module bash -c '
        umount /etc && mount -t tmpfs run /run && mount -t tmpfs log /var/log && mkdir /run/new /run/work &&
        mount -t overlay -o "lowerdir=$1:/etc,upperdir=/run/new,workdir=/run/work" etc /etc || exit 126
        while read -r words; do eval "$words" </dev/null; echo $? >&"$2"; done' tamper "$TAMPER_ETC" "$TAMPER_DONE" \
        <&"$TAMPER_IN"
    tamper :
}

# tamper WORDS: 1 when they fail, or take more than 20 s. Waits without polling: ufw runs a hundred programs.
tamper() {
    local status
    echo "$*" >&"$TAMPER_IN"
    read -r -t 20 status <&"$TAMPER_DONE" && ((status == 0))
}

tamper_gone() {
    [[ -n ${TAMPER_IN:-} ]] || return 0
    exec {TAMPER_IN}>&- {TAMPER_DONE}>&-
    TAMPER_IN=
}

# tamper_sshuttle METHOD: sshuttle with a proxy that reaches the real exchanger.
tamper_sshuttle() {
    mkdir -p "$LAB_DIR/no-etc"
    pkg_run "$LAB_DIR/no-etc"
    spawn sshuttle "$H" "${PKG_RUN[@]}" "$TESTS/net/sshuttle.py" "$1" "$MX4B" 2526
    await_line "$LAB_DIR/sshuttle.log" '^ready' 1 20
}

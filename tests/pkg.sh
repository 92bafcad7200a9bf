# shellcheck shell=bash
# Daemons that a test talks to, without installing them: Debian's packages are fetched once and
# unpacked into $BUILD/pkg, and a test runs them in a mount namespace where /usr and /etc are the
# machine's with those laid over. Nothing is configured, registered or started on the machine.
# Source it after tests/lib.sh.

PKG=$(realpath -m "$BUILD")/pkg
PKG_ROOT=$PKG/overlay

# What the suites ask for, and libraries that a machine may lack. Starting apt-get takes longer than
# what it fetches, so all of it comes at once; what is missing then is fetched by itself.
PKG_ALL=(exim4-daemon-light firewalld libev4 libfstrm0 libgsasl18 libgssglue1 libidn12 libjemalloc2 libntlm0
    libprotobuf-c1 libsecret-1-0 libsecret-common msmtp nghttp2-server nsd opensmtpd postfix
    postfix-mta-sts-resolver python3-aiodns python3-aiohttp python3-aioredis python3-aiosignal python3-aiosqlite
    python3-async-timeout python3-attr python3-charset-normalizer python3-dbus python3-firewall python3-frozenlist
    python3-gi python3-idna python3-multidict python3-nftables python3-pycares python3-yaml python3-yarl sshuttle
    ufw unbound)
pkg_fetch_all() {
    [[ ! -e $PKG/asked ]] || return 0
    : >"$PKG/asked"
    (cd "$PKG/fetched" && timeout 120 apt-get -qq -o APT::Sandbox::User=root -o Acquire::Retries=3 download \
        "${PKG_ALL[@]}" >>"$PKG/log" 2>&1) || true
}

# pkg_need PACKAGE...: unpacked, with the libraries they need that this machine lacks; 1: not to be had.
pkg_need() {
    local name
    mkdir -p "$PKG/fetched" "$PKG_ROOT/usr/lib" "$PKG_ROOT.done"
    exec {PKG_LOCK}>"$PKG/lock"
    flock -w 300 "$PKG_LOCK" || return 1
    pkg_fetch_all
    for name; do
        pkg_unpack "$name" || { exec {PKG_LOCK}>&-; return 1; }
    done
    exec {PKG_LOCK}>&-
}

pkg_unpack() {
    local name=$1 deb library
    [[ ! -e $PKG_ROOT.done/$name ]] || return 0
    deb=$(pkg_fetch "$name") || return 1
    while read -r library; do
        pkg_installed "$library" || pkg_unpack "$library" || return 1
    done < <(pkg_libraries "$deb")
    dpkg-deb -x "$deb" "$PKG/new-$name"
    # /lib is a link to /usr/lib everywhere by now, but not in every package. Destinations are removed,
    # since sendmail of one mail server is a link to another's own program.
    [[ ! -d $PKG/new-$name/lib ]] || cp -a --remove-destination "$PKG/new-$name/lib/." "$PKG_ROOT/usr/lib/"
    [[ ! -d $PKG/new-$name/usr ]] || cp -a --remove-destination "$PKG/new-$name/usr/." "$PKG_ROOT/usr/"
    rm -rf "$PKG/new-$name"
    : >"$PKG_ROOT.done/$name"
}

pkg_installed() {
    [[ " $(dpkg-query -W -f '${db:Status-Status} ' "$1" 2>/dev/null)" == *" installed "* ]] # nor not-installed
}

# The libraries among the dependencies, without versions; of alternatives the first.
pkg_libraries() {
    dpkg-deb -f "$1" Pre-Depends Depends | sed 's/^[A-Z][A-Za-z-]*://' | tr ',' '\n' |
        sed -E 's/[|(:].*//; s/[[:space:]]//g' | grep -E '^lib' | sort -u
}

# Prints the file. The mirror may fail once, and the package lists may be missing or too old.
pkg_fetch() {
    local name=$1 try deb
    for try in 1 2 3 4; do
        deb=$(compgen -G "$PKG/fetched/${name}_*.deb" | head -n 1) || true
        if [[ -n $deb ]] && dpkg-deb -I "$deb" >/dev/null 2>&1; then
            echo "$deb"
            return 0
        fi
        rm -f "$PKG/fetched/${name}"_*.deb
        ((try < 3)) || apt-get -qq -o DPkg::Lock::Timeout=60 update >>"$PKG/log" 2>&1 || true
        (cd "$PKG/fetched" && timeout 120 apt-get -qq -o APT::Sandbox::User=root -o Acquire::Retries=3 \
            download "$name" >>"$PKG/log" 2>&1) || sleep "$try" # bounded: 10 s in all
    done
    deb=$(compgen -G "$PKG/fetched/${name}_*.deb" | head -n 1) || true
    [[ -n $deb ]] && echo "$deb" && return 0
    echo "# the package $name could not be fetched: $(tail -n 1 "$PKG/log")" >&2
    return 1
}

# pkg_run ETC: sets PKG_RUN, the words to put before a command so that it sees the unpacked packages,
# and the files of the folder ETC instead of those in /etc. The machine's own files stay untouched.
pkg_run() {
    # shellcheck disable=SC2016,SC2034
    PKG_RUN=(unshare --mount --propagation private bash -c '
        mount -t overlay -o "ro,lowerdir=$1/usr:/usr" kr-usr /usr &&
        mount -t overlay -o "ro,lowerdir=$2:/etc" kr-etc /etc || exit 126
        shift 2
        exec "$@"' pkg "$PKG_ROOT" "$1")
}

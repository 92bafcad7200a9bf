# shellcheck shell=bash
# A CA of our own and certificates of it, good and bad. Source it after tests/lib.sh.

# certs_init FOLDER: CERTS, with ca.pem in it.
certs_init() {
    CERTS=$1
    mkdir -p "$CERTS/ca"
    : >"$CERTS/ca/index"
    cat >"$CERTS/ca.conf" <<END
[ca]
default_ca = lab
[lab]
database = $CERTS/ca/index
new_certs_dir = $CERTS/ca
certificate = $CERTS/ca.pem
private_key = $CERTS/ca.key
default_md = sha256
rand_serial = yes
unique_subject = no
policy = any
copy_extensions = copy
[any]
commonName = supplied
END
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=Lab CA' -days 30 \
        -keyout "$CERTS/ca.key" -out "$CERTS/ca.pem" 2>/dev/null
}

# request FILE CN [NAME...]: FILE.key and FILE.csr.
request() {
    local file=$1 cn=$2 names
    shift 2
    names=$(printf ',DNS:%s' "$@")
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$cn" -keyout "$CERTS/$file.key" \
        ${1:+-addext "subjectAltName=${names#,}"} -out "$CERTS/$file.csr" 2>/dev/null
}

# cert FILE FROM TO CN [NAME...]: FILE.pem, key and certificate, valid from day FROM to TO from today.
cert() {
    local file=$1 from=$2 to=$3
    shift 3
    request "$file" "$@"
    openssl ca -batch -notext -config "$CERTS/ca.conf" -startdate "$(date -u -d "$from days" +%Y%m%d%H%M%SZ)" \
        -enddate "$(date -u -d "$to days" +%Y%m%d%H%M%SZ)" -in "$CERTS/$file.csr" -out "$CERTS/$file.crt" 2>/dev/null
    cat "$CERTS/$file.key" "$CERTS/$file.crt" >"$CERTS/$file.pem"
}

# own_cert FILE CN NAME...: signed by itself.
own_cert() {
    local file=$1
    request "$@"
    openssl x509 -req -in "$CERTS/$file.csr" -signkey "$CERTS/$file.key" -copy_extensions copy -days 30 \
        -out "$CERTS/$file.crt" 2>/dev/null
    cat "$CERTS/$file.key" "$CERTS/$file.crt" >"$CERTS/$file.pem"
}

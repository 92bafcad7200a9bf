#!/bin/bash
# Manual pages render without a warning; they and the completions name every option of --help and
# every command, and no option that is not there; the completions are understood by their shells.
. "$(dirname "$0")/lib.sh"
need groff bash zsh fish make
make -s -j"$JOBS" BUILD="$BUILD" CC=gcc all
BAD=0

wrong() {
    echo "$*"
    BAD=1
}

# Options of a help text, long and short, one a line.
help_options() {
    sed -nE 's/^ +(-[a-zA-Z]), (--[a-z0-9-]+).*/\1\n\2/p; s/^ +(--[a-z0-9-]+).*/\1/p' | sort -u
}

# In a manual page they are words after Fl, with the hyphens escaped.
man_options() {
    sed -n 's/\\-/-/g; s/^\.\(It\|Op\) //p' "$1" | grep -oE '\bFl -?[A-Za-z0-9-]+' |
        sed -E 's/^Fl (.*)$/-\1/' | grep -xE -- '-[a-zA-Z]|--[a-z0-9-]+' | sort -u
}

# The options fish knows are written as "-s x" and "-l word".
named_in() {
    case $1 in
    *.fish) grep '^complete' "$1" | grep -oE -- ' -(l [a-z0-9-]+|s [a-zA-Z])' | sed 's/^ -l /--/; s/^ -s /-/' ;;
    *.8) man_options "$1" ;;
    *) grep -oE -- "(^|[^a-zA-Z-])(--[a-z][a-z0-9-]+|-[a-zA-Z])\b" "$1" |
        grep -oE -- '--?[a-zA-Z0-9][a-z0-9-]*' ;;
    esac | sort -u
}

for page in contrib/man/*.8; do
    said=$(groff -ww -z -mandoc -Tutf8 "$page" 2>&1)
    [[ -z $said ]] || wrong "$page: $said"
done
for f in contrib/completion/bash/*; do bash -n "$f" || BAD=1; done
for f in contrib/completion/zsh/*; do zsh -n "$f" || BAD=1; done
for f in contrib/completion/fish/*; do fish -n "$f" || BAD=1; done

declare -A COMMANDS=([kumo-redirect]=$("$BUILD/kumo-redirect" --help | sed -nE 's/^  ([a-z]+) +.*/\1/p' |
    grep -vx sudo) [kumo-sink]='' [kumo-gen]='')
for program in kumo-redirect kumo-sink kumo-gen; do
    options=$(
        for command in '' ${COMMANDS[$program]}; do
            # shellcheck disable=SC2086
            "$BUILD/$program" $command --help
        done | help_options
    )
    [[ $options == *--help* ]] || wrong "$program --help shows no options"
    for f in "contrib/man/$program.8" "contrib/completion/bash/$program" \
        "contrib/completion/zsh/_$program" "contrib/completion/fish/$program.fish"; do
        missing=$(comm -23 <(echo "$options") <(named_in "$f") | tr '\n' ' ')
        [[ -z $missing ]] || wrong "$f: does not name $missing"
        case $f in *bash*) continue ;; esac # its own words begin with hyphens too
        extra=$(comm -13 <(echo "$options") <(named_in "$f") | grep -- '^--' | tr '\n' ' ' || true)
        [[ -z $extra ]] || wrong "$f: names what $program does not have: $extra"
        for command in ${COMMANDS[$program]}; do
            grep -qwF "$command" "$f" || wrong "$f: does not name the command $command"
        done
    done
done
exit "$BAD"

# shellcheck shell=bash
# Debian's own programs come first: what they need is there (contrib/deps.sh), and a wrapper around
# python3 elsewhere in the caller's PATH may take longer than the test.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH

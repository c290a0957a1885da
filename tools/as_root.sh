#!/bin/sh
# as_root.sh COMMAND...: runs it as root: directly, or by a sudo that asks no password. Exit 127 where neither is there.
# Without a command: exit 0 where root is to be had on a Debian-like system, else 127.
set -eu
command -v apt-get >/dev/null 2>&1 || exit 127
if [ "$(id -u)" = 0 ]; then
    become=
elif sudo -n true 2>/dev/null; then
    become="sudo -n"
else
    exit 127
fi
[ $# = 0 ] || $become "$@"

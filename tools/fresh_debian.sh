#!/bin/sh
# fresh_debian.sh FOLDER: README's installation and every recipe of docs/operations.md, from the first line to the last,
# in a Debian 12 that has nothing yet. As root; needs debootstrap (apt-get install debootstrap).
#
# FOLDER gets the Debian (300 MB; kept for the next run, which begins with a copy of it). This machine's way to packages
# goes along: apt's sources, pip's settings, certificates, and the folders named in BIND. systemd does not run in a
# chroot: its lines are left out, and mda serve is started by hand.
set -eu
folder=$1 here=$(cd "$(dirname "$0")/.." && pwd)

if [ "${2:-}" != inside ]; then
    mkdir -p "$folder"
    [ -e "$folder/base/etc/debian_version" ] || debootstrap --variant=minbase bookworm "$folder/base"
    # In a mount namespace of its own: nothing stays mounted, however this ends.
    exec unshare --mount sh "$0" "$folder" inside
fi

root=$folder/root
rm -rf --one-file-system "$root"
cp -a "$folder/base" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
for path in /etc/ssl/certs /usr/share/ca-certificates /usr/local/share/ca-certificates ${BIND:-}; do
    if [ -d "$path" ]; then
        mkdir -p "$root$path"
        mount --bind "$path" "$root$path"
    fi
done
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
cp -a /etc/apt/. "$root/etc/apt/"
for path in /etc/pip.conf /etc/xdg/pip; do
    if [ -e "$path" ]; then
        mkdir -p "$root$(dirname $path)"
        cp -a "$path" "$root$path"
    fi
done
mkdir "$root/mda"
git -C "$here" archive HEAD | tar -x -C "$root/mda"

# The indented lines of a text on standard input but systemd's and what README says of a running one.
lines() { sed -n 's/^    //p' | grep -v -e '^systemctl ' -e '^make demo' -e '^make test'; }

section() { sed -n "/^## $2/,/^## /p" "$1" | sed '$d'; }

{
    echo 'set -ex'
    section "$here/README.md" 'Behind your Postfix' | sed '/^Then the lines/,$d' | lines
} >"$root/mda/install.sh"

{
    echo 'set -ex; cd /tmp'
    echo 'say() { { set +x; } 2>/dev/null; echo "== $1"; set -x; }'
    section "$here/docs/operations.md" 'Recipes' | sed -n 's/^### \(.*\)/    say "\1"/; /^    /p' | lines |
        sed '/^mda init$/d; /^mda domain add /d  # README has done it
             s|^mda restore /backup/mda$|true|; /^say "The database dies"/a kill "$SERVING"; wait "$SERVING"'
} >"$root/mda/recipes.sh"

cat >"$root/mda/all.sh" <<'END'
set -eux
export DEBIAN_FRONTEND=noninteractive HOME=/root
apt-get -q update
apt-get -q install -y --no-install-recommends \
    python3 python3-venv python3-dev gcc make git libc6-dev postfix
cd /mda
. ./install.sh
runuser -u mda -- mda domain list
install -d -o mda -g mda /backup /srv # the recipes move what lies there, which is root's work else
runuser -u mda -- env PATH="$PATH" sh -c '
    mda serve & SERVING=$!
    trap "kill $SERVING 2>/dev/null || :" EXIT
    . /mda/recipes.sh'
END
chroot "$root" sh /mda/all.sh
echo "fresh Debian $(cat "$root/etc/debian_version"): every line done"

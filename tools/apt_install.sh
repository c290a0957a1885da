#!/bin/sh
# apt_install.sh PACKAGE...: installs Debian's packages; apt's hundreds of lines are shown only where it fails.
# Exit 127 where root is not to be had, or this is not Debian-like (as_root.sh).
set -eu
here=$(dirname "$0")
sh "$here/as_root.sh" || exit 127

said=$(mktemp)
trap 'rm -f "$said"' EXIT
echo "installing Debian's packages: $*"
# An update that fails for some other repository of the machine is no reason to stop: the installation tells.
sh "$here/as_root.sh" apt-get update -qq >"$said" 2>&1 || true
sh "$here/as_root.sh" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 \
    install -y -qq --no-install-recommends "$@" >>"$said" 2>&1 </dev/null || {
    cat "$said" >&2
    exit 1
}

#!/bin/sh
# build.sh OUTPUT [CC [FLAG...]] - compiles mda-pipe.
#
# Static where the platform allows: pipe(8) starts the program once per delivery, and a static one needs no dynamic
# linker, no library search and no shared library that an upgrade could replace half way. Falls back link style by
# link style, and says which one it took. CC defaults to cc; further words are flags (say -fsanitize=address).
set -eu

output=${1:?usage: build.sh OUTPUT [CC [FLAG...]]}
shift
[ $# -gt 0 ] || set -- cc
source=$(dirname "$0")
log=$output.log

flags="-std=c11 -O2 -Wall -Wextra -D_GNU_SOURCE -fstack-protector-strong"
case " $* " in
*" -fsanitize="* | *" -U_FORTIFY_SOURCE "*) ;; # the sanitisers see more without the fortified functions
*) flags="$flags -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2" ;;
esac
relro="-Wl,-z,relro -Wl,-z,now"

# $flags and $style are lists of words on purpose.
try() {
    style=$1
    shift
    # shellcheck disable=SC2086
    "$@" $flags $style -o "$output" "$source"/*.c >"$log" 2>&1
}

for style in "-fPIE -static-pie $relro" "-static $relro" "-fPIE -pie $relro" "$relro" ""; do
    if try "$style" "$@"; then
        cat "$log"
        rm -f "$log"
        echo "mda-pipe: linked with: ${style:-no further flags}"
        exit 0
    fi
done
cat "$log" >&2
rm -f "$log"
echo "mda-pipe: $1 could not compile it; install a C compiler (Debian: apt-get install build-essential)" >&2
exit 1

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
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT

flags="-std=c11 -O2 -Wall -Wextra -D_GNU_SOURCE -fstack-protector-strong -fPIE"
case " $* " in
*" -fsanitize="*) ;; # the sanitisers see more without the fortified functions
*) flags="$flags -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2" ;;
esac

for file in "$source"/*.c; do
    # shellcheck disable=SC2086 # a list of words
    if ! "$@" $flags -c -o "$objects/$(basename "$file" .c).o" "$file"; then
        echo "mda-pipe: $1 could not compile it; a C11 compiler is needed (Debian: apt-get install build-essential)" >&2
        exit 1
    fi
done

relro="-Wl,-z,relro -Wl,-z,now"
for style in "-static-pie $relro" "-static $relro" "-pie $relro" ""; do
    # shellcheck disable=SC2086
    if "$@" $flags $style -o "$output" "$objects"/*.o >"$objects/log" 2>&1; then
        echo "mda-pipe: linked with: ${style:-no further flags}"
        exit 0
    fi
done
cat "$objects/log" >&2
echo "mda-pipe: $1 could not link it in any style" >&2
exit 1

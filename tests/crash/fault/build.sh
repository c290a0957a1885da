#!/bin/sh
# build.sh OUTPUT - compiles the fault library, which LD_PRELOAD names.
set -eu

exec "${CC:-cc}" -std=gnu11 -O2 -Wall -Wextra -Werror -fPIC -fvisibility=hidden -shared -o "$1" "$(dirname "$0")"/*.c -ldl

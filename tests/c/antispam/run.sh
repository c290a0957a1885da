#!/bin/sh
# Compiles and runs the antispam core's C tests under AddressSanitizer and UndefinedBehaviorSanitizer.
# Usage: run.sh FOLDER, which takes the objects and programs; needs a C compiler ($CC, default cc). Exits 0 only if
# all pass.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
mkdir -p "$1"
cd "$1"
compile="${CC:-cc} -std=c11 -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all"
for folder in antispam mime; do
    mkdir -p "$folder"
    (cd "$folder" && $compile -c "$root/csrc/$folder"/*.c)
done
for test in normal features scoring personal campaign; do
    $compile -o "test_$test" "$here/test_$test.c" antispam/*.o mime/*.o -lm
    "./test_$test"
done

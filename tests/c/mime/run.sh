#!/bin/sh
# Compiles and runs the parser's C tests on the sample mails, under AddressSanitizer and UndefinedBehaviorSanitizer.
# Usage: run.sh FOLDER, which takes the objects and programs; needs a C compiler ($CC, default cc). Exits 0 only if
# all pass.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
mkdir -p "$1"
cd "$1"
compile="${CC:-cc} -std=c11 -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all"
$compile -c "$root"/csrc/mime/*.c
for test in vector prefixes memory mutations; do
    $compile -I"$root/csrc/mime" -o "test_$test" "$here/test_$test.c" "$here/message.c" ./*.o \
        -Wl,--wrap=realloc -Wl,--wrap=calloc
    "./test_$test" "$root"/tests/samples/*.eml
done

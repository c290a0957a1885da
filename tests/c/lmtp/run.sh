#!/bin/sh
# Compiles and runs the C tests of the LMTP front under AddressSanitizer and UndefinedBehaviorSanitizer, and its thread's
# under ThreadSanitizer too. Usage: run.sh FOLDER, which takes the objects and programs; needs a C compiler ($CC, default
# cc). Exits 0 only if all pass.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
sources="$root/csrc/lmtp"
mkdir -p "$1"
cd "$1"
compile="${CC:-cc} -std=c11 -O1 -g -Wall -Wextra -Werror -fno-sanitize-recover=all -I$sources -pthread"
for test in collector command known connection memory front; do
    $compile -fsanitize=address,undefined -o "test_$test" "$here/test_$test.c" "$sources"/*.c \
        -Wl,--wrap=realloc -Wl,--wrap=malloc -Wl,--wrap=calloc "$here/failing.c" "$here/talk.c"
    "./test_$test"
done
$compile -fsanitize=thread -o test_front_threads "$here/test_front.c" "$sources"/*.c
./test_front_threads

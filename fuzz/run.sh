#!/bin/sh
# Fuzzes the C core with clang's libFuzzer under AddressSanitizer and UndefinedBehaviorSanitizer.
# Usage: run.sh FOLDER SECONDS [TARGET...], where FOLDER takes programs, found inputs and what crashed; SECONDS are for
# each target, and TARGETs are names of fuzz_NAME.c: all of them where none is named. Ends with a line for each target:
# its name and how many inputs it tried. Exits 0 if nothing was found.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
folder=$1 seconds=$2
shift 2
if [ $# = 0 ]; then
    # shellcheck disable=SC2046 # names without blanks
    set -- $(cd "$here" && ls fuzz_*.c | sed 's/^fuzz_//; s/\.c$//')
fi
mkdir -p "$folder/mime" "$folder/antispam" "$folder/lmtp"
cd "$folder"
compile="clang -std=c11 -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -I$root/csrc"
for part in mime antispam lmtp; do
    (cd "$part" && $compile -c "$root/csrc/$part"/*.c)
done
for target in "$@"; do
    $compile -fsanitize=fuzzer -o "fuzz_$target" "$here/fuzz_$target.c" mime/*.o antispam/*.o lmtp/*.o -lm -pthread
    mkdir -p "found_$target"
    "./fuzz_$target" -dict="$here/$target.dict" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 \
        -max_len=4096 -print_final_stats=1 -verbosity=0 "found_$target" "$root/tests/samples" 2>"log_$target" || {
        cat "log_$target" >&2
        exit 1
    }
done
for target in "$@"; do
    echo "$target $(sed -n 's/^stat::number_of_executed_units: *//p' "log_$target")"
done

#!/bin/sh
# Fuzzes the C parser with clang's libFuzzer under AddressSanitizer and UndefinedBehaviorSanitizer.
# Usage: run.sh FOLDER SECONDS, where FOLDER takes programs, found inputs and what crashed; SECONDS are for each target.
# Exits 0 if nothing crashed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
seconds=$2
mkdir -p "$1"
cd "$1"
for target in message decode; do
    clang -std=c11 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -I"$root/csrc" \
        -o "fuzz_$target" "$here/fuzz_$target.c" "$root"/csrc/mime/*.c
    mkdir -p "found_$target"
    "./fuzz_$target" -dict="$here/$target.dict" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 \
        -max_len=4096 -print_final_stats=1 -verbosity=0 "found_$target" "$root/tests/samples"
done

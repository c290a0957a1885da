#!/bin/sh
# Exit 0 where clang can build a fuzz target: it may stand without the run-time libraries that fuzzing needs.
set -eu
command -v clang >/dev/null 2>&1 || exit 1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo 'int LLVMFuzzerTestOneInput(const char *p, unsigned long n) { return p && n > 9 ? 0 : 0; }' |
    clang -fsanitize=fuzzer,address,undefined -x c - -o "$folder/probe" 2>/dev/null

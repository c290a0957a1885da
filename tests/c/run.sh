#!/bin/sh
# Runs the C tests of every part of the C core, each with its own run.sh. Usage: run.sh FOLDER, which takes objects and
# programs. Exits 0 only if all pass.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
build=$(cd "$1" && pwd)
for script in "$here"/*/run.sh; do
    sh "$script" "$build/$(basename "$(dirname "$script")")"
done

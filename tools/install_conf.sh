#!/bin/sh
# install_conf.sh PREFIX FROM TO: copies the files of the folder FROM into the folder TO, with PREFIX in the paths of
# our programs.
set -eu
prefix=$1 from=$2 to=$3
mkdir -p "$to"
for file in "$from"/*; do
    target=$to/$(basename "$file")
    sed "s|/usr/local/|$prefix/|g" "$file" >"$target"
    chmod 0644 "$target"
done

#!/bin/sh
# Prints the first Python of 3.11 or later; nothing where there is none (bootstrap.sh then says what to do).
for candidate in python3 python3.13 python3.12 python3.11 python3.14; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        command -v "$candidate"
        exit 0
    fi
done

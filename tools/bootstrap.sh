#!/bin/sh
# bootstrap.sh PYTHON VENV: makes the virtual environment VENV, and before it whatever of Debian's packages a build
# needs and is not there: venv with pip, Python's headers, a C compiler. Installs them where it may, else names them.
set -eu
python=$1 venv=$2
here=$(dirname "$0")

missing=
if [ -z "$python" ]; then
    name=python3
    # There, but too old: some releases have a newer one beside it.
    if command -v python3 >/dev/null 2>&1; then name=python3.11; fi
    missing=" $name $name-venv $name-dev"
else
    name=$(basename "$python")
    "$python" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing $name-venv"
    "$python" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))' || missing="$missing $name-dev"
fi
command -v cc >/dev/null 2>&1 || command -v gcc >/dev/null 2>&1 || missing="$missing gcc libc6-dev"

if [ -n "$missing" ]; then
    if sh "$here/as_root.sh"; then
        # shellcheck disable=SC2086 # a list of words
        sh "$here/apt_install.sh" $missing
        [ -n "$python" ] || python=$(sh "$here/find_python.sh")
    else
        echo "mda: to build, install as root:  apt-get install$missing" >&2
        exit 1
    fi
fi
if [ -z "$python" ]; then
    echo "mda: Python 3.11 or later is needed, and none was found" >&2
    exit 1
fi
[ -x "$venv/bin/pip" ] || "$python" -m venv "$venv"

#!/bin/sh
# Installs what some tests need, where it may (root or sudo, Debian-like); else says what is left out: Postfix, Dovecot's
# imap, and clang with libFuzzer.
# Postfix is installed unconfigured: the tests make an instance of their own and touch nothing in /etc/postfix. Of
# Dovecot one program is run, on a pipe; its service is not started.
set -eu
here=$(dirname "$0")
PATH=$PATH:/usr/sbin:/sbin

if ! command -v postfix >/dev/null 2>&1; then
    if sh "$here/as_root.sh"; then
        echo "postfix postfix/main_mailer_type select No configuration" | sh "$here/as_root.sh" debconf-set-selections
        sh "$here/apt_install.sh" postfix
    else
        echo "mda: Postfix is not installed; the tests marked \"postfix\" are left out." >&2
        echo "mda: to run them:  apt-get install --no-install-recommends postfix  (as root)" >&2
    fi
fi
if [ ! -x /usr/lib/dovecot/imap ] && [ ! -x /usr/libexec/dovecot/imap ]; then
    # Its package enables a service, which nobody wants on a machine of their own.
    if [ "${MDA_TESTS_COMPLETE:-}" = 1 ] && sh "$here/as_root.sh"; then
        sh "$here/without_services.sh" sh "$here/apt_install.sh" dovecot-imapd
    else
        echo "mda: Dovecot's imap is not installed; the comparison with it is left out." >&2
        echo "mda: to run it:  apt-get install --no-install-recommends dovecot-imapd  (as root)" >&2
    fi
fi
if ! sh "$here/../fuzz/has_libfuzzer.sh"; then
    if sh "$here/as_root.sh"; then
        sh "$here/apt_install.sh" clang libclang-rt-dev
    else
        echo "mda: clang with libFuzzer is not installed; the fuzz targets are left out." >&2
        echo "mda: to run them:  apt-get install --no-install-recommends clang libclang-rt-dev  (as root)" >&2
    fi
fi
if [ "$(id -u)" != 0 ]; then
    echo "mda: a private Postfix needs root; the tests marked \"postfix\" are left out." >&2
    echo "mda: to run them:  sudo make test" >&2
fi

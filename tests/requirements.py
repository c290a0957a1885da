"""What some tests need from the machine. Missing: the test is skipped and says how to get it.

With MDA_TESTS_COMPLETE=1 in the environment nothing may be left out: there a missing requirement is a failure.
"""

import os
import shutil

import pytest

POSTFIX_REMEDY = (
    'echo "postfix postfix/main_mailer_type select No configuration" | sudo debconf-set-selections; '
    "sudo DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postfix"
)

DOVECOT_REMEDY = "sudo apt-get install -y --no-install-recommends dovecot-imapd"


def require(is_there: bool, what: str, remedy: str) -> None:
    """Goes on only if `is_there`; `remedy` is the command or the change that brings it."""
    if is_there:
        return
    message = f"{what} is missing: {remedy}"
    if os.environ.get("MDA_TESTS_COMPLETE") == "1":
        pytest.fail(message)
    pytest.skip(message)


def require_command(name: str, remedy: str) -> None:
    """A program on PATH, or where Debian keeps those of administrators."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin")
    require(found is not None, f"the program {name}", remedy)


def require_root() -> None:
    """For what only root may do: Postfix's daemons change their user."""
    require(os.geteuid() == 0, "the right to start Postfix", "run the tests as root (sudo make test)")


def require_postfix() -> None:
    require_command("postfix", POSTFIX_REMEDY)
    require_root()

"""What a benchmark beside Postfix's programs and Dovecot needs of the machine."""

import os
import shutil
from collections.abc import Sequence

PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"
"""Debian keeps the programs of Postfix and Dovecot where only root looks."""


def has_all(programs: Sequence[str]) -> bool:
    """Whether this is root and finds the programs; says what is missing."""
    missing = [name for name in programs if not shutil.which(name, path=PATH)]
    if not missing and os.geteuid() == 0:
        return True
    print(f"needs root and {', '.join(missing) or 'nothing else'}: apt-get install postfix dovecot-lmtpd")
    return False

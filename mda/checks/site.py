"""How an admin's shell reaches this very installation: its settings file, its Postfix, its database.

Remedies are lines to paste, so each names what is not the default, and quotes what a shell would take apart.
"""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path

from mda.settings import DEFAULT_FILE

RESTARTED = "systemctl restart mda"
"""Workers read the settings when they start."""


@dataclass(frozen=True, slots=True)
class Site:
    """`file` is where the settings came from."""

    file: Path = DEFAULT_FILE

    def mda(self, *words: str) -> str:
        """One of our commands."""
        named = () if self.file == DEFAULT_FILE else ("--config", str(self.file))
        return shlex.join(("mda", *named, *words))

    def setting(self, key: str, value: object) -> str:
        """Sets a key in the settings file, and has the service read it."""
        text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
        return f"{self.mda('config', 'set', key, text)} && {RESTARTED}"


def quoted(path: object) -> str:
    return shlex.quote(str(path))

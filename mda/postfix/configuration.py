"""What main.cf and master.cf say, defaults and $name filled in.

A `Service` answers for one line of master.cf: its own `-o name=value` come before main.cf (master(5)).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_LIST = re.compile(r"[,\s]+")
_TABLE = re.compile(r"[a-z0-9_]+:")


@dataclass(frozen=True, slots=True)
class Service:
    """One line of master.cf. `chroot` and `maxproc` are as written, `-` for the default."""

    name: str
    kind: str
    """unix, inet ..."""
    chroot: str
    maxproc: str
    command: str
    arguments: tuple[str, ...]
    """Behind the command, without the -o options; pipe(8)'s argv= holds up to the end of them."""
    overrides: Mapping[str, str]

    @property
    def program_arguments(self) -> tuple[str, ...]:
        """The command that pipe(8) runs, as words; empty for other services."""
        for number, word in enumerate(self.arguments):
            if word.startswith("argv="):
                return (word.removeprefix("argv="), *self.arguments[number + 1 :])
        return ()

    def attribute(self, name: str) -> str | None:
        """An attribute of pipe(8), like `user`, `flags` or `null_sender`; None where the line has none."""
        for word in self.arguments:
            if word.startswith("argv="):
                break
            if word.startswith(f"{name}="):
                return word.partition("=")[2]
        return None


@dataclass(frozen=True, slots=True)
class Configuration:
    """One instance of Postfix; `folder` holds main.cf and master.cf."""

    folder: str
    parameters: Mapping[str, str]
    services: tuple[Service, ...]

    def value(self, name: str, service: Service | None = None) -> str:
        """A parameter, as the service sees it; empty where nobody has ever set one of that name."""
        if service is not None and name in service.overrides:
            return service.overrides[name]
        return self.parameters.get(name, "")

    def words(self, name: str, service: Service | None = None) -> tuple[str, ...]:
        """A parameter that is a list."""
        return tuple(word for word in _LIST.split(self.value(name, service)) if word)

    def service(self, name: str) -> Service | None:
        """The service that delivers under this name (its type is unix, or inet in rare set-ups)."""
        return next((found for found in self.services if found.name == name), None)

    def is_chrooted(self, service: Service) -> bool:
        """QUIRK: what `-` means changed with compatibility level 1 of Postfix 3.0, from yes to no."""
        if service.chroot != "-":
            return service.chroot == "y"
        level = self.value("compatibility_level").partition(".")[0]
        return not (level.isdecimal() and int(level) >= 1)


def is_table(word: str) -> bool:
    """Whether a word of a list names a lookup table (`hash:/etc/postfix/domains`) or a file, and no plain value."""
    return word.startswith("/") or bool(_TABLE.match(word))

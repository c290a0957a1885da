"""Lines that mend a configuration of Postfix, to be run by root as they stand. Each names the instance that was looked
at, and has Postfix read what is new."""

import shlex
from collections.abc import Sequence

from mda.postfix.configuration import Configuration, Service

DEFAULT_FOLDER = "/etc/postfix"


def changed(configuration: Configuration, *changes: Sequence[str]) -> str:
    """Several calls of postconf, each by its words, and one reload."""
    return " && ".join((*(_line(configuration, "postconf", *words) for words in changes), reload(configuration)))


def reload(configuration: Configuration) -> str:
    return _line(configuration, "postfix", "reload")


def parameter(configuration: Configuration, name: str, value: str) -> str:
    """Sets a parameter in main.cf."""
    return changed(configuration, ("-e", f"{name} = {value}"))


def override(configuration: Configuration, service: Service, name: str, value: str) -> str:
    """Sets a parameter for one service in master.cf."""
    return changed(configuration, ("-P", f"{service.name}/{service.kind}/{name}={value}"))


def pipe_command(service: Service, words: Sequence[str]) -> tuple[str, str]:
    """Words for postconf that replace what a service of pipe(8) is: its attributes and its argv; overrides stay."""
    overrides = (f"-o {{ {name} = {value} }}" for name, value in service.overrides.items())
    return "-F", f"{service.name}/{service.kind}/command={' '.join(('pipe', *overrides, *words))}"


def _line(configuration: Configuration, program: str, *words: str) -> str:
    place = () if configuration.folder == DEFAULT_FOLDER else ("-c", configuration.folder)
    return shlex.join((program, *place, *words))

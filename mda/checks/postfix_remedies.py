"""Lines that mend a configuration of Postfix, to be run by root as they stand; `postfix reload` makes them count."""

from mda.postfix.configuration import Service


def parameter(name: str, value: str) -> str:
    """Sets a parameter in main.cf."""
    return f"postconf -e '{name} = {value}'"


def override(service: Service, name: str, value: str) -> str:
    """Sets a parameter for one service in master.cf."""
    return f"postconf -P '{service.name}/{service.kind}/{name}={value}'"


def pipe_command(service: Service, *words: str) -> str:
    """Replaces what a service of pipe(8) is: its attributes and its argv; overrides stay."""
    overrides = (f"-o {{ {name} = {value} }}" for name, value in service.overrides.items())
    return f"postconf -F '{service.name}/{service.kind}/command={' '.join(('pipe', *overrides, *words))}'"

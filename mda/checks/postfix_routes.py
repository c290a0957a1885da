"""By which of Postfix's services mail comes to us, read from its parameters and transport tables.

A route is ours where it leads by LMTP to a socket or port of ours, or where its service runs mda-pipe.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from mda.checks.finding import Finding, error, ok
from mda.postfix.configuration import Configuration, Service, is_table
from mda.postfix.postconf import Tables
from mda.settings import Settings

SYSTEMD_SOCKET = "/run/mda/lmtp.sock"
"""Of conf/systemd/mda.socket, which the settings do not name."""

PROGRAM = "mda-pipe"

TRANSPORTS = ("virtual_transport", "relay_transport", "local_transport", "mailbox_transport", "default_transport")
SUGGESTED = f"mda-lmtp:unix:{SYSTEMD_SOCKET}"


@dataclass(frozen=True, slots=True)
class Route:
    """One way to us. `socket` is the Unix socket's path as Postfix writes it; None for pipe(8) and TCP."""

    service: Service
    socket: str | None
    source: str
    """The parameter or table that names it."""

    @property
    def is_pipe(self) -> bool:
        return self.service.command == "pipe"


def routes(configuration: Configuration, tables: Tables, settings: Settings) -> tuple[Route, ...]:
    """Every route that is ours, each service and socket once."""
    found: dict[tuple[str, str | None], Route] = {}
    for source, text in _destinations(configuration, tables):
        route = _route(configuration, settings, source, text)
        if route is not None:
            found.setdefault((route.service.name, route.socket), route)
    return tuple(found.values())


def check(found: Sequence[Route], configuration: Configuration) -> Iterator[Finding]:
    """Whether there is a way to us at all."""
    for route in found:
        yield ok("postfix.route", f"{route.source} leads here by {route.service.name} ({route.service.command})")
    if not found:
        yield error(
            "postfix.route",
            f"nothing in {configuration.folder} leads mail to the MDA",
            "no mail arrives here",
            f"postconf -e 'virtual_transport = {SUGGESTED}', with the service mda-lmtp of conf/postfix/master.cf",
        )


def _destinations(configuration: Configuration, tables: Tables) -> Iterator[tuple[str, str]]:
    for name in TRANSPORTS:
        yield name, configuration.value(name)
    for word in configuration.words("transport_maps"):
        if is_table(word):
            yield from ((word, value) for value in tables.values(word))


def _route(configuration: Configuration, settings: Settings, source: str, text: str) -> Route | None:
    name, _, next_hop = text.strip().partition(":")
    service = configuration.service(name)
    if service is None:
        return None
    if service.command == "pipe":
        program = service.program_arguments[:1]
        is_ours = bool(program) and PurePath(program[0]).name == PROGRAM
        return Route(service, None, source) if is_ours else None
    if service.command != "lmtp":
        return None
    if next_hop.startswith("unix:"):
        path = next_hop.removeprefix("unix:")
        return Route(service, path, source) if _is_our_socket(configuration, service, path, settings) else None
    address = next_hop.removeprefix("inet:")
    is_ours = bool(settings.lmtp.tcp) and address.replace("[", "").replace("]", "") == settings.lmtp.tcp
    return Route(service, None, source) if is_ours else None


def _is_our_socket(configuration: Configuration, service: Service, path: str, settings: Settings) -> bool:
    """Also with the path as a chrooted service would have to write it, and for a service of our name: its path may
    be the mistake."""
    seen = {path, seen_path(configuration, service, path), f"/{path.lstrip('/')}"}
    return bool(seen & {str(settings.lmtp_socket), SYSTEMD_SOCKET}) or service.name.startswith("mda")


def seen_path(configuration: Configuration, service: Service, path: str) -> str:
    """Where the service looks for a socket: below the queue folder when chrooted, or with a relative path."""
    if configuration.is_chrooted(service) or not path.startswith("/"):
        return str(Path(configuration.value("queue_directory")) / path.lstrip("/"))
    return path

"""By which of Postfix's services mail comes to us, read from its parameters and transport tables.

A route is ours where it leads by LMTP to a socket or port of ours, or where its service runs mda-pipe.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from mda.checks.finding import Finding, error, ok
from mda.checks.postfix_remedies import changed
from mda.postfix.configuration import Configuration, Service, is_table
from mda.postfix.postconf import Tables
from mda.settings import Settings

SYSTEMD_SOCKET = "/run/mda/lmtp.sock"
"""Of conf/systemd/mda.socket, which the settings do not name."""

PROGRAM = "mda-pipe"

TRANSPORTS = ("virtual_transport", "relay_transport", "local_transport", "mailbox_transport", "default_transport")
SERVICE = "mda-lmtp"
LINE = (
    f"{SERVICE} unix - - n - 20 lmtp -o lmtp_line_length_limit=0 -o lmtp_send_xforward_command=yes"
    " -o lmtp_tls_security_level=none"
)
"""Of conf/postfix/master.cf."""


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


def check(found: Sequence[Route], configuration: Configuration, settings: Settings) -> Iterator[Finding]:
    """Whether there is a way to us at all."""
    for route in found:
        yield ok("postfix.route", f"{route.source} leads here by {route.service.name} ({route.service.command})")
    if not found:
        yield error(
            "postfix.route",
            f"nothing in {configuration.folder} leads mail to the MDA",
            "no mail arrives here",
            changed(
                configuration,
                ("-M", f"{SERVICE}/unix={LINE}"),
                ("-e", f"virtual_transport = {SERVICE}:{_place(settings)}"),
            ),
        )


def _place(settings: Settings) -> str:
    """Where we listen, as a next hop."""
    return f"unix:{socket_of(settings)}" if settings.lmtp.socket else f"inet:{settings.lmtp.tcp}"


def socket_of(settings: Settings) -> str:
    """systemd's, where it has made one."""
    return SYSTEMD_SOCKET if Path(SYSTEMD_SOCKET).exists() else str(settings.lmtp_socket)


def pipe_users(configuration: Configuration) -> tuple[str, ...]:
    """Whom mda-pipe runs as, by all services that run it."""
    services = (one for one in configuration.services if one.command == "pipe" and _runs_ours(one))
    return tuple(dict.fromkeys((one.attribute("user") or "").partition(":")[0] for one in services))


def _runs_ours(service: Service) -> bool:
    program = service.program_arguments[:1]
    return bool(program) and PurePath(program[0]).name == PROGRAM


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
        return Route(service, None, source) if _runs_ours(service) else None
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

"""Postfix's LMTP client as it is set for a route to us (docs: conf/postfix/master.cf)."""

import grp
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from mda.checks.finding import Finding, error, warning
from mda.checks.postfix_remedies import override, parameter
from mda.checks.postfix_routes import SYSTEMD_SOCKET, Route, seen_path
from mda.errors import InvalidValue
from mda.postfix.configuration import Configuration
from mda.postfix.durations import seconds
from mda.settings import Settings

DEMANDS_TLS = frozenset({"encrypt", "dane-only", "fingerprint", "verify", "secure"})


def check(route: Route, configuration: Configuration, settings: Settings) -> Iterator[Finding]:
    """What is wrong with a route by LMTP."""
    yield from _line_length(route, configuration)
    yield from _xforward(route, configuration)
    yield from _recipients(route, configuration, settings)
    yield from _patience(route, configuration, settings)
    yield from _cohorts(route, configuration)
    if route.socket is not None:
        yield from _tls(route, configuration)
        yield from _socket(route, route.socket, configuration, settings)


def _line_length(route: Route, configuration: Configuration) -> Iterator[Finding]:
    limit = configuration.value("lmtp_line_length_limit", route.service)
    if limit != "0":
        yield warning(
            "postfix.lmtp_line_length_limit",
            f"{route.service.name} breaks lines of more than {limit} octets in two",
            "DKIM signatures over such lines no longer verify",
            override(route.service, "lmtp_line_length_limit", "0"),
        )


def _xforward(route: Route, configuration: Configuration) -> Iterator[Finding]:
    if configuration.value("lmtp_send_xforward_command", route.service) != "yes":
        yield warning(
            "postfix.lmtp_send_xforward_command",
            f"{route.service.name} does not tell queue id, client name and address",
            "mda trace finds no message by its queue id, and rules for client addresses match nothing",
            override(route.service, "lmtp_send_xforward_command", "yes"),
        )


def _recipients(route: Route, configuration: Configuration, settings: Settings) -> Iterator[Finding]:
    name = f"{route.service.name}_destination_recipient_limit"
    limit = _number(configuration.value(name))
    if limit == 0 or limit > settings.lmtp.recipients:
        yield warning(
            "postfix.destination_recipient_limit",
            f"{name} is {limit or '0 (no limit)'}, and lmtp.recipients of mda.toml {settings.lmtp.recipients}",
            "recipients beyond that are told 452 and tried again in another transaction, later than they need",
            parameter(name, "50"),
        )


def _patience(route: Route, configuration: Configuration, settings: Settings) -> Iterator[Finding]:
    name = "lmtp_data_done_timeout"
    waits = _seconds(configuration.value(name, route.service))
    if waits <= settings.delivery.deadline_seconds:
        yield error(
            "postfix.lmtp_data_done_timeout",
            f"{route.service.name} waits {waits} s for our answer, and we may take"
            f" {settings.delivery.deadline_seconds} s (delivery.deadline_seconds)",
            "under load mail is sent again and again, though it was stored",
            override(route.service, name, "600s"),
        )


def _cohorts(route: Route, configuration: Configuration) -> Iterator[Finding]:
    name = f"{route.service.name}_destination_concurrency_failed_cohort_limit"
    limit = _number(configuration.value(name))
    if limit in range(1, 10):
        yield warning(
            "postfix.failed_cohort_limit",
            f"{name} is {limit}",
            "a few broken connections, as when one worker dies, make Postfix hold back all mail for minutes",
            parameter(name, "100"),
        )


def _tls(route: Route, configuration: Configuration) -> Iterator[Finding]:
    level = configuration.value("lmtp_tls_security_level", route.service)
    if level in DEMANDS_TLS or configuration.value("lmtp_enforce_tls", route.service) == "yes":
        yield error(
            "postfix.lmtp_tls_security_level",
            f"{route.service.name} demands TLS, which a Unix socket does not offer",
            "all mail is deferred (4.7.4)",
            override(route.service, "lmtp_tls_security_level", "none"),
        )


def _socket(route: Route, path: str, configuration: Configuration, settings: Settings) -> Iterator[Finding]:
    seen = seen_path(configuration, route.service, path)
    expected = {str(settings.lmtp_socket), SYSTEMD_SOCKET}
    if seen not in expected:
        if configuration.is_chrooted(route.service) and path in expected:
            yield error(
                "postfix.chroot",
                f"{route.service.name} is chrooted and looks for our socket at {seen}",
                "all mail is deferred (4.4.1)",
                f"postconf -F '{route.service.name}/{route.service.kind}/chroot=n'",
            )
        elif not Path(seen).exists():
            yield error(
                "postfix.socket",
                f"{route.source} looks for our socket at {seen}, and there is none",
                "all mail is deferred (4.4.1)",
                f"write the path of lmtp.socket, {settings.lmtp_socket}, or systemd's, {SYSTEMD_SOCKET}",
            )
    elif not Path(seen).exists():
        yield warning(
            "postfix.socket", f"{seen} is not there", "mail waits in Postfix's queue", "systemctl start mda.socket"
        )
    else:
        yield from _access(seen, configuration)


def _access(path: str, configuration: Configuration) -> Iterator[Finding]:
    owner = configuration.value("mail_owner")
    try:
        user = pwd.getpwnam(owner)
    except KeyError:
        return
    groups = {user.pw_gid, *(one.gr_gid for one in grp.getgrall() if owner in one.gr_mem)}
    try:
        closed = next((one for one in Path(path).parents if not _allows(one, user.pw_uid, groups, 0o1)), None)
        is_open = _allows(Path(path), user.pw_uid, groups, 0o2)
        group = Path(path).stat().st_gid
    except OSError:
        return  # not for us to look into
    if closed is not None:
        yield error(
            "postfix.access",
            f"{closed} does not let {owner} through to {path}",
            "all mail is deferred (4.4.1)",
            f"chmod o+x {closed}",
        )
    elif not is_open:
        yield error(
            "postfix.access",
            f"{path} does not let {owner} connect",
            "all mail is deferred (4.4.1)",
            f"usermod --append --groups {_group_name(group)} {owner} && postfix reload",
        )


def _allows(path: Path, uid: int, groups: set[int], bit: int) -> bool:
    """Whether path's mode gives the user the bit (1 enter, 2 write): only the first class that fits counts."""
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid == uid:
        return bool(mode & bit << 6)
    return bool(mode & (bit << 3 if found.st_gid in groups else bit))


def _group_name(group: int) -> str:
    try:
        return grp.getgrgid(group).gr_name
    except KeyError:
        return str(group)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _seconds(text: str) -> int:
    try:
        return seconds(text)
    except InvalidValue:
        return 0

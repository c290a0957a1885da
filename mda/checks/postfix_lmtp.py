"""Postfix's LMTP client as it is set for a route to us (docs: conf/postfix/master.cf)."""

import grp
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from mda.checks.finding import Finding, error, warning
from mda.checks.postfix_remedies import changed, override, parameter, reload
from mda.checks.postfix_routes import SYSTEMD_SOCKET, TRANSPORTS, Route, seen_path, socket_of
from mda.checks.site import RESTARTED, Site, quoted
from mda.errors import InvalidValue
from mda.postfix.configuration import Configuration
from mda.postfix.durations import seconds
from mda.postfix.postconf import DUMPED
from mda.settings import Settings

DEMANDS_TLS = frozenset({"encrypt", "dane-only", "fingerprint", "verify", "secure"})


def check(route: Route, configuration: Configuration, settings: Settings, site: Site) -> Iterator[Finding]:
    """What is wrong with a route by LMTP."""
    yield from _line_length(route, configuration)
    yield from _xforward(route, configuration)
    yield from _recipients(route, configuration, settings)
    yield from _patience(route, configuration, settings)
    yield from _cohorts(route, configuration)
    if route.socket is not None:
        yield from _tls(route, configuration)
        yield from _socket(route, route.socket, configuration, settings, site)


def _line_length(route: Route, configuration: Configuration) -> Iterator[Finding]:
    limit = configuration.value("lmtp_line_length_limit", route.service)
    if limit != "0":
        yield warning(
            "postfix.lmtp_line_length_limit",
            f"{route.service.name} breaks lines of more than {limit} octets in two",
            "DKIM signatures over such lines no longer verify",
            override(configuration, route.service, "lmtp_line_length_limit", "0"),
        )


def _xforward(route: Route, configuration: Configuration) -> Iterator[Finding]:
    if configuration.value("lmtp_send_xforward_command", route.service) != "yes":
        yield warning(
            "postfix.lmtp_send_xforward_command",
            f"{route.service.name} does not tell queue id, client name and address",
            "mda trace finds no message by its queue id, and rules for client addresses match nothing",
            override(configuration, route.service, "lmtp_send_xforward_command", "yes"),
        )


def _recipients(route: Route, configuration: Configuration, settings: Settings) -> Iterator[Finding]:
    name = f"{route.service.name}_destination_recipient_limit"
    limit = _number(configuration.value(name))
    if limit == 0 or limit > settings.lmtp.recipients:
        yield warning(
            "postfix.destination_recipient_limit",
            f"{name} is {limit or '0 (no limit)'}, and lmtp.recipients of mda.toml {settings.lmtp.recipients}",
            "recipients beyond that are told 452 and tried again in another transaction, later than they need",
            parameter(configuration, name, str(min(50, settings.lmtp.recipients))),
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
            override(configuration, route.service, name, f"{max(600, 2 * settings.delivery.deadline_seconds)}s"),
        )


def _cohorts(route: Route, configuration: Configuration) -> Iterator[Finding]:
    name = f"{route.service.name}_destination_concurrency_failed_cohort_limit"
    limit = _number(configuration.value(name))
    if limit in range(1, 10):
        yield warning(
            "postfix.failed_cohort_limit",
            f"{name} is {limit}",
            "a few broken connections, as when one worker dies, make Postfix hold back all mail for minutes",
            parameter(configuration, name, "100"),
        )


def _tls(route: Route, configuration: Configuration) -> Iterator[Finding]:
    level = configuration.value("lmtp_tls_security_level", route.service)
    if level in DEMANDS_TLS or configuration.value("lmtp_enforce_tls", route.service) == "yes":
        yield error(
            "postfix.lmtp_tls_security_level",
            f"{route.service.name} demands TLS, which a Unix socket does not offer",
            "all mail is deferred (4.7.4)",
            changed(
                configuration,
                ("-P", f"{route.service.name}/{route.service.kind}/lmtp_tls_security_level=none"),
                ("-P", f"{route.service.name}/{route.service.kind}/lmtp_enforce_tls=no"),
            ),
        )


def _socket(route: Route, path: str, configuration: Configuration, settings: Settings, site: Site) -> Iterator[Finding]:
    seen = seen_path(configuration, route.service, path)
    expected = {str(settings.lmtp_socket), SYSTEMD_SOCKET}
    if seen not in expected:
        if configuration.is_chrooted(route.service) and path in expected:
            yield error(
                "postfix.chroot",
                f"{route.service.name} is chrooted and looks for our socket at {seen}",
                "all mail is deferred (4.4.1)",
                changed(configuration, _unchrooted(route)),
            )
        elif not Path(seen).exists():
            yield error(
                "postfix.socket",
                f"{route.source} looks for our socket at {seen}, and there is none",
                "all mail is deferred (4.4.1)",
                _led(route, path, configuration, settings),
            )
    elif not Path(seen).exists():
        yield warning(
            "postfix.socket",
            f"{seen} is not there",
            "mail waits in Postfix's queue",
            "systemctl start mda.socket" if seen == SYSTEMD_SOCKET else "systemctl start mda",
        )
    else:
        yield from _access(seen, configuration, settings, site)


def _unchrooted(route: Route) -> tuple[str, str]:
    return "-F", f"{route.service.name}/{route.service.kind}/chroot=n"


def _led(route: Route, path: str, configuration: Configuration, settings: Settings) -> str:
    """The route to where our socket is."""
    wanted = f"{route.service.name}:unix:{socket_of(settings)}"
    changes = [_unchrooted(route)] if configuration.is_chrooted(route.service) else []
    if route.source in TRANSPORTS:
        return changed(configuration, *changes, ("-e", f"{route.source} = {wanted}"))
    kind, _, file = route.source.partition(":")
    if kind not in DUMPED:
        return f"let {route.source} answer {wanted} where it answers {route.service.name}:unix:{path}"
    edited = f"sed -i {quoted(f's|:unix:{path}|:unix:{socket_of(settings)}|')} {quoted(file)}"
    compiled = "" if kind == "texthash" else f" && postmap {quoted(route.source)}"
    return f"{edited}{compiled} && {changed(configuration, *changes)}"


def _access(path: str, configuration: Configuration, settings: Settings, site: Site) -> Iterator[Finding]:
    owner = configuration.value("mail_owner")
    try:
        user = pwd.getpwnam(owner)
    except KeyError:
        return
    groups = {user.pw_gid, *(one.gr_gid for one in grp.getgrall() if owner in one.gr_mem)}
    try:
        closed = [one for one in Path(path).parents if not _allows(one, user.pw_uid, groups, 0o1)]
        is_open = _allows(Path(path), user.pw_uid, groups, 0o2)
        opened = [f"chmod {_class(one, user.pw_uid, groups)}+x {quoted(one)}" for one in closed]
        usable = [] if is_open else _usable(Path(path), user, groups, settings, site)
    except OSError:
        return  # not for us to look into
    if closed:
        yield error(
            "postfix.access",
            f"{closed[0]} does not let {owner} through to {path}",
            "all mail is deferred (4.4.1)",
            " && ".join(opened),
        )
    elif not is_open:
        yield error(
            "postfix.access",
            f"{path} does not let {owner} connect",
            "all mail is deferred (4.4.1)",
            " && ".join((*usable, reload(configuration))),
        )


def _usable(path: Path, user: pwd.struct_passwd, groups: set[int], settings: Settings, site: Site) -> list[str]:
    """Lines that let the user write to the socket, now and when it is made anew."""
    found = path.stat()
    letter = _class(path, user.pw_uid, groups)
    if letter == "u":
        return [f"chmod u+w {quoted(path)}"]
    lines, kept = [], []
    if letter == "o":
        group = _group_name(found.st_gid)
        if group is not None and found.st_gid != 0:
            lines.append(f"usermod --append --groups {quoted(group)} {quoted(user.pw_name)}")
        else:  # of root, or of nobody: given to Postfix's own
            theirs = _group_name(user.pw_gid) or str(user.pw_gid)
            lines.append(f"chgrp {quoted(theirs)} {quoted(path)}")
            kept.append(site.mda("config", "set", "lmtp.socket_group", theirs))
    if not found.st_mode & stat.S_IWGRP:
        lines.append(f"chmod g+w {quoted(path)}")
        kept.append(site.mda("config", "set", "lmtp.socket_mode", "0660"))
    if path != settings.lmtp_socket or not kept:  # systemd makes it, as conf/systemd/mda.socket says
        return lines
    return [*lines, *kept, RESTARTED]


def _allows(path: Path, uid: int, groups: set[int], bit: int) -> bool:
    """Whether path's mode gives the user the bit (1 enter, 2 write): only the first class that fits counts."""
    shift = {"u": 6, "g": 3, "o": 0}[_class(path, uid, groups)]
    return bool(stat.S_IMODE(path.stat().st_mode) & bit << shift)


def _class(path: Path, uid: int, groups: set[int]) -> str:
    """As chmod(1) names it."""
    found = path.stat()
    return "u" if found.st_uid == uid else "g" if found.st_gid in groups else "o"


def _group_name(group: int) -> str | None:
    try:
        return grp.getgrgid(group).gr_name
    except KeyError:
        return None


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _seconds(text: str) -> int:
    try:
        return seconds(text)
    except InvalidValue:
        return 0

"""The settings that can be read but will not do, and the data folder that they name."""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

from mda.checks.finding import Finding, error, ok, warning
from mda.checks.site import Site, quoted
from mda.metadata.postgresql.opened import beside
from mda.settings import Settings
from mda.storage.unwritable import user_name

SOCKET_PATH_BYTES = 107
"""sun_path of unix(7), without its NUL."""

LOOPBACK = ("127.", "[::1]:", "::1:")

RECEIPT_DAYS = 7
"""delivery.receipt_days, if nobody has changed it."""

POSTFIX_QUEUE_DAYS = 5
"""maximal_queue_lifetime, if nobody has changed it."""


def check(settings: Settings, site: Site) -> Iterator[Finding]:
    """What is wrong with them by themselves."""
    file = site.file
    if file.exists():
        yield ok("settings.file", f"{file} is valid")
    yield from _file_mode(settings, file)
    yield from _data_dir(settings, site)
    yield from _paths(settings, site)
    if settings.delivery.receipt_days <= POSTFIX_QUEUE_DAYS:
        yield warning(
            "settings.receipt_days",
            f"delivery.receipt_days is {settings.delivery.receipt_days}, no more than Postfix's"
            f" maximal_queue_lifetime ({POSTFIX_QUEUE_DAYS} days by default)",
            "a message that was stored but whose answer got lost may be stored twice",
            site.setting("delivery.receipt_days", RECEIPT_DAYS),
        )


def _file_mode(settings: Settings, file: Path) -> Iterator[Finding]:
    try:
        mode = file.stat().st_mode
    except OSError:
        return
    if "@" in settings.database.url and mode & 0o004:
        yield warning(
            "settings.file_mode",
            f"{file} can be read by everybody, and database.url may hold a password",
            "any user of this machine can read all mail",
            f"chmod o-r {quoted(file)}",
        )


def _data_dir(settings: Settings, site: Site) -> Iterator[Finding]:
    folder = Path(settings.data_dir)
    try:
        owner = folder.stat().st_uid
    except OSError as trouble:
        yield error(
            "settings.data_dir",
            f"data_dir {folder}: {trouble.strerror}",
            "mda serve does not start, and mail waits in Postfix's queue",
            missing_folder(settings, site)
            if isinstance(trouble, FileNotFoundError)
            else f"let its folders be entered, or name another: {site.mda('config', 'set', 'data_dir')} FOLDER",
        )
        return
    if os.geteuid() != owner:
        yield warning(
            "settings.user",
            f"data_dir {folder} belongs to {user_name(owner)}, and this check runs as {user_name(os.geteuid())}",
            "what is said here of access to files holds for another user than the service's",
            f"{_as(owner)} {site.mda('check')}",
        )


def missing_folder(settings: Settings, site: Site) -> str:
    """What is to be done where there is nothing: it is mistyped, or still to be made."""
    near = beside(settings)
    return site.setting("data_dir", str(near[0])) if near else site.mda("init")


def _paths(settings: Settings, site: Site) -> Iterator[Finding]:
    if settings.spam.enabled and settings.spam.model and not Path(settings.spam.model).is_file():
        yield error(
            "settings.spam_model",
            f"spam.model {settings.spam.model} is not there",
            "mail is delivered unclassified",
            site.setting("spam.model", ""),
        )
    if settings.quota.warning_file and not os.access(settings.quota.warning_file, os.R_OK):
        yield warning(
            "settings.quota_warning_file",
            f"quota.warning_file {settings.quota.warning_file} can't be read",
            "warnings of quotas are written in our words",
            site.setting("quota.warning_file", ""),
        )
    if len(os.fsencode(settings.lmtp_socket)) > SOCKET_PATH_BYTES:
        yield error(
            "settings.lmtp_socket",
            f"lmtp.socket {settings.lmtp_socket} is longer than a socket's path may be ({SOCKET_PATH_BYTES} octets)",
            "mda serve does not start, and mail waits in Postfix's queue",
            site.setting("lmtp.socket", "/run/mda/lmtp.sock"),
        )
    if settings.monitor.tcp and not settings.monitor.tcp.startswith(LOOPBACK):
        yield error(
            "settings.monitor_tcp",
            f"monitor.tcp {settings.monitor.tcp} is no loopback address and port",
            "mda serve does not start, and mail waits in Postfix's queue",
            site.setting("monitor.tcp", "127.0.0.1:9462"),
        )
    if settings.lmtp.tcp and not settings.lmtp.tcp.startswith(LOOPBACK):
        yield error(
            "settings.lmtp_tcp",
            f"lmtp.tcp {settings.lmtp.tcp} is open to other machines, and LMTP has no authentication",
            "mda serve does not start, and mail waits in Postfix's queue",
            site.setting("lmtp.tcp", "127.0.0.1:24"),
        )


def _as(uid: int) -> str:
    """What runs a command as the user."""
    try:
        return f"runuser -u {quoted(pwd.getpwuid(uid).pw_name)} --"
    except KeyError:
        return f"setpriv --reuid={uid} --clear-groups"

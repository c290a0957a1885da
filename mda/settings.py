"""The settings: one TOML file, every key with a default, unknown keys refused by name.

Offers the `Settings` tree (frozen msgspec Structs, one per TOML table) and `load`. This module alone reads the
environment: MDA_CONFIG names the file, MDA_DATABASE_URL replaces `database.url` (so that a password need not stand
in the file), and `service_manager` reads what systemd says. Sizes are in bytes and times in seconds, and their keys
say so. `conf/mda.toml` documents each key.
"""

import math
import os
import re
import tomllib
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from mda.errors import SettingsError

DEFAULT_FILE = Path("/etc/mda/mda.toml")

MOST_SECONDS = 86_400

MOST_FILE_BYTES = 1_000_000

MOST_MESSAGE_BYTES = 104_857_600
"""The parser takes no more (csrc/mime/mime.h)."""

LEAST_COMMAND_BYTES = 2048
"""Holds the longest address that we take, with its parameters."""


class OverQuota(Enum):
    """What a delivery to a full mailbox is told: 552 5.2.2, or 452 4.2.2."""

    REJECT = "reject"
    DEFER = "defer"


class Replicas(Enum):
    """When the second record of a body is written, of accounts that have a second shard."""

    BEFORE_REPLY = "before_reply"
    BEHIND = "behind"


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One table of the settings file."""


class Database(_Table, frozen=True):
    url: str = "embedded"
    embedded_user: str = ""
    connect_timeout_seconds: int = 5
    statement_timeout_seconds: int = 30
    lookup_cache_seconds: float = 3600.0


class Storage(_Table, frozen=True):
    segment_bytes: int = 67_108_864
    segment_age_seconds: int = 3600
    compression_level: int = 3
    verify_digest: bool = True
    retention_days: int = 30
    maintenance_bytes_per_second: int = 4_000_000
    removal_grace_seconds: int = 600


class Lmtp(_Table, frozen=True):
    socket: str = "lmtp.sock"
    socket_mode: str = "0660"
    socket_group: str = ""
    tcp: str = ""
    hostname: str = ""
    trusted_users: tuple[str, ...] = ("postfix", "nobody")
    message_bytes: int = 52_428_800
    recipients: int = 1000
    command_bytes: int = 4096
    connections: int = 1000
    idle_seconds: int = 300
    data_seconds: int = 600
    errors: int = 20
    announce_dsn: bool = False


class Workers(_Table, frozen=True):
    count: int = 0
    gather_sessions: int = 20
    drain_seconds: int = 30
    unix_sockets_only: bool = False


class Delivery(_Table, frozen=True):
    recipient_delimiter: str = "+"
    over_quota: OverQuota = OverQuota.REJECT
    receipt_days: int = 7
    trace_days: int = 7
    deadline_seconds: int = 120
    batch_messages: int = 100
    batch_bytes: int = 33_554_432
    in_flight_bytes: int = 268_435_456
    account_in_flight: int = 16
    replicas: Replicas = Replicas.BEFORE_REPLY


class Quota(_Table, frozen=True):
    warn_percent: int = 90
    grace_percent: int = 10
    domain_seconds: int = 10
    warning_file: str = ""


class Spam(_Table, frozen=True):
    enabled: bool = True
    threshold: float = 0.95
    model: str = ""
    authserv_id: str = ""
    authserv_strips: bool = False
    front_header: str = ""
    front_weight: float = 2.0
    trainer_seconds: int = 60


class Monitor(_Table, frozen=True):
    socket: str = "monitor.sock"
    socket_mode: str = "0660"
    tcp: str = ""


class Log(_Table, frozen=True):
    level: str = "info"
    format: str = "logfmt"


class Settings(_Table, frozen=True):
    """The whole file. `data_dir` holds the embedded database, the first shard, the sockets and the locks."""

    data_dir: str = "/var/lib/mda"
    database: Database = Database()
    storage: Storage = Storage()
    lmtp: Lmtp = Lmtp()
    workers: Workers = Workers()
    delivery: Delivery = Delivery()
    quota: Quota = Quota()
    spam: Spam = Spam()
    monitor: Monitor = Monitor()
    log: Log = Log()

    @property
    def lmtp_socket(self) -> Path:
        """The LMTP socket's path; a relative one is taken from `data_dir`."""
        return Path(self.data_dir) / self.lmtp.socket

    @property
    def monitor_socket(self) -> Path:
        """Where the supervisor answers HTTP; a relative path is taken from `data_dir`."""
        return Path(self.data_dir) / self.monitor.socket

    @property
    def trained_model(self) -> Path:
        """What the trainer makes of the base model and all marks."""
        return Path(self.data_dir) / "spam" / "trained.bin"

    @property
    def campaigns(self) -> Path:
        """The table in which the workers count near copies."""
        return Path(self.data_dir) / "spam" / "campaigns.table"

    @property
    def worker_count(self) -> int:
        """The set number, or one per core up to 4."""
        return self.workers.count or min(len(os.sched_getaffinity(0)), 4)


def load(file: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of `file`, else of $MDA_CONFIG, else of /etc/mda/mda.toml if it is there, else the defaults.

    SettingsError names the file, the key and the nearest known key, or the value and what it must be.
    """
    env = os.environ if environment is None else environment
    place = locate(file, env)
    is_named = file is not None or bool(env.get("MDA_CONFIG"))
    is_read = is_named or place.exists()
    tree = _read(place) if is_read else {}
    source = str(place) if is_read else "the environment"
    database = tree.setdefault("database", {})
    if env.get("MDA_DATABASE_URL") and isinstance(database, dict):
        database["url"] = env["MDA_DATABASE_URL"]
    _refuse_unknown(tree, Settings, "", source)
    try:
        settings = msgspec.convert(tree, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{source}: {_place(str(error))}") from error
    _check(settings, source)
    return settings


def locate(file: Path | None = None, environment: Mapping[str, str] | None = None) -> Path:
    """Where the settings file is, or would be made: `file`, else $MDA_CONFIG, else /etc/mda/mda.toml."""
    env = os.environ if environment is None else environment
    return file or Path(env.get("MDA_CONFIG") or DEFAULT_FILE)


class ServiceManager(msgspec.Struct, frozen=True):
    """What systemd tells a service: `listen_fds` sockets from descriptor 3 on (sd_listen_fds(3)), and where it wants
    to hear of its state (sd_notify(3)); 0 and empty without it."""

    listen_fds: int = 0
    notify_socket: str = ""
    watchdog: bool = False
    """It wants to hear that we turn, and ends us where we do not (WatchdogSec= of systemd.service(5))."""


def refuses_colour(environment: Mapping[str, str] | None = None) -> bool:
    """NO_COLOR, which is not ours alone (https://no-color.org)."""
    return bool((os.environ if environment is None else environment).get("NO_COLOR"))


def environment_with(**values: str) -> dict[str, str]:
    """What a program that we start finds in its environment."""
    return {**os.environ, **values}


def service_manager(environment: Mapping[str, str] | None = None) -> ServiceManager:
    env = os.environ if environment is None else environment
    # Sockets meant for another process, whose environment we inherited, are not ours to take.
    is_meant = env.get("LISTEN_PID") == str(os.getpid())
    count = env.get("LISTEN_FDS", "")
    is_watched = bool(env.get("WATCHDOG_USEC")) and env.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return ServiceManager(int(count) if is_meant and count.isdecimal() else 0, env.get("NOTIFY_SOCKET", ""), is_watched)


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            text = stream.read(MOST_FILE_BYTES + 1).decode()
        if len(text) > MOST_FILE_BYTES:
            raise SettingsError(f"{file} is longer than 1 MB", "name another file with --config or MDA_CONFIG")
        return tomllib.loads(text)
    except OSError as error:
        raise SettingsError(
            f"{file}: {error.strerror}", "name another file with --config or MDA_CONFIG, or run: mda init"
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file}: not TOML: it is not in UTF-8", "name another file with --config") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: not TOML: {error}") from error


def _refuse_unknown(tree: Mapping[str, Any], struct: type[msgspec.Struct], prefix: str, source: str) -> None:
    known = {field.name: field.type for field in msgspec.structs.fields(struct)}
    for key, value in tree.items():
        if key not in known:
            import difflib  # noqa: PLC0415 - nor do most commands need it

            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            remedy = f"did you mean {prefix}{near[0]}?" if near else f"known keys are: {', '.join(known)}"
            raise SettingsError(f"{source}: unknown key {prefix}{key}", remedy)
        nested = known[key]
        if isinstance(value, dict) and isinstance(nested, type) and issubclass(nested, msgspec.Struct):
            _refuse_unknown(value, nested, f"{key}.", source)


def _place(message: str) -> str:
    """msgspec says "Expected `int`, got `str` - at `$.lmtp.recipients`"; an admin reads the key first."""
    what, _, where = message.partition(" - at `$.")
    return f"{where.rstrip('`')}: {what}" if where else what


_MODE = re.compile(r"[0-7]{1,4}\Z")

MOST_WORKERS = 1000
"""All are started at once, each a Python of its own: one zero too many would take the machine down."""


def _check(settings: Settings, source: str) -> None:
    def refuse(key: str, must: str) -> None:
        raise SettingsError(f"{source}: {key} {must}")

    if not Path(settings.data_dir).is_absolute():
        refuse("data_dir", "must be an absolute path")
    positive = {
        "database": settings.database,
        "storage": settings.storage,
        "lmtp": settings.lmtp,
        "delivery": settings.delivery,
    }
    for name, struct in positive.items():
        for key in struct.__struct_fields__:
            value = getattr(struct, key)
            if isinstance(value, int) and not isinstance(value, bool) and value < 1:
                refuse(f"{name}.{key}", "must be at least 1")
    for key in ("statement_timeout_seconds", "connect_timeout_seconds"):
        if getattr(settings.database, key) > MOST_SECONDS:
            refuse(f"database.{key}", f"must be at most {MOST_SECONDS}: a day")
    # What these refuse would be mail that can never be delivered: deferred for days, and then bounced.
    if settings.lmtp.message_bytes > MOST_MESSAGE_BYTES:
        refuse("lmtp.message_bytes", f"must be at most {MOST_MESSAGE_BYTES} (100 MiB)")
    if settings.delivery.in_flight_bytes < settings.lmtp.message_bytes:
        refuse("delivery.in_flight_bytes", "must be at least lmtp.message_bytes")
    if settings.lmtp.command_bytes < LEAST_COMMAND_BYTES:
        refuse("lmtp.command_bytes", f"must be at least {LEAST_COMMAND_BYTES}: addresses are long")
    if not 0 <= settings.database.lookup_cache_seconds < math.inf:  # nan, too
        refuse("database.lookup_cache_seconds", "must be 0 (ask for every recipient) or more")
    if settings.storage.compression_level > 19:
        refuse("storage.compression_level", "must be 1 (fastest) to 19 (smallest)")
    for key, mode in (("lmtp", settings.lmtp.socket_mode), ("monitor", settings.monitor.socket_mode)):
        if not _MODE.match(mode):
            refuse(f"{key}.socket_mode", 'must be octal digits in quotes, like "0660"')
    if len(settings.delivery.recipient_delimiter) > 1:
        refuse("delivery.recipient_delimiter", "must be one character, or empty for none")
    for key in ("warn_percent", "grace_percent"):
        if not 0 <= getattr(settings.quota, key) <= 100:
            refuse(f"quota.{key}", "must be 0 to 100")
    if settings.quota.domain_seconds < 1:
        refuse("quota.domain_seconds", "must be at least 1")
    if not 0 < settings.spam.threshold <= 1:
        refuse("spam.threshold", "must be above 0 and at most 1 (a probability)")
    if not 0 <= settings.spam.front_weight <= 10:
        refuse("spam.front_weight", "must be 0 to 10 (log-odds)")
    if settings.spam.trainer_seconds < 1:
        refuse("spam.trainer_seconds", "must be at least 1")
    if not 0 <= settings.workers.count <= MOST_WORKERS:
        refuse("workers.count", f"must be 0 (one per core, at most 4) to {MOST_WORKERS}")
    if settings.workers.gather_sessions < 0:
        refuse("workers.gather_sessions", "must be 0 (spread them over all workers) or more")
    if settings.workers.unix_sockets_only and not _is_reached_by_unix_socket(settings.database.url):
        refuse(
            "workers.unix_sockets_only", "needs a database.url with a Unix socket: postgresql://user@/name?host=/folder"
        )
    if settings.log.level not in ("debug", "info", "warning", "error"):
        refuse("log.level", "must be debug, info, warning or error")
    if settings.log.format not in ("logfmt", "json"):
        refuse("log.format", "must be logfmt or json")


def _is_reached_by_unix_socket(url: str) -> bool:
    """A URL without host means libpq's default, a Unix socket too."""
    if url == "embedded":
        return True
    parts = urlsplit(url)
    hosts = parse_qs(parts.query).get("host", [])
    return not parts.hostname and all(host.startswith("/") for host in hosts) and "hostaddr=" not in parts.query

"""Disk space of the corpus, message by message: ours with its database, Maildir, and Dovecot's sdbox with zstd.

Delivered by LMTP to accounts in turn. Ours is what the shard's files take and what the database has grown by
(PostgreSQL's log left out: its size does not follow the mail's; the trace told apart: it is kept for days); Maildir is
its message files with LF ends and nothing else; Dovecot's everything in its homes. Space is blocks
(st_blocks), as a disk loses them.
"""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from sqlalchemy import text

from bench import storage_dovecot
from bench.storage_house import deliver, prepared
from mda.metadata.postgresql.opened import Handle
from mda.storage import dictionaries
from tools import build_base_dictionary

NAMES = tuple(f"u{number}" for number in range(20))
Row = dict[str, object]


def measure(folder: Path, mails: Sequence[bytes], halves: tuple[Sequence[bytes], Sequence[bytes]]) -> list[Row]:
    taught, others = halves
    rows = [
        _compared("the package's dictionary", mails, _ours(folder / "base", mails, None), folder),
        _compared("no dictionary", mails, _ours(folder / "none", mails, b""), folder),
        _compared(
            "a half by the other's", others, _ours(folder / "half", others, build_base_dictionary.build(taught)), folder
        ),
    ]
    for row in rows:
        print(
            f"space, {row['what']}: {row['ours']:,.0f} a message (shard {row['shard']:,.0f}, database"
            f" {row['database']:,.0f}; trace {row['trace']:,.0f}), Maildir {row['maildir']:,.0f}:"
            f" {row['of_maildir']:.1%}, sdbox+zstd {row['sdbox+zstd'] or 0:,.0f}",
            flush=True,
        )
    return rows


def _compared(what: str, mails: Sequence[bytes], ours: tuple[int, int, int], folder: Path) -> Row:
    shard, database, trace = (octets / len(mails) for octets in ours)
    maildir = _maildir(folder / "Maildir", mails) / len(mails)
    return {
        "what": what,
        "messages": len(mails),
        "raw": sum(map(len, mails)) / len(mails),
        "ours": shard + database,
        "shard": shard,
        "database": database,
        "trace": trace,
        "maildir": maildir,
        "sdbox+zstd": _sdbox(folder / "sdbox", mails) / len(mails) if storage_dovecot.is_there() else None,
        "of_maildir": (shard + database) / maildir,
    }


def _ours(folder: Path, mails: Sequence[bytes], dictionary: bytes | None) -> tuple[int, int, int]:
    """Octets of the shard, of the database without its trace, and of that; `dictionary` in place of the package's,
    empty for none."""
    with prepared(folder, NAMES) as (instance, handle):
        root = folder / "shards" / "first"
        if dictionary is not None:
            shutil.rmtree(root / dictionaries.FOLDER)
            if dictionary:
                dictionaries.install(root, dictionary)
        before, _ = _database(handle)
        instance.start()
        deliver(instance, NAMES, mails)
        instance.stop()
        after, trace = _database(handle)
    return _used(root.rglob("*")), after - before, trace


def _database(handle: Handle) -> tuple[int, int]:
    """Octets of all but the trace, and of the trace."""
    with handle.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM"))
        trace = int(connection.execute(text("SELECT pg_total_relation_size('trace')")).scalar_one())
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()) - trace, trace


def _maildir(root: Path, mails: Sequence[bytes]) -> int:
    for name in NAMES:
        (root / name / "cur").mkdir(parents=True)
    for number, raw in enumerate(mails):
        path = root / NAMES[number % len(NAMES)] / "cur" / f"1700000000.M{number}P1.host,S={len(raw)}:2,S"
        path.write_bytes(raw.replace(b"\r\n", b"\n"))
    used = _used(root.rglob("*:2,*"))
    shutil.rmtree(root)
    return used


def _sdbox(folder: Path, mails: Sequence[bytes]) -> int:
    store = storage_dovecot.Store(folder, "sdbox+zstd")
    for place, name in enumerate(NAMES):
        store.fill(name, mails[place :: len(NAMES)])
    used = _used((folder / "homes").rglob("*"))
    shutil.rmtree(folder)
    return used


def _used(paths: Iterable[Path]) -> int:
    return sum(path.lstat().st_blocks * 512 for path in paths)

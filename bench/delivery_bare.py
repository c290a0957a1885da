"""The least that a delivery costs at the MDA's durability, as a bound for it (bench/delivery_bare.c).

A program in C takes mail by LMTP and does with it what nobody can leave out: the octets and their fdatasync, the MDA's
own statements with one transaction a batch, the reply. Its rows are copies of one that the MDA has written, in the
MDA's own tables; whoever has used it has a store whose bodies are missing. Needs libpq5.
"""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import text

from bench.delivery_client import lines_of_x
from bench.delivery_mda import LOCAL_PART
from bench.mime_programs import compile_c
from mda import settings
from mda.metadata.delivery.deliver_statements import PARAMETERS, SESSION
from mda.metadata.postgresql.opened import opened, url_and_password
from tests.integration.instance import Instance

ROW = """
SELECT content.*, internal_date
FROM content JOIN message ON (message.account_id, message.content_id) = (content.account_id, content.id)
LIMIT 1
"""
ACCOUNT_IDS = """
SELECT id FROM account WHERE split_part(address, '@', 2) = :domain ORDER BY substring(address from '[0-9]+')::integer
"""
CHOSEN: Mapping[str, str] = {
    "account_id": "@account",
    "content_id": "@content",
    "offset": "@offset",
    "mailbox_id": "NULL",
    "role": "inbox",
    "receipt": "NULL",
    "flags": "0",
}
"""Elements that are not those of the copied row, by parameter."""


@contextmanager
def bare(mda: Instance, folder: Path, domain: str) -> Iterator[Path]:
    """The socket of one that delivers to the accounts of `domain`, numbered from 0 on, beside an MDA that runs. Its
    process names `folder`; PostgreSQL is the MDA's."""
    mda.mda("deliver", f"0{LOCAL_PART}@{domain}", stdin=lines_of_x(2_000))
    folder.mkdir()
    folder.chmod(0o755)
    socket = folder / "lmtp.sock"
    program = compile_c("delivery_bare", ("-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror"), ("-l:libpq.so.5",), folder)
    with opened(settings.load(mda.settings)) as handle:
        with handle.connect() as connection:
            row = connection.execute(text(ROW)).mappings().one()
            ids = connection.execute(text(ACCOUNT_IDS), {"domain": domain}).scalars().all()
        url, _ = url_and_password(handle)
        given = {
            "setup": "".join(f"{statement}\0" for statement in SESSION),
            "accounts": "".join(f"{one}\n" for one in ids),
            "elements": "".join(f"{CHOSEN.get(name) or element(row[name])}\n" for name, _ in PARAMETERS),
        }
        for name, content in given.items():
            (folder / name).write_text(content)
        command: list[str | Path] = [program, socket, folder / "segment", url, *(folder / name for name in given)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            try:
                if process.stdout is None or not process.stdout.readline():
                    raise RuntimeError("the bare program does not start")
                yield socket
            finally:
                process.communicate()


def element(value: object) -> str:
    """Of an array's literal."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "t" if value else "f"
        case bytes() | memoryview():
            return f'"\\\\x{bytes(value).hex()}"'
        case datetime():
            return value.isoformat()
        case _:
            return str(value)

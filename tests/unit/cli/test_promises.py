"""What docs/operations.md promises of every command: --json, --dry-run, a question before it destroys, progress, and
going on when interrupted. A command that lacks one stands in a table below, with the reason."""

import json
import re
import types
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest
from sqlalchemy import Engine, inspect, text

from mda.cli.commands import walk
from mda.cli.main import root
from mda.cli.progress import Meter
from tests.unit.cli.conftest import System
from tests.unit.maintenance.conftest import age_seals

LEAVES = {" ".join(path): command for path, command in walk(root) if not isinstance(command, click.Group)}

Table = Mapping[str, str]
"""Commands, between commas, by the reason why they are in it."""

READS = """
    check, stats, top, config show, config check, db status, domain list, account list, alias list, quota show,
    quota list, mailbox list, message list, message search, message show, message raw, trace, export, shard list,
    spam explain, spam evaluate, spam policy list, spam correspondent list, completion, manual
"""
UNDONE_BY_ITS_OPPOSITE = """
    domain add, domain alias, account add, account rename, account disable, account enable, account hold,
    account retention, account replica, alias add, alias remove, quota set, account quota, domain defaults,
    mailbox create, mailbox rename, message move, shard add, shard set, spam policy allow, spam policy block,
    spam policy remove, spam policy set, spam correspondent add, spam correspondent remove, account passwd, config set
"""

WITHOUT_JSON: Table = {
    "says only that it did what it was told, in words of the command line": """
        domain add, domain alias, account add, account rename, account disable, account enable, account passwd,
        account hold, account retention, account replica, alias add, alias remove, mailbox rename, shard add, shard set,
        shard renew, shard remove, spam correspondent add, spam correspondent remove, spam policy allow,
        spam policy block, spam policy remove, init, config set
    """,
    "prints a mail, a script, pages": "message raw, completion, manual",
    "is psql: psql --csv": "db psql",
    "answers by its exit status, as Postfix's pipe(8) wants it": "deliver",
    "its figures are those of mda stats --json": "serve, top",
}

WITHOUT_DRY_RUN: Table = {
    "changes nothing in the store": READS,
    "changes the one thing that it names, and its opposite brings it back": UNDONE_BY_ITS_OPPOSITE,
    "only adds what is missing": "init, storage checkpoint, storage train-dictionary",
    "is the rehearsal itself, without --repair": "storage check",
    "is the service": "serve, deliver, spam trainer",
    "is psql, for who knows what to tell it": "db psql",
    "refused while there is anything to lose": "shard renew, shard remove",
}

WITHOUT_YES: Table = {
    "changes nothing in the store": READS,
    "what it changes, its opposite brings back": UNDONE_BY_ITS_OPPOSITE,
    "only adds": """
        serve, deliver, db upgrade, import, undelete, account import, alias import, restore, storage checkpoint,
        storage train-dictionary, storage rebuild, storage replicate, spam learn, spam trainer, spam correspondent scan
    """,
    "mda undelete brings it back": "message expunge",
    "moves, with nothing lost on the way": "shard move, shard drain",
    "is psql, for who knows what to tell it": "db psql",
    "refused while there is anything to lose": "shard renew, shard remove",
    "mends what is wrong": "storage check, quota recount",
    "from a timer, of what was asked about when it was purged, or whose time is over": "storage compact",
    "from a timer, and only with --keep, which says how many stay": "backup",
    "marks of messages that are there can be learned again": "spam forget",
}

WITHOUT_PROGRESS: Table = {
    "goes on for ever, and tells what it does by its log, its figures or on the screen": "serve, top",
    "one message, that somebody waits for": "deliver, message show, message raw, spam explain",
    "one row, or those that are named: done at once": f"""
        {UNDONE_BY_ITS_OPPOSITE}, quota show, mailbox delete, message expunge, domain remove, shard renew, shard remove
    """,
    "a listing: what it prints is how far it is": """
        domain list, account list, alias list, quota list, mailbox list, message list, spam correspondent list,
        spam policy list, trace, stats
    """,
    "seconds, whatever the store holds": "init, check, config show, config check, db status, completion, manual",
    "PostgreSQL does each step as a whole, and can't say how far it is": "db upgrade, db downgrade, db psql",
}


def names(table: Table) -> list[str]:
    return [name.strip() for names in table.values() for name in names.split(",")]


def takes(command: click.Command, option: str) -> bool:
    return any(option in parameter.opts for parameter in command.params)


@pytest.mark.parametrize("name", LEAVES)
@pytest.mark.parametrize(
    ("option", "table"), [("--json", WITHOUT_JSON), ("--dry-run", WITHOUT_DRY_RUN), ("--yes", WITHOUT_YES)]
)
def test_option_is_there_or_the_reason_why_not(name: str, option: str, table: Table) -> None:
    assert takes(LEAVES[name], option) != (name in names(table))


@pytest.mark.parametrize("name", LEAVES)
def test_what_is_long_shows_progress(name: str) -> None:
    assert shows_progress(LEAVES[name]) != (name in names(WITHOUT_PROGRESS))


@pytest.mark.parametrize("table", [WITHOUT_JSON, WITHOUT_DRY_RUN, WITHOUT_YES, WITHOUT_PROGRESS])
def test_tables_name_each_command_once_and_none_that_is_gone(table: Table) -> None:
    assert sorted(set(names(table)) & LEAVES.keys()) == sorted(names(table))


def shows_progress(command: click.Command) -> bool:
    assert isinstance(command.callback, types.FunctionType)
    return Meter in _reached(command.callback)


def _reached(function: types.FunctionType) -> Iterator[object]:
    """All that a command's function, and those of mda.cli that it calls, find in their modules."""
    waiting, seen = [function], set()
    while waiting:
        one = waiting.pop()
        if one in seen or not one.__module__.startswith(("mda.cli", "click")):
            continue
        seen.add(one)
        found = [one.__globals__.get(name) for code in _codes(one.__code__) for name in code.co_names]
        # Decorators, click's and ours, keep the function in a cell of theirs.
        found += [cell.cell_contents for cell in one.__closure__ or ()]
        waiting += [called for called in found if isinstance(called, types.FunctionType)]
        yield from found


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """A function's code, with that of the functions inside of it."""
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from _codes(const)


LONG = [name for name, command in LEAVES.items() if shows_progress(command)]
ONLY_READS = {"message search", "shard list"}


@pytest.mark.parametrize("name", [name for name in LONG if name not in ONLY_READS])
def test_what_is_long_says_what_an_interrupt_leaves(name: str) -> None:
    assert re.search(r"\binterrupted\b", LEAVES[name].help or "", re.IGNORECASE)


ANNE = "anne@example.org"
USERS, ALIASES = "address\nben@example.org\n", f"address,targets\nsales@example.org,{ANNE}\n"
SECOND = ("shard add second {tmp}/second", f"account replica {ANNE} --shard second")

WAYS: dict[str, tuple[str, ...]] = {
    "account delete": (f"account delete {ANNE} --purge --yes",),
    "account import": ("account import {tmp}/users.csv",),
    "alias import": ("alias import {tmp}/aliases.csv",),
    "quota recount": ("quota recount",),
    "message search": (f"message search {ANNE} --body Dear",),
    "message purge": (f"message purge {ANNE} INBOX:1 --yes",),
    "import": (f"export {ANNE} {{tmp}}/mail", f"import {ANNE} {{tmp}}/mail"),
    "export": (f"export {ANNE} {{tmp}}/mail",),
    "undelete": (f"message expunge {ANNE} INBOX:1", f"undelete {ANNE}"),
    "shard list": ("shard list --exact",),
    "shard move": (SECOND[0], f"shard move {ANNE} second"),
    "shard drain": (SECOND[0], "shard drain first"),
    "backup": ("backup {tmp}/backup",),
    "restore": ("backup {tmp}/backup", f"restore {{tmp}}/backup --account {ANNE}"),
    "storage check": ("storage check",),
    "storage compact": (
        f"account retention {ANNE} 0",
        f"message expunge {ANNE} INBOX:1",
        "storage compact --dead 1 --remove-after 0",
    ),
    "storage checkpoint": ("storage checkpoint",),
    "storage rebuild": ("storage checkpoint", "db downgrade base --yes", "storage rebuild"),
    "storage replicate": (*SECOND, "storage replicate"),
    "storage train-dictionary": ("storage train-dictionary",),
    "spam learn": (f"spam learn --spam {ANNE} INBOX:1",),
    "spam forget": (f"spam forget {ANNE} {{tmp}}/mails/0",),
    "spam trainer": (f"spam learn --spam {ANNE} INBOX:1", "spam trainer --once"),
    "spam evaluate": ("spam evaluate --index {tmp}/index",),
    "spam correspondent scan": (
        f"mailbox create {ANNE} Sent --role sent",
        f"message move {ANNE} INBOX:1 Sent",
        f"spam correspondent scan {ANNE}",
    ),
}
"""What comes before, and last the command itself, with something to do for it."""

ALSO_REHEARSED: dict[str, tuple[str, ...]] = {
    "db upgrade": ("db downgrade base --yes", "db upgrade"),
    "db downgrade": ("db downgrade base",),
    "domain remove": ("domain add example.com", "domain remove example.com"),
    "mailbox delete": (
        f"mailbox create {ANNE} Work",
        f"message move {ANNE} INBOX:1 Work",
        f"mailbox delete {ANNE} Work",
    ),
    "message expunge": (f"message expunge {ANNE} INBOX:1 INBOX:2",),
}


@pytest.fixture
def store(anne: System, tmp_path: Path) -> System:
    """Some mails of anne's, and files to read."""
    (tmp_path / "mails").mkdir()
    for number in range(12):
        raw = f"From: ben@example.net\r\nTo: {ANNE}\r\nSubject: {number}\r\n\r\nDear Anne, {'word ' * 40 * number}\r\n"
        (tmp_path / f"mails/{number}").write_text(raw)
        anne.deliver(ANNE, raw.encode())
    (tmp_path / "index").write_text("spam mails/0\nham mails/1\n")
    (tmp_path / "users.csv").write_text(USERS)
    (tmp_path / "aliases.csv").write_text(ALIASES)
    return anne


def run(store: System, lines: tuple[str, ...], tmp_path: Path) -> None:
    for line in lines:
        age_seals(store.data_dir / "shards/first")
        store.done(*line.format(tmp=tmp_path).split())


@pytest.mark.parametrize("name", LONG)
def test_progress_moves(name: str, store: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    *before, last = WAYS[name]
    run(store, tuple(before), tmp_path)
    steps: list[int] = []
    monkeypatch.setattr(Meter, "add", lambda _meter, amount: steps.append(amount))
    run(store, (last,), tmp_path)
    assert sum(steps) > 0


def state(engine: Engine, tmp_path: Path) -> tuple[dict[str, list[str]], dict[Path, bytes]]:
    """Every row and every file."""
    tables = inspect(engine).get_table_names()
    with engine.begin() as connection:
        rows = {name: sorted(connection.scalars(text(f'SELECT one::text FROM "{name}" AS one'))) for name in tables}
    return rows, {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", [name for name, command in LEAVES.items() if takes(command, "--dry-run")])
def test_rehearsal_changes_nothing_and_asks_nothing(name: str, store: System, tmp_path: Path, engine: Engine) -> None:
    *before, last = (WAYS | ALSO_REHEARSED)[name]
    run(store, tuple(before), tmp_path)
    age_seals(store.data_dir / "shards/first")
    words = [word for word in last.format(tmp=tmp_path).split() if word != "--yes"]
    known = state(engine, tmp_path)
    told = store.run(*words, "--dry-run", answer="")
    assert (told.exit_code, "Go on?" in told.stderr) == (0, False), told.output
    assert told.output
    json.loads(store.done(*words, "--dry-run", "--json"))
    assert state(engine, tmp_path) == known


@pytest.mark.parametrize("name", [name for name in WAYS | ALSO_REHEARSED if takes(LEAVES[name], "--json")])
def test_json_is_all_that_is_printed(name: str, store: System, tmp_path: Path) -> None:
    *before, last = (WAYS | ALSO_REHEARSED)[name]
    run(store, tuple(before), tmp_path)
    age_seals(store.data_dir / "shards/first")
    words = last.format(tmp=tmp_path).split()
    yes = ["--yes"] if takes(LEAVES[name], "--yes") and "--yes" not in words else []
    assert json.loads(store.done(*words, "--json", *yes)) is not None


@pytest.mark.parametrize(
    "name", [name for name, command in LEAVES.items() if takes(command, "--yes") and name != "init"]
)
def test_what_destroys_asks(name: str, store: System, tmp_path: Path, engine: Engine) -> None:
    *before, last = (WAYS | ALSO_REHEARSED)[name]
    run(store, tuple(before), tmp_path)
    words = [word for word in last.format(tmp=tmp_path).split() if word != "--yes"]
    known = state(engine, tmp_path)
    said = store.run(*words, answer="n\n")
    assert (said.exit_code, "Go on?" in said.stderr) == (1, True), said.output
    assert state(engine, tmp_path) == known

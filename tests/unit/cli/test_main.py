"""The command itself: help for every command, lazy imports, exit codes, errors in one line."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mda.cli.lazy import Deferred, Entry
from mda.cli.main import COMMANDS, SECTIONS, root
from tests.unit.cli.conftest import PROGRAM, System

HEAVY = ("sqlalchemy", "alembic", "psycopg2", "msgspec", "argon2", "mda.binding", "mda.metadata", "rich")


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if isinstance(command, Deferred):
        command = command.entry.load()
    if isinstance(command, click.Group):
        for name in command.commands:
            yield from leaves(command.commands[name], (*path, name))
    else:
        yield path, command


LEAVES = tuple(leaves(root))


def test_every_command_of_the_admin_is_there() -> None:
    paths = {" ".join(path) for path, _ in LEAVES}
    assert paths == {
        *(
            "init",
            "serve",
            "deliver",
            "check",
            "config show",
            "config check",
            "config set",
            "db psql",
            "db upgrade",
            "db downgrade",
            "db status",
        ),
        *(f"domain {verb}" for verb in ("add", "list", "remove", "alias", "defaults")),
        *(f"account {verb}" for verb in ("add", "list", "rename", "disable", "enable", "passwd", "quota", "delete")),
        *(
            "account hold",
            "account retention",
            "account replica",
            "undelete",
            "message purge",
            "import",
            "export",
            "backup",
            "restore",
        ),
        *(f"shard {verb}" for verb in ("add", "list", "set", "move", "drain", "renew", "remove")),
        *(f"storage {verb}" for verb in ("check", "compact", "checkpoint", "rebuild", "replicate", "train-dictionary")),
        *("trace", "stats", "top", "completion", "manual", "account import"),
        *(f"quota {verb}" for verb in ("set", "show", "list", "recount")),
        *(f"alias {verb}" for verb in ("add", "list", "remove", "import")),
        *(f"mailbox {verb}" for verb in ("list", "create", "rename", "delete")),
        *(f"message {verb}" for verb in ("list", "search", "show", "raw", "move", "expunge")),
        *(f"spam {verb}" for verb in ("learn", "forget", "explain", "trainer", "evaluate")),
        *(f"spam correspondent {verb}" for verb in ("add", "remove", "list", "scan")),
        *(f"spam policy {verb}" for verb in ("allow", "block", "remove", "list", "set")),
    }


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=lambda value: " ".join(value) if type(value) is tuple else "")
def test_every_command_is_explained_with_an_example(path: tuple[str, ...], command: click.Command) -> None:
    assert command.help
    name = " ".join(("mda", *path))
    assert f"{name} " in command.help or f"{name}\n" in command.help + "\n", "an example"
    unexplained = [one.name for one in command.params if isinstance(one, click.Option) and not one.help]
    assert unexplained == []
    shown = CliRunner().invoke(root, [*path, "--help"])
    assert shown.exit_code == 0
    assert name in shown.output


def entries(group: click.Group) -> Iterator[Entry]:
    for command in group.commands.values():
        found = command
        if isinstance(command, Deferred):
            yield command.entry
            found = command.entry.load()
        if isinstance(found, click.Group):
            yield from entries(found)


@pytest.mark.parametrize("entry", list(entries(root)), ids=lambda entry: f"{entry.module}.{entry.name}")
def test_summary_in_the_table_is_the_commands_own(entry: Entry) -> None:
    first = (entry.load().help or "").split("\n\n")[0].replace("\n", " ").strip()
    assert entry.summary == first


def test_every_command_stands_in_one_section() -> None:
    placed = [name for _, names in SECTIONS for name in names]
    assert sorted(placed) == sorted(entry.name for entry in COMMANDS)


def test_every_listing_takes_json() -> None:
    listings = [command for path, command in LEAVES if path[-1] in ("list", "search", "show", "status")]
    assert len(listings) >= 8
    assert [one.name for one in listings if "as_json" not in {parameter.name for parameter in one.params}] == []


def test_no_command_takes_a_password_as_argument() -> None:
    for _, command in LEAVES:
        for parameter in command.params:
            if "password" in " ".join(parameter.opts):
                assert isinstance(parameter, click.Option)
                assert parameter.is_flag


def test_help_imports_nothing_heavy() -> None:
    check = f"import sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    code = (
        "from click.testing import CliRunner; from mda.cli.main import root; "
        f"result = CliRunner().invoke(root, ['--help']); assert 'account' in result.output; {check}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_listing_does_not_wait_for_alembic() -> None:
    code = "import sys; import mda.cli.account, mda.cli.message; print('alembic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_errors_are_one_line_with_a_way_out(system: System) -> None:
    assert system.refused("account", "quota", "anne@example.org") == (
        "mda: no domain example.org; add it: mda domain add example.org"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("account", "nonsense"),
        ("account", "add"),
        ("account", "add", "not an address"),
        ("account", "list", "--state", "asleep"),
        ("account", "add", "anne@example.org", "--quota", "5XB"),
        ("account", "quota", "anne@example.org", "5XB"),
        ("domain", "add", "exa mple"),
        ("message", "search", "anne@example.org", "--since", "soon"),
        ("message", "list", "anne@example.org", "--limit", "0"),
        ("--nonsense",),
    ],
)
def test_wrong_usage_exits_2(arguments: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "mda.toml"
    file.write_text("")
    result = System(file, tmp_path).run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr


def test_missing_settings_name_the_way_out(tmp_path: Path) -> None:
    lost = System(tmp_path / "lost.toml", tmp_path)
    assert "No such file" in lost.refused("account", "list")
    assert "mda init" in lost.refused("account", "list")


def test_listing_never_makes_a_database(tmp_path: Path) -> None:
    file = tmp_path / "mda.toml"
    file.write_text(f'data_dir = "{tmp_path / "nowhere"}"')
    assert "there is no database in" in System(file, tmp_path).refused("account", "list")
    assert not (tmp_path / "nowhere").exists()


def test_database_that_is_down_is_a_temporary_failure(system: System) -> None:
    down = {"MDA_DATABASE_URL": "postgresql://mda:secret@127.0.0.1:1/mda"}
    result = system.run("account", "list", environment=down)
    assert result.exit_code == 75
    assert result.stderr.startswith("mda: ")
    assert "secret" not in result.output


def test_no_answer_is_no_consent(anne: System) -> None:
    anne.done("account", "delete", "anne@example.org")
    result = anne.run("account", "delete", "anne@example.org", "--purge", answer="")
    assert result.exit_code == 1
    assert "give --yes" in result.stderr
    assert anne.listed("account", "list")[0]["state"] == "deleted"


def test_config_option_wins_over_the_environment(system: System, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text('data_dir = "/other"')
    assert 'data_dir = "/other"' in system.done("--config", str(other), "config", "show", "--changed")
    assert "/other" not in system.done("config", "show", "--changed")


def test_process_prints_plain_lines_into_a_pipe_and_survives_its_end(anne: System) -> None:
    for number in range(3):
        anne.done("account", "add", f"user{number}@example.org")
    environment = {**os.environ, "MDA_CONFIG": str(anne.file)}
    whole = subprocess.run([*PROGRAM, "account", "list"], env=environment, capture_output=True, text=True, check=True)
    assert [line.split("\t")[0] for line in whole.stdout.splitlines()] == [
        "anne@example.org",
        *(f"user{number}@example.org" for number in range(3)),
    ]
    assert "\x1b" not in whole.stdout
    reader, writer = os.pipe()
    os.close(reader)
    cut = subprocess.run(
        [*PROGRAM, "account", "list"], env=environment, stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert cut.stderr == b"", "a reader that has gone is no error to talk about"


@pytest.fixture
def takes_interrupts() -> Iterator[None]:
    """A shell that runs the tests in the background has told them to ignore it, and a process of theirs would too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("takes_interrupts")
def test_interrupt_exits_130_without_a_traceback(anne: System) -> None:
    environment = {**os.environ, "MDA_CONFIG": str(anne.file)}
    process = subprocess.Popen(
        [*PROGRAM, "deliver", "anne@example.org"], env=environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    # It waits for its standard input once its modules are there: ask the kernel, not the clock.
    status = Path(f"/proc/{process.pid}/wchan")
    syscall = Path(f"/proc/{process.pid}/syscall")
    while not (syscall.read_text().startswith("0 0x0 ") or "pipe_read" in status.read_text()):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in errors


@pytest.mark.usefixtures("takes_interrupts")
@pytest.mark.parametrize(("module", "words"), [("click", ("--help",)), ("sqlalchemy", ("domain", "add", "a.test"))])
def test_interrupt_while_modules_are_imported_is_no_traceback(
    anne: System, tmp_path: Path, module: str, words: tuple[str, ...]
) -> None:
    # Some libraries swallow what is raised while they are imported, as Python does in callbacks.
    lines = "import os, signal\ntry:\n    os.kill(os.getpid(), signal.SIGINT)\nexcept BaseException:\n    pass\n"
    (tmp_path / f"{module}.py").write_text(lines)
    environment = {**os.environ, "MDA_CONFIG": str(anne.file), "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([*PROGRAM, *words], env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


QUICK = (*(path for path, _ in LEAVES if path[-1] == "list"), ("trace",))
SLOW = (
    "sqlalchemy",
    "alembic",
    "rich.console",
    "mda.binding.examination",
    "pickle",
    "ssl",
    "idna",
    "difflib",
    "_hashlib",
)
OF_AN_ACCOUNT = {("mailbox", "list"), ("message", "list"), ("spam", "correspondent", "list"), ("trace",)}


@pytest.mark.parametrize("path", QUICK, ids=" ".join)
def test_quick_listings_import_neither_sqlalchemy_nor_rich(anne: System, path: tuple[str, ...]) -> None:
    anne.deliver("anne@example.org", b"Subject: =?utf-8?q?G=C3=B3ra?=\r\n\r\n")
    anne.done("spam", "policy", "block", "example.net", "--account", "anne@example.org")
    words = (*path, "anne@example.org") if path in OF_AN_ACCOUNT else path
    code = (
        "import sys; from click.testing import CliRunner; from mda.cli.main import root; "
        f"result = CliRunner().invoke(root, {words!r}); "
        f"print(result.exit_code, [name for name in {SLOW!r} if name in sys.modules])"
    )
    environment = {**os.environ, "MDA_CONFIG": str(anne.file)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0 []"


HUGE = "9" * 25
LONG = "9" * 5000
"""More digits than Python reads."""


@pytest.mark.parametrize(
    "words",
    [
        ("message", "list", "anne@example.org", "--limit", HUGE),
        ("message", "search", "anne@example.org", "--limit", HUGE),
        ("trace", "anne@example.org", "--days", HUGE),
        ("shard", "set", "first", "--weight", "2147483648"),
        ("storage", "train-dictionary", "--samples", HUGE),
        ("storage", "replicate", "--watch", "nan"),
        ("storage", "replicate", "--watch", "inf"),
        ("top", "--interval", "nan"),
        ("quota", "set", "anne@example.org", "--size", LONG),
        ("quota", "set", "anne@example.org", "--size", "9" * 400 + ".5GB"),
        ("quota", "set", "anne@example.org", "--messages", LONG),
        ("quota", "set", "anne@example.org", "--warn", LONG),
        ("message", "raw", "anne@example.org", "INBOX:1", "--part", LONG),
        ("message", "raw", "anne@example.org", "INBOX:1", "--range", f"0:{LONG}"),
        ("message", "raw", "anne@example.org", "INBOX:1", "--range", "5-1"),
        ("message", "raw", "anne@example.org", "INBOX:1", "--range", "5:-1"),
        ("message", "search", "anne@example.org", "--since", f"{LONG}d"),
        ("quota", "list", "--over", "nan"),
        ("quota", "list", "--over", "inf"),
        ("quota", "list", "--over", "-1"),
        ("spam", "evaluate", "--index", "x", "--fpr", "nan"),
        ("spam", "evaluate", "--index", "x", "--threshold", "nan"),
        ("undelete", "anne@example.org", "--since", "0001-01-01"),
        ("account", "add", "\udcff@example.org"),
    ],
)
def test_values_beyond_reason_are_wrong_usage(anne: System, words: tuple[str, ...]) -> None:
    result = anne.run(*words)
    assert (result.exit_code, result.stderr.count("Error: Invalid value")) == (2, 1)


@pytest.mark.parametrize(
    "words",
    [("message", "show", "anne@example.org", f"INBOX:{LONG}"), ("account", "retention", "anne@example.org", LONG)],
)
def test_numbers_that_python_does_not_read_are_refused(anne: System, words: tuple[str, ...]) -> None:
    anne.refused(*words)


def test_password_is_asked_for_or_read(anne: System) -> None:
    result = anne.run("account", "add", "bob@example.org", "--password", "--password-stdin", answer="secret\n")
    assert (result.exit_code, "exclude each other" in result.stderr) == (2, True)


def process(system: System, *words: str, shell: str) -> "subprocess.CompletedProcess[str]":
    """A command by a shell that does with its streams what `shell` says, and with 4 GB of memory at most."""
    return subprocess.run(
        ["sh", "-c", f'ulimit -v 4000000; "$@" {shell}', "sh", *PROGRAM, *words],
        env={**os.environ, "MDA_CONFIG": str(system.file)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_word_that_is_no_utf8_is_refused(anne: System) -> None:
    done = process(anne, "account", "hold", "anne@example.org", "--reason", os.fsdecode(b"\xff"), shell="")
    assert (done.returncode, done.stderr) == (1, "mda: '\\udcff' is not in UTF-8; write it in UTF-8\n")


@pytest.mark.parametrize(
    ("words", "shell"),
    [
        (("deliver", "anne@example.org"), "<&-"),
        (("account", "passwd", "anne@example.org", "--password-stdin"), "<&-"),
        (("account", "delete", "anne@example.org", "--purge"), "<&-"),
        (("account", "list"), ">/dev/full"),
        (("--help",), ">/dev/full"),
        (("--version",), ">/dev/full"),
        (("account", "add", "--help"), ">/dev/full"),
    ],
)
def test_closed_or_full_streams_are_named(anne: System, words: tuple[str, ...], shell: str) -> None:
    done = process(anne, *words, shell=shell)
    assert done.returncode == 1
    assert "mda: input or output failed: " in done.stderr
    assert "Traceback" not in done.stderr


def test_exit_code_tells_where_nobody_can_read_the_error(anne: System) -> None:
    anne.file.write_text("[database]\nurl = 'postgresql://127.0.0.1:1/nowhere'\n")
    assert process(anne, "account", "list", shell="2>/dev/full").returncode == 75  # noqa: S604


@pytest.mark.parametrize("shell", [">/dev/full", ">&-", ">&- 2>&-"])
def test_delivered_is_delivered_where_nobody_can_be_told(anne: System, shell: str) -> None:
    done = process(anne, "deliver", "anne@example.org", shell=shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(anne.listed("message", "list", "anne@example.org")) == 1


def test_settings_that_are_no_text_are_named() -> None:
    done = subprocess.run([*PROGRAM, "--config", sys.executable, "config", "check"], capture_output=True, check=False)
    assert (done.returncode, b"it is not in UTF-8" in done.stderr) == (2, True)


@pytest.mark.parametrize("name", ["nosuch.example", "example.org"])
def test_nobody_is_asked_for_what_will_be_refused(anne: System, name: str) -> None:
    result = anne.run("domain", "remove", name, answer="y\n")
    assert (result.exit_code, "Go on?" in result.stderr) == (1, False)


def test_compaction_of_an_unknown_shard_does_nothing(anne: System) -> None:
    assert "no shard nosuch" in anne.refused("storage", "compact", "--shard", "nosuch")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("account", "import", "/dev/zero"), "line 1: a row of more than"),
        (("account", "import", "-"), "line 1: a row of more than"),
        (("account", "passwd", "anne@example.org", "--password-stdin"), "the first line has more than"),
        (("import", "anne@example.org", "/dev/zero"), "is no mbox"),
        (("deliver", "anne@example.org"), "the message is longer than"),
        (("spam", "learn", "anne@example.org", "/dev/zero", "--spam"), "the message is longer than"),
        (("spam", "evaluate", "--index", "/dev/zero"), "line 1: "),
        (("--config", "/dev/zero", "account", "list"), "is longer than 1 MB"),
    ],
)
def test_input_without_an_end_is_refused(anne: System, words: tuple[str, ...], error: str) -> None:
    done = process(anne, *words, shell="</dev/zero")  # noqa: S604
    assert (done.returncode, error in done.stderr, len(done.stderr) < 1000) == (1, True, True), done.stderr[-1000:]

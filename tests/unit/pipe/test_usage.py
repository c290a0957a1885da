"""The command line: any mistake in master.cf must defer the mail, not bounce it."""

from pathlib import Path

import pytest

from tests.unit.pipe.program import MESSAGE, Program
from tests.unit.pipe.scripted_server import serving

RIGHT = ("-f", "a@b.example", "--", "c@d.example")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--",),
        ("--help",),
        ("--version",),
        ("-h",),
        ("-f",),
        ("-f", "a@b.example"),
        ("-f", "a@b.example", "--"),
        ("--", "c@d.example"),
        ("-f", "a@b.example", "c@d.example"),
        ("-f", "a@b.example", "c@d.example", "--", "c@d.example"),
        ("-fa@b.example", "--", "c@d.example"),
        ("--unknown", *RIGHT),
        ("--socketx", "s", *RIGHT),
        ("--socket", "", *RIGHT),
        ("--socket=", *RIGHT),
        ("--socket", "s" * 108, *RIGHT),
        ("--size", "", *RIGHT),
        ("--size", "0", *RIGHT),
        ("--size", "-1", *RIGHT),
        ("--size", "12x", *RIGHT),
        ("--size", "18446744073709551616", *RIGHT),
        ("--size", "99999999999999999999999", *RIGHT),
        ("--size-exact", *RIGHT),
        ("--size-exact=1", "--size", "1", *RIGHT),
        ("--deadline", "0", *RIGHT),
        ("--deadline", "86401", *RIGHT),
        ("--deadline", "1.5", *RIGHT),
        ("--deadline", "1s", *RIGHT),
        ("--queue-id", "x" * 86, *RIGHT),
        ("--original-recipient", "a@b", "--original-recipient", "b@c", *RIGHT),
        (*["--original-recipient=a@b"] * 1001, *RIGHT),
    ],
)
def test_mistakes_are_deferred(program: Program, arguments: tuple[str, ...]) -> None:
    ended = program.run_command([str(program.path), *arguments], MESSAGE)
    assert ended.status == 75
    assert ended.output.startswith(b"4.3.5 ")


def test_no_arguments_at_all(program: Program) -> None:
    assert program.run_command([str(program.path)], MESSAGE).output.startswith(b"4.3.5 usage: mda-pipe ")


def test_several_recipients_before_the_dashes_name_the_setting(program: Program) -> None:
    """What pipe(8) makes of `--original-recipient ${original_recipient}` for two recipients."""
    arguments = ("--original-recipient", "a@b.example", "b@b.example", *RIGHT)
    ended = program.run_command([str(program.path), *arguments], MESSAGE)
    assert b"destination_recipient_limit=1" in ended.output


def test_default_socket_is_compiled_in(program: Program) -> None:
    """Looked up in the binary: an MDA may run on this machine, and a test must not deliver to it."""
    assert b"/run/mda/lmtp.sock\0" in program.path.read_bytes()


def test_the_environment_changes_nothing(program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("MDA_SOCKET", "MDA_CONFIG", "POSIXLY_CORRECT", "LC_ALL"):
        monkeypatch.setenv(name, str(tmp_path))
    with serving() as server:
        assert program.run(server.path).status == 0


def test_forms_with_equal_sign(program: Program) -> None:
    with serving() as server:
        arguments = (f"--socket={server.path}", "--deadline=20", "--queue-id=4gXyz", *RIGHT)
        assert program.run_command([str(program.path), *arguments], MESSAGE).status == 0
    assert server.heard.commands[1] == "XFORWARD IDENT=4gXyz"

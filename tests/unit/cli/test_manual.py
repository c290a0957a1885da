"""Manual pages and completion are made from the commands, and nothing is missing in them."""

import os
import subprocess
from pathlib import Path

import click
import pytest

from mda.cli.commands import walk
from mda.cli.main import COMMANDS, root
from mda.cli.manual import pages
from tests.unit.cli.conftest import PROGRAM, System

PAGES = dict(pages(root))
EVERY = tuple(walk(root))


def unescaped(name: str) -> str:
    return PAGES[name].replace("\\-", "-").replace("\\e", "\\")


def test_every_command_has_a_page_and_no_other() -> None:
    assert set(PAGES) == {"mda", *(f"mda-{entry.name}" for entry in COMMANDS)}
    assert len(EVERY) > 60


@pytest.mark.parametrize(
    ("path", "command"), EVERY[1:], ids=lambda value: " ".join(value) if type(value) is tuple else ""
)
def test_page_holds_every_option_argument_and_example(path: tuple[str, ...], command: click.Command) -> None:
    text = unescaped(f"mda-{path[0]}")
    assert " ".join(("mda", *path)) in text
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert all(name in text for name in parameter.opts)
        else:
            assert (parameter.metavar or parameter.name or "").strip("[].").upper() in text.upper()
    examples = [line.strip() for line in (command.help or "").split("\n") if line.strip().startswith("$ ")]
    assert examples
    assert [line for line in examples if line not in text] == []


@pytest.mark.parametrize("name", PAGES)
def test_page_is_roff(name: str) -> None:
    lines = PAGES[name].splitlines()
    assert lines[0].startswith(f'.TH "{name.upper()}"')
    assert {line.split()[0] for line in lines if line.startswith((".", "'"))} <= {
        *(".TH", ".SH", ".SS", ".PP", ".TP", ".RS", ".RE", ".nf", ".fi")
    }
    assert lines.count(".nf") == lines.count(".fi")
    assert "\b" not in PAGES[name]


def test_pages_are_written(system: System, tmp_path: Path) -> None:
    system.done("manual", str(tmp_path / "man"))
    assert {path.name for path in (tmp_path / "man").iterdir()} == {f"{name}.1" for name in PAGES}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_names_us(system: System, shell: str) -> None:
    assert "_MDA_COMPLETE" in system.done("completion", shell)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("mda acc", "account"),
        ("mda account re", "rename"),
        ("mda account list --st", "--state"),
        ("mda spam policy al", "allow"),
        ("mda account list --state dis", "disabled"),
    ],
)
def test_shell_is_told_what_fits(words: str, expected: str) -> None:
    environment = {
        **os.environ,
        "_MDA_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    done = subprocess.run(PROGRAM, env=environment, capture_output=True, text=True, check=True)
    assert [line.partition(",")[2] for line in done.stdout.splitlines()] == [expected] or expected in done.stdout


def test_folder_that_cannot_be_made_is_named(system: System) -> None:
    assert system.refused("manual", "/proc/man").startswith("mda: /proc/man: ")


def test_no_help_shows_its_marks() -> None:
    for _, command in walk(root):
        assert "\\b" not in (command.help or ""), command.name

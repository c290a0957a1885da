"""`mda manual`: the manual pages, made from the commands themselves: mda(1), and one for each command and group."""

import inspect
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from mda.cli.commands import Path as CommandPath
from mda.cli.commands import loaded, walk
from mda.cli.options import FolderType
from mda.errors import InvalidValue

EXITS = (
    ("0", "done"),
    ("1", "refused: standard error says why, and the way out"),
    ("2", "wrong usage; of mda check and mda config check: something would lose or delay mail"),
    ("75", "the database can't be reached: try again"),
    ("130", "interrupted"),
)

FILES = (
    ("/etc/mda/mda.toml", "the settings; --config or $MDA_CONFIG name another file"),
    ("$MDA_DATABASE_URL", "replaces database.url, so that a password need not stand in the file"),
)


@click.command()
@click.argument("folder", metavar="FOLDER", type=FolderType())
@click.pass_context
def manual(ctx: click.Context, folder: Path) -> None:
    """Write the manual pages into a folder.

    \b
    $ mda manual /usr/local/share/man/man1
    $ man mda-account
    """
    written = pages(ctx.find_root().command)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in written:
            (folder / f"{name}.1").write_text(text)
    except OSError as error:
        raise InvalidValue(f"{error.filename or folder}: {error.strerror}", "name another folder") from error
    click.echo(f"{len(written)} pages in {folder}")


def pages(root: click.Command) -> list[tuple[str, str]]:
    """Name and roff text of each page."""
    if not isinstance(root, click.Group):
        raise TypeError("the root is a group")
    names = list(root.commands)
    first = _page((), root, [f"mda-{name}" for name in names])
    others = [(f"mda-{name}", _page((name,), loaded(root.commands[name]), ["mda"])) for name in names]
    return [("mda", first), *others]


def _page(path: CommandPath, command: click.Command, see_also: Sequence[str]) -> str:
    name = "-".join(("mda", *path))
    lines = [f'.TH "{name.upper()}" "1" "" "mda" "Mail delivery agent"', ".SH NAME", f"{name} \\- {_summary(command)}"]
    lines += [".SH SYNOPSIS", *_synopsis(path, command), ".SH DESCRIPTION", *_description(command)]
    if not path and isinstance(command, click.Group):
        lines += [".SH COMMANDS", *(line for row in _summaries(command) for line in row)]
    lines += _options(command)
    if path:
        for below, one in walk(command, path):
            if below != path:
                lines += [f".SH {_quoted(' '.join(('mda', *below)))}", *_synopsis(below, one), ".PP"]
                lines += [*_description(one), *_options(one, ".SS OPTIONS")]
    lines += [".SH EXIT STATUS", *_defined(EXITS), ".SH FILES", *_defined(FILES)]
    lines += [".SH SEE ALSO", ", ".join(f"\\fB{_escaped(one)}\\fR(1)" for one in see_also)]
    return "\n".join(lines) + "\n"


def _help(command: click.Command) -> str:
    return inspect.cleandoc(command.help or "")


def _summary(command: click.Command) -> str:
    return _escaped(_help(command).split("\n\n")[0].replace("\n", " ").strip().rstrip("."))


def _summaries(group: click.Group) -> Iterator[tuple[str, ...]]:
    for name in group.commands:
        yield ".TP", f"\\fBmda {_escaped(name)}\\fR", _summary(loaded(group.commands[name]))


def _synopsis(path: CommandPath, command: click.Command) -> list[str]:
    pieces = command.collect_usage_pieces(click.Context(command))
    return [f"\\fB{_escaped(' '.join(('mda', *path)))}\\fR {_escaped(' '.join(pieces))}"]


def _description(command: click.Command) -> list[str]:
    """The help's paragraphs; those after a \\b (a backspace, to click) are examples and keep their lines."""
    lines: list[str] = []
    for paragraph in re.split(r"\n\s*\n", _help(command)):
        if paragraph.startswith("\b"):
            lines += [".PP", ".RS 4", ".nf", *(_line(one) for one in paragraph.removeprefix("\b").strip().split("\n"))]
            lines += [".fi", ".RE"]
        else:
            lines += [".PP", _line(paragraph.replace("\n", " "))]
    return lines


def _options(command: click.Command, heading: str = ".SH OPTIONS") -> list[str]:
    context = click.Context(command, help_option_names=["-h", "--help"])
    records = [
        record
        for parameter in command.get_params(context)
        if isinstance(parameter, click.Option) and (record := parameter.get_help_record(context))
    ]
    return [heading, *_defined(records)] if records else []


def _defined(rows: Sequence[tuple[str, str]]) -> list[str]:
    return [line for term, text in rows for line in (".TP", f"\\fB{_escaped(term)}\\fR", _line(text))]


def _line(text: str) -> str:
    """A line of text: none that roff takes for a request."""
    escaped = _escaped(text)
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def _escaped(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-")


def _quoted(text: str) -> str:
    return f'"{_escaped(text).upper()}"'

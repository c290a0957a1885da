"""`mda`: the admin's commands. This module holds the global options, the table of commands and the exit codes.

    0    done                                    75   the database can't be reached: try again (EX_TEMPFAIL)
    1    the admin can mend it: said on stderr   130  interrupted
    2    wrong usage

A user's mistake never ends in a traceback: an MdaError is said as `mda: what; remedy`.
"""

import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from mda.cli import streams
from mda.cli.lazy import Entry, LazyGroup
from mda.cli.start import EXIT_INTERRUPTED
from mda.cli.text import visible
from mda.errors import DatabaseUnavailable, InvalidValue, MdaError

_NOT_UTF8 = r"[\ud800-\udfff]"

EXIT_REFUSED = 1
EXIT_TRY_AGAIN = 75

COMMANDS = (
    Entry("init", "init", "Prepare settings, database and first shard."),
    Entry("serve", "serve", "Run the delivery service."),
    Entry("deliver", "deliver", "Deliver one message from standard input."),
    Entry("check", "check", "Look over settings, database, shards, spam filter and Postfix."),
    Entry("stats", "stats", "Show the running service's figures."),
    Entry("top", "top", "Watch the running service."),
    Entry("config", "config", "Show, check or set the settings."),
    Entry("db", "db", "Upgrade, downgrade or show the database schema, or open psql."),
    Entry("domain", "domain", "Add, list, remove or alias domains."),
    Entry("account", "account", "Add, list, change or delete accounts."),
    Entry("alias", "alias", "Add, list or remove aliases and catch-alls."),
    Entry("quota", "quota", "Set quotas, list who uses how much, or count it again."),
    Entry("mailbox", "mailbox", "List, create, rename or delete mailboxes."),
    Entry("message", "message", "List, search, show, move, expunge or purge messages."),
    Entry("trace", "trace", "Say what happened to a message."),
    Entry("import", "import_mail", "Import an mbox, a Maildir, or a folder of mboxes."),
    Entry("export", "export_mail", "Export an account's mail into a new folder."),
    Entry("undelete", "undelete", "Bring expunged messages back."),
    Entry("shard", "shard", "Add, list, drain or remove shards, and move accounts between them."),
    Entry("backup", "backup", "Back everything up into a folder, beside deliveries."),
    Entry("restore", "restore", "Restore everything, or one account's mail, as a backup has it."),
    Entry("storage", "storage", "Check, compact or rebuild what the shards hold."),
    Entry("spam", "spam", "Teach the spam filter, and ask it why."),
    Entry("completion", "completion", "Print the completion script of a shell: bash, zsh or fish."),
    Entry("manual", "manual", "Write the manual pages into a folder."),
)

SECTIONS = (
    ("Service", ("init", "serve", "deliver", "check", "stats", "top", "config", "db")),
    ("Directory", ("domain", "account", "alias", "quota")),
    ("Mail", ("trace", "mailbox", "message", "import", "export", "undelete", "spam")),
    ("Storage", ("shard", "storage", "backup", "restore")),
    ("Shell", ("completion", "manual")),
)
"""How `mda --help` sorts the commands."""


class Root(LazyGroup):
    """The `mda` group: turns errors into one line on stderr and an exit code, and lists the commands by section."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        summaries = {entry.name: entry.summary for entry in COMMANDS}
        widest = max(map(len, summaries))
        for heading, names in SECTIONS:
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(widest), summaries[name]) for name in names])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DatabaseUnavailable as error:
            _refuse(ctx, error, EXIT_TRY_AGAIN)
        except MdaError as error:
            _refuse(ctx, error, EXIT_REFUSED)
        except click.Abort as abort:
            # click raises Abort for ^C at a prompt and for a prompt without input; only its context tells which.
            if isinstance(abort.__context__, EOFError):
                click.echo("\nmda: no answer on standard input; answer the question, or give --yes", err=True)
                ctx.exit(EXIT_REFUSED)
            ctx.exit(EXIT_INTERRUPTED)
        except KeyboardInterrupt:
            ctx.exit(EXIT_INTERRUPTED)
        except UnicodeEncodeError as error:
            if not re.search(_NOT_UTF8, " ".join(sys.argv)):
                raise
            _refuse(ctx, InvalidValue(f"{error.object!r} is not in UTF-8", "write it in UTF-8"), EXIT_REFUSED)


def _refuse(ctx: click.Context, error: MdaError, status: int) -> None:
    _say(error)
    ctx.exit(status)


def _say(error: MdaError) -> None:
    with suppress(OSError):  # where nobody can read it, the exit code still tells
        click.echo(f"mda: {visible(str(error))}", err=True)


@click.group(
    cls=Root,
    entries=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
)
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Settings file. Otherwise $MDA_CONFIG, otherwise /etc/mda/mda.toml.",
)
@click.version_option(package_name="mda", prog_name="mda")
@click.pass_context
def root(ctx: click.Context, config: Path | None) -> None:
    """Mail delivery agent and mail store for Postfix.

    \b
    $ mda init
    $ mda domain add example.org
    $ mda account add anne@example.org
    $ mda serve
    """
    ctx.obj = config


def main() -> None:
    """Runs the command that the process's arguments name, and ends the process with its exit code."""
    streams.open_missing()
    try:
        root.main(prog_name="mda")
    except OSError as error:  # also of --help, which is written before anything is invoked
        if error.filename is not None:  # a bug
            raise
        streams.give_up_output()
        _say(MdaError(f"input or output failed: {error.strerror}"))
        sys.exit(EXIT_REFUSED)

"""`mda spam trainer`: the process that learns what users have moved and marked."""

import fcntl
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from mda import settings
from mda.cli import message_bytes
from mda.cli.options import json_object_option
from mda.cli.progress import Meter, amount
from mda.cli.table import to_json
from mda.errors import CommitUnknown, Conflict, DatabaseUnavailable
from mda.learning.trainer import Places, Trainer
from mda.logs import configure, logger
from mda.metadata.postgresql.readiness import fit_to_serve
from mda.settings import Settings

IDLE_SECONDS = 0.5
"""Between looks at the queue: a mark is learned within a second."""

TROUBLE_SECONDS = 5.0
LOCK = "trainer.lock"


@click.command()
@click.option("--once", is_flag=True, help="Learn what waits, write the model, and exit.")
@json_object_option
@click.pass_obj
def trainer(config: Path | None, once: bool, as_json: bool) -> None:
    """Learn what users have moved into and out of Junk, and what they have marked.

    Stays in the foreground; SIGTERM ends it after the message in hand, and interrupted it goes on the next time. Each
    user's weights follow within a second, the model of all every spam.trainer_seconds.

    \b
    $ mda spam trainer
    $ mda spam trainer --once
    """
    chosen = settings.load(config)
    configure(chosen.log)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with _alone(chosen), fit_to_serve(chosen) as handle:
        base = Path(chosen.spam.model) if chosen.spam.model else None
        places = Places(message_bytes.stored, chosen.trained_model, base)
        made = Trainer(handle, places, chosen.spam.trainer_seconds)
        done = _drain(made, stop) if once else _run(made, stop)
        made.write()
    click.echo(to_json({"learned": done}) if as_json else f"learned {done} marks")


def _drain(made: Trainer, stop: threading.Event) -> int:
    done = 0
    with Meter("learning", form=amount("marks")) as meter:
        while not stop.is_set() and (learned := made.round()):
            done += learned
            meter.add(learned)
    return done


def _run(made: Trainer, stop: threading.Event) -> int:
    done = 0
    while not stop.is_set():
        try:
            learned = made.round()
        except (DatabaseUnavailable, CommitUnknown) as error:
            logger("trainer").error("database_unavailable", error=error.message, remedy=error.remedy)
            made.doubt()
            stop.wait(TROUBLE_SECONDS)
            continue
        done += learned
        if not learned:
            stop.wait(IDLE_SECONDS)
    return done


@contextmanager
def _alone(chosen: Settings) -> Iterator[None]:
    """One trainer a data folder: two would write the same file in turns."""
    folder = chosen.trained_model.parent
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Conflict("a trainer is running already", "one is enough for a machine") from error
        yield

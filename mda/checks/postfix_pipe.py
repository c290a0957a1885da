"""pipe(8) with mda-pipe as it is set for a route to us (docs: conf/postfix/master.cf).

Much of it can bounce mail: pipe(8) takes most failures of a command as permanent.
"""

import grp
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from mda.checks.finding import Finding, error, warning
from mda.checks.postfix_remedies import changed, parameter, pipe_command
from mda.checks.postfix_routes import PROGRAM, Route
from mda.checks.postfix_users import fit_user, is_known, is_refused, trusting
from mda.checks.site import Site, quoted
from mda.errors import InvalidValue
from mda.postfix.configuration import Configuration, Service
from mda.postfix.durations import seconds
from mda.settings import Settings

CHANGING_FLAGS = frozenset("BDFORhqu.>")
"""Flags of pipe(8) that add header fields, change lines or fold addresses."""

OWN_DEADLINE_SECONDS = 800
"""mda-pipe's own, where no --deadline is given (csrc/pipe/limits.h)."""

QUEUE_ID = "${queue_id}"
SIZE_EXACT = "--size-exact"
GROUP = "mda"
"""Of the socket, where the packages have made it."""


def check(route: Route, configuration: Configuration, settings: Settings, site: Site) -> Iterator[Finding]:
    """What is wrong with a route by pipe(8)."""
    service = route.service
    # One line mends all that is wrong with the command: of two, the second would undo the first.
    mended = changed(configuration, pipe_command(service, _mended(service, configuration, settings)))
    yield from _program(service, mended)
    yield from _flags(service, mended)
    yield from _user(service, configuration, settings, site, mended)
    yield from _recipients(service, configuration)
    yield from _time(service, configuration)
    yield from _size(service, configuration, mended)
    yield from _queue_id(service, mended)


def _mended(service: Service, configuration: Configuration, settings: Settings) -> list[str]:
    """The service's attributes and argv as they should be."""
    place = next(number for number, word in enumerate(service.arguments) if word.startswith("argv="))
    attributes, (program, *rest) = list(service.arguments[:place]), service.arguments[place:]
    flags = service.attribute("flags") or ""
    kept = "".join(flag for flag in flags if flag not in CHANGING_FLAGS)
    attributes = [word for word in attributes if not word.startswith("flags=")] + ([f"flags={kept}"] if kept else [])
    user = (service.attribute("user") or "").partition(":")[0]
    if is_refused(user, configuration) or not is_known(user):
        attributes = [word for word in attributes if not word.startswith("user=")]
        attributes.insert(0, f"user={_with_group(fit_user(configuration, settings))}")
    if _milters(configuration):
        rest = [word for word in rest if word != SIZE_EXACT]
    if QUEUE_ID not in service.program_arguments:
        rest = ["--queue-id", QUEUE_ID, *rest]
    return [*attributes, f"argv={_found(program.removeprefix('argv='))}", *rest]


def _with_group(user: str) -> str:
    try:
        grp.getgrnam(GROUP)
    except KeyError:
        return user
    return f"{user}:{GROUP}"


def _found(program: str) -> str:
    """The program, or where else it is."""
    return program if Path(program).exists() else shutil.which(PROGRAM) or program


def _program(service: Service, mended: str) -> Iterator[Finding]:
    program = service.program_arguments[0]
    if not os.access(program, os.X_OK):
        if Path(program).exists():
            remedy = f"chmod a+x {quoted(program)}"
        else:
            remedy = mended if _found(program) != program else f"install {PROGRAM} as {program}: make install"
        yield error(
            "postfix.pipe_program",
            f"{service.name} runs {program}, which is not there or can't be run",
            "all mail is deferred (4.3.0)",
            remedy,
        )


def _flags(service: Service, mended: str) -> Iterator[Finding]:
    flags = service.attribute("flags") or ""
    changing = "".join(flag for flag in flags if flag in CHANGING_FLAGS)
    if changing:
        yield warning(
            "postfix.pipe_flags",
            f"{service.name} has flags={flags}; {changing} change the message or its addresses",
            "header fields stand twice, sizes do not fit, and a redelivery may not be recognised",
            mended,
        )


def _user(
    service: Service, configuration: Configuration, settings: Settings, site: Site, mended: str
) -> Iterator[Finding]:
    user = (service.attribute("user") or "").partition(":")[0]
    other = fit_user(configuration, settings)
    if other not in settings.lmtp.trusted_users:
        mended = f"{trusting(configuration, settings, site, other)} && {mended}"
    if is_refused(user, configuration):
        yield error(
            "postfix.pipe_user",
            f"{service.name} has user={user or '(none)'}, which pipe(8) refuses",
            "all mail is deferred (4.3.5)",
            mended,
        )
    elif not is_known(user):
        yield error(
            "postfix.pipe_user",
            f"{service.name} has user={user}, whom this machine does not know",
            "all mail is deferred (4.3.5)",
            mended,
        )
    elif user not in settings.lmtp.trusted_users:
        yield warning(
            "postfix.pipe_user",
            f"{service.name} runs mda-pipe as {user}, who is not in lmtp.trusted_users of mda.toml",
            "queue ids are not believed, so mda trace does not find messages by them",
            trusting(configuration, settings, site),
        )


def _recipients(service: Service, configuration: Configuration) -> Iterator[Finding]:
    name = f"{service.name}_destination_recipient_limit"
    limit = configuration.value(name)
    if limit != "1":
        yield error(
            "postfix.pipe_recipient_limit",
            f"{name} is {limit}, but one run of mda-pipe has one exit status for all",
            "a message to several recipients that get different answers is deferred until it expires and bounces",
            parameter(configuration, name, "1"),
        )


def _time(service: Service, configuration: Configuration) -> Iterator[Finding]:
    name = f"{service.name}_time_limit"
    limit = _seconds(configuration.value(name) or configuration.value("command_time_limit"))
    own = _deadline(service)
    if own >= limit:
        yield error(
            "postfix.pipe_time_limit",
            f"{name} is {limit} s, and mda-pipe gives up after {own} s only",
            "Postfix kills it first, and then BOUNCES the mail",
            parameter(configuration, name, f"{own + max(own // 4, 60)}s"),
        )


def _milters(configuration: Configuration) -> list[str]:
    return [name for name in ("smtpd_milters", "non_smtpd_milters") if configuration.words(name)]


def _size(service: Service, configuration: Configuration, mended: str) -> Iterator[Finding]:
    milters = _milters(configuration)
    if SIZE_EXACT in service.program_arguments and milters:
        yield error(
            "postfix.pipe_size_exact",
            f"{service.name} runs mda-pipe with --size-exact, and {' and '.join(milters)} may change mail",
            "changed messages are deferred until they expire and bounce",
            mended,
        )


def _queue_id(service: Service, mended: str) -> Iterator[Finding]:
    if QUEUE_ID not in service.program_arguments:
        yield warning(
            "postfix.pipe_queue_id",
            f"{service.name} does not tell mda-pipe the queue id",
            "mda trace finds no message by its queue id",
            mended,
        )


def _deadline(service: Service) -> int:
    words = iter(service.program_arguments)
    for word in words:
        text = next(words, "") if word == "--deadline" else word.partition("--deadline=")[2]
        if text.isdecimal():
            return int(text)
    return OWN_DEADLINE_SECONDS


def _seconds(text: str) -> int:
    try:
        return seconds(text)
    except InvalidValue:
        return 0

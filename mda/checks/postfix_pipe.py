"""pipe(8) with mda-pipe as it is set for a route to us (docs: conf/postfix/master.cf).

Much of it can bounce mail: pipe(8) takes most failures of a command as permanent.
"""

import os
import pwd
from collections.abc import Iterator

from mda.checks.finding import Finding, error, warning
from mda.checks.postfix_remedies import parameter, pipe_command
from mda.checks.postfix_routes import Route
from mda.errors import InvalidValue
from mda.postfix.configuration import Configuration, Service
from mda.postfix.durations import seconds
from mda.settings import Settings

CHANGING_FLAGS = frozenset("BDFORhqu.>")
"""Flags of pipe(8) that add header fields, change lines or fold addresses."""

OWN_DEADLINE_SECONDS = 800
"""mda-pipe's own, where no --deadline is given (csrc/pipe/limits.h)."""

QUEUE_ID = "${queue_id}"


def check(route: Route, configuration: Configuration, settings: Settings) -> Iterator[Finding]:
    """What is wrong with a route by pipe(8)."""
    service = route.service
    yield from _program(service)
    yield from _flags(service)
    yield from _user(service, configuration, settings)
    yield from _recipients(service, configuration)
    yield from _time(service, configuration)
    yield from _size(service, configuration)
    yield from _queue_id(service)


def _program(service: Service) -> Iterator[Finding]:
    program = service.program_arguments[0]
    if not os.access(program, os.X_OK):
        yield error(
            "postfix.pipe_program",
            f"{service.name} runs {program}, which is not there or can't be run",
            "all mail is deferred (4.3.0)",
            "make install, or name its place in argv= of master.cf",
        )


def _flags(service: Service) -> Iterator[Finding]:
    flags = service.attribute("flags") or ""
    changing = "".join(flag for flag in flags if flag in CHANGING_FLAGS)
    if changing:
        yield warning(
            "postfix.pipe_flags",
            f"{service.name} has flags={flags}; {changing} change the message or its addresses",
            "header fields stand twice, sizes do not fit, and a redelivery may not be recognised",
            _without(service, "flags="),
        )


def _user(service: Service, configuration: Configuration, settings: Settings) -> Iterator[Finding]:
    user = (service.attribute("user") or "").partition(":")[0]
    if user in ("", "root", configuration.value("mail_owner")):
        yield error(
            "postfix.pipe_user",
            f"{service.name} has user={user or '(none)'}, which pipe(8) refuses",
            "all mail is deferred (4.3.5)",
            _with(service, "user=", "user=nobody:mda"),
        )
    elif user not in settings.lmtp.trusted_users:
        yield warning(
            "postfix.pipe_user",
            f"{service.name} runs mda-pipe as {user}, who is not in lmtp.trusted_users of mda.toml",
            "queue ids are not believed, so mda trace does not find messages by them",
            f'in mda.toml: trusted_users = ["{configuration.value("mail_owner")}", "{user}"]',
        )
    elif not _is_user(user):
        yield error(
            "postfix.pipe_user",
            f"{service.name} has user={user}, whom this machine does not know",
            "all mail is deferred (4.3.5)",
            _with(service, "user=", "user=nobody:mda"),
        )


def _recipients(service: Service, configuration: Configuration) -> Iterator[Finding]:
    name = f"{service.name}_destination_recipient_limit"
    limit = configuration.value(name)
    if limit != "1":
        yield error(
            "postfix.pipe_recipient_limit",
            f"{name} is {limit}, but one run of mda-pipe has one exit status for all",
            "a message to several recipients that get different answers is deferred until it expires and bounces",
            parameter(name, "1"),
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
            parameter(name, f"{own + max(own // 4, 60)}s"),
        )


def _size(service: Service, configuration: Configuration) -> Iterator[Finding]:
    milters = [name for name in ("smtpd_milters", "non_smtpd_milters") if configuration.words(name)]
    if "--size-exact" in service.program_arguments and milters:
        yield error(
            "postfix.pipe_size_exact",
            f"{service.name} runs mda-pipe with --size-exact, and {' and '.join(milters)} may change mail",
            "changed messages are deferred until they expire and bounce",
            _without(service, "--size-exact"),
        )


def _queue_id(service: Service) -> Iterator[Finding]:
    if QUEUE_ID not in service.program_arguments:
        yield warning(
            "postfix.pipe_queue_id",
            f"{service.name} does not tell mda-pipe the queue id",
            "mda trace finds no message by its queue id",
            _with(service, "--queue-id", None),
        )


def _deadline(service: Service) -> int:
    words = iter(service.program_arguments)
    for word in words:
        text = next(words, "") if word == "--deadline" else word.partition("--deadline=")[2]
        if text.isdecimal():
            return int(text)
    return OWN_DEADLINE_SECONDS


def _without(service: Service, start: str) -> str:
    return pipe_command(service, *(word for word in service.arguments if not word.startswith(start)))


def _with(service: Service, start: str, word: str | None) -> str:
    """The command with an attribute in front, or with mda-pipe's --queue-id behind its name."""
    rest = [one for one in service.arguments if not one.startswith(start)]
    if word is not None:
        return pipe_command(service, word, *rest)
    place = next(number for number, one in enumerate(rest) if one.startswith("argv=")) + 1
    return pipe_command(service, *rest[:place], start, QUEUE_ID, *rest[place:])


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _seconds(text: str) -> int:
    try:
        return seconds(text)
    except InvalidValue:
        return 0

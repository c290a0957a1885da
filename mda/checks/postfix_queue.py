"""Postfix's parameters that hold for all mail to us: how long it is kept, how large it may be, how it is named."""

from collections.abc import Iterator

from mda.checks.finding import Finding, error, warning
from mda.checks.postfix_remedies import parameter
from mda.errors import InvalidValue
from mda.postfix.configuration import Configuration
from mda.postfix.durations import UNIT_SECONDS, seconds
from mda.settings import Settings

DAY_SECONDS = UNIT_SECONDS["d"]
DEFAULT_DAYS = 5


def check(configuration: Configuration, settings: Settings) -> Iterator[Finding]:
    """What is wrong between main.cf and mda.toml."""
    yield from _lifetime(configuration, settings)
    yield from _size(configuration, settings)
    yield from _delimiter(configuration, settings)
    yield from _queue_ids(configuration)
    yield from _trust(configuration, settings)


def _lifetime(configuration: Configuration, settings: Settings) -> Iterator[Finding]:
    window = settings.delivery.receipt_days * DAY_SECONDS
    for name in ("maximal_queue_lifetime", "bounce_queue_lifetime"):
        try:
            lifetime = seconds(configuration.value(name), "d")
        except InvalidValue:
            continue
        if lifetime >= window:
            days = min(DEFAULT_DAYS, settings.delivery.receipt_days - 1)
            yield warning(
                f"postfix.{name}",
                f"{name} is {configuration.value(name)}, and receipts are kept for {settings.delivery.receipt_days} d"
                " (delivery.receipt_days)",
                "a message that was stored but whose answer got lost may be stored twice",
                parameter(name, f"{days}d")
                if days > 0
                else f"in mda.toml: [delivery] receipt_days = {lifetime // DAY_SECONDS + 2}",
            )


def _size(configuration: Configuration, settings: Settings) -> Iterator[Finding]:
    name = "message_size_limit"
    limit = configuration.value(name)
    if limit == "0" or (limit.isdecimal() and int(limit) > settings.lmtp.message_bytes):
        yield error(
            f"postfix.{name}",
            f"{name} is {limit}{' (no limit)' if limit == '0' else ''}, and we take {settings.lmtp.message_bytes}"
            " octets (lmtp.message_bytes)",
            "mail between the two is accepted by Postfix and then bounced (5.3.4)",
            parameter(name, str(settings.lmtp.message_bytes)),
        )


def _delimiter(configuration: Configuration, settings: Settings) -> Iterator[Finding]:
    name, ours = "recipient_delimiter", settings.delivery.recipient_delimiter
    theirs = configuration.value(name)
    if theirs and theirs != ours:
        yield warning(
            f"postfix.{name}",
            f"{name} is {theirs!r} in Postfix and {ours!r} here (delivery.recipient_delimiter)",
            "Postfix's tables and the MDA disagree on whose address user+detail is",
            parameter(name, ours),
        )


def _queue_ids(configuration: Configuration) -> Iterator[Finding]:
    name = "enable_long_queue_ids"
    if configuration.value(name) != "yes":
        yield warning(
            f"postfix.{name}",
            "queue ids are used again within a day",
            "mda trace may mix two messages, and mail without a Received of Postfix might be taken for a redelivery",
            parameter(name, "yes"),
        )


def _trust(configuration: Configuration, settings: Settings) -> Iterator[Finding]:
    owner = configuration.value("mail_owner")
    if owner not in settings.lmtp.trusted_users:
        users = ", ".join(f'"{user}"' for user in (owner, *settings.lmtp.trusted_users))
        yield warning(
            "postfix.mail_owner",
            f"Postfix runs as {owner}, who is not in lmtp.trusted_users of mda.toml",
            "queue ids are not believed, so mda trace does not find messages by them",
            f"in mda.toml: [lmtp] trusted_users = [{users}]",
        )

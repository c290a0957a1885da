"""Postfix's parameters that hold for all mail to us: how long it is kept, how large it may be, how it is named."""

from collections.abc import Iterator

from mda.checks.finding import Finding, error, warning
from mda.checks.postfix_remedies import parameter
from mda.checks.postfix_users import trusting
from mda.checks.settings_file import POSTFIX_QUEUE_DAYS, RECEIPT_DAYS
from mda.checks.site import Site
from mda.errors import InvalidValue
from mda.postfix.configuration import Configuration
from mda.postfix.durations import UNIT_SECONDS, seconds
from mda.settings import Settings

DAY_SECONDS = UNIT_SECONDS["d"]


def check(configuration: Configuration, settings: Settings, site: Site) -> Iterator[Finding]:
    """What is wrong between main.cf and mda.toml."""
    yield from _lifetime(configuration, settings, site)
    yield from _size(configuration, settings)
    yield from _delimiter(configuration, settings)
    yield from _queue_ids(configuration)
    yield from _trust(configuration, settings, site)


def _lifetime(configuration: Configuration, settings: Settings, site: Site) -> Iterator[Finding]:
    window = settings.delivery.receipt_days * DAY_SECONDS
    for name in ("maximal_queue_lifetime", "bounce_queue_lifetime"):
        try:
            lifetime = seconds(configuration.value(name), "d")
        except InvalidValue:
            continue
        if lifetime >= window:
            yield warning(
                f"postfix.{name}",
                f"{name} is {configuration.value(name)}, and receipts are kept for {settings.delivery.receipt_days} d"
                " (delivery.receipt_days)",
                "a message that was stored but whose answer got lost may be stored twice",
                " && ".join(_kept_longer(configuration, settings, site, name, lifetime)),
            )


def _kept_longer(
    configuration: Configuration, settings: Settings, site: Site, name: str, lifetime: int
) -> Iterator[str]:
    """Both brought to what they are by default, where they are not: so no line undoes another."""
    if settings.delivery.receipt_days <= POSTFIX_QUEUE_DAYS:
        yield site.setting("delivery.receipt_days", RECEIPT_DAYS)
    if lifetime > POSTFIX_QUEUE_DAYS * DAY_SECONDS:
        yield parameter(configuration, name, f"{POSTFIX_QUEUE_DAYS}d")


def _size(configuration: Configuration, settings: Settings) -> Iterator[Finding]:
    name = "message_size_limit"
    limit = configuration.value(name)
    if limit == "0" or (limit.isdecimal() and int(limit) > settings.lmtp.message_bytes):
        yield error(
            f"postfix.{name}",
            f"{name} is {limit}{' (no limit)' if limit == '0' else ''}, and we take {settings.lmtp.message_bytes}"
            " octets (lmtp.message_bytes)",
            "mail between the two is accepted by Postfix and then bounced (5.3.4)",
            parameter(configuration, name, str(settings.lmtp.message_bytes)),
        )


def _delimiter(configuration: Configuration, settings: Settings) -> Iterator[Finding]:
    name, ours = "recipient_delimiter", settings.delivery.recipient_delimiter
    theirs = configuration.value(name)
    if theirs and theirs != ours:
        yield warning(
            f"postfix.{name}",
            f"{name} is {theirs!r} in Postfix and {ours!r} here (delivery.recipient_delimiter)",
            "Postfix's tables and the MDA disagree on whose address user+detail is",
            parameter(configuration, name, ours),
        )


def _queue_ids(configuration: Configuration) -> Iterator[Finding]:
    name = "enable_long_queue_ids"
    if configuration.value(name) != "yes":
        yield warning(
            f"postfix.{name}",
            "queue ids are used again within a day",
            "mda trace may mix two messages, and mail without a Received of Postfix might be taken for a redelivery",
            parameter(configuration, name, "yes"),
        )


def _trust(configuration: Configuration, settings: Settings, site: Site) -> Iterator[Finding]:
    owner = configuration.value("mail_owner")
    if owner not in settings.lmtp.trusted_users:
        yield warning(
            "postfix.mail_owner",
            f"Postfix runs as {owner}, who is not in lmtp.trusted_users of mda.toml",
            "queue ids are not believed, so mda trace does not find messages by them",
            trusting(configuration, settings, site),
        )

"""The mail that warns of a quota: a pure function of the warning, so that a second try writes the same.

The admin's own words come from a file: its first line is the subject, what follows the text, and {address}, {domain},
{percent}, {used} and {quota} stand for the figures.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mda import quota
from mda.errors import SettingsError
from mda.metadata.directory.quota_warnings import QuotaWarning
from mda.metadata.directory.resolve import Target
from mda.sizes import format_size

OF_ACCOUNT = """Your mailbox is {percent} % full
Your mailbox {address} holds {used} of {quota}, which is {percent} %.

Once it is full, mail to it is no longer taken. To make room, delete what you do
not need any more, Junk and Trash first.
"""

OF_DOMAIN = """The mailboxes of {domain} are {percent} % full
The mailboxes of {domain} together hold {used} of {quota}, which is {percent} %.

Once the domain is full, mail to all its mailboxes is no longer taken. To make
room, have mail deleted that is not needed any more, or ask for a larger quota.
"""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def words(file: str) -> str | None:
    """The admin's own words; None where no file is named. SettingsError where they can't be read."""
    if not file:
        return None
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"quota.warning_file: {file}: {error}", "name a text file in UTF-8") from error


def target(warning: QuotaWarning) -> Target:
    """Whose INBOX it goes to."""
    return Target(
        account_id=warning.account_id,
        address=warning.address,
        shard_id=warning.shard_id,
        is_enabled=True,
        quota_bytes=None,
        quota_messages=None,
        used_bytes=0,
        used_messages=0,
        detail="",
        detail_mailbox_id=None,
        spam_threshold=None,
        replica_shard_id=warning.replica_shard_id,
    )


def digest(warning: QuotaWarning) -> bytes:
    """What stays the same over all tries of one warning, for its receipt; as `receipts.message_digest`."""
    state = hashlib.sha256(b"quota warning\0")
    state.update(f"{warning.account_id} {_microseconds(warning)} {warning.domain}".encode())
    return state.digest()


def compose(warning: QuotaWarning, template: str | None = None) -> bytes:
    """The message, with CRLF line ends. `template`: the admin's words; of an account's quota alone."""
    # Not with the module: few workers ever write one, and it takes as long to import as the rest of a stage.
    from email.message import EmailMessage  # noqa: PLC0415
    from email.policy import SMTP  # noqa: PLC0415

    chosen = OF_DOMAIN if warning.domain else template or OF_ACCOUNT
    subject, _, text = _filled(chosen, warning).partition("\n")
    host = warning.address.rpartition("@")[2]
    mail = EmailMessage(SMTP)
    mail["From"] = f"Mail system <postmaster@{host}>"
    mail["To"] = f"<{warning.address}>"
    mail["Subject"] = subject.strip()
    mail["Date"] = warning.crossed_at
    mail["Message-ID"] = f"<quota.{warning.account_id:x}.{_microseconds(warning):x}@{host}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834 s5: nobody's vacation answers it
    mail.set_content(text.lstrip("\n"), cte="quoted-printable")
    return mail.as_bytes()


def _filled(template: str, warning: QuotaWarning) -> str:
    used, most = _nearest(warning)
    values = {
        "address": warning.address,
        "domain": warning.domain or warning.address.rpartition("@")[2],
        "percent": str(quota.percent(warning)),
        "used": used,
        "quota": most,
    }
    for name, value in values.items():
        template = template.replace(f"{{{name}}}", value)
    return template


def _nearest(warning: QuotaWarning) -> tuple[str, str]:
    """What is used, and of what: the limit that is nearer."""
    messages, octets = warning.quota_messages, warning.quota_bytes
    is_of_messages = octets is None or (
        messages is not None and warning.used_messages * octets > warning.used_bytes * messages
    )
    if is_of_messages:
        return str(warning.used_messages), f"{messages} messages"
    return format_size(warning.used_bytes), format_size(octets)


def _microseconds(warning: QuotaWarning) -> int:
    return (warning.crossed_at - EPOCH) // timedelta(microseconds=1)

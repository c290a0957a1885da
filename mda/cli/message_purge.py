"""`mda message purge`: messages that must not be there any more, not even for undelete."""

from pathlib import Path

import click

from mda import settings
from mda.address import Address
from mda.cli import message_name
from mda.cli.ask import confirm
from mda.cli.options import account_argument, json_object_option, rehearsal_option, yes_option
from mda.cli.storage_report import Told, run_erasure
from mda.cli.table import to_json
from mda.errors import NotFound
from mda.identifiers import IdentifierSource, parse_id
from mda.learning import teach
from mda.maintenance.compaction import rules_of
from mda.maintenance.purging import record_purges
from mda.metadata.directory import accounts
from mda.metadata.mailbox import erasure
from mda.metadata.postgresql.opened import Handle, opened


@click.command()
@account_argument
@click.argument("names", metavar="MESSAGE...", nargs=-1, required=True)
@rehearsal_option
@json_object_option
@yes_option
@click.pass_obj
def purge(
    config: Path | None, account: Address, names: tuple[str, ...], is_rehearsal: bool, as_json: bool, is_agreed: bool
) -> None:
    """Erase messages for good: rows, marks, and their bytes on the shards.

    Expunged ones, too, by their id. The bytes are gone when every segment that holds them has been rewritten: those
    being written now are sealed within storage.segment_age_seconds, and the next mda storage compact takes them, and
    what an interrupted run has left.

    \b
    $ mda message purge anne@example.org INBOX:17
    $ mda message purge anne@example.org 01c9f3e2a4b5c6d7 --yes
    """
    chosen = settings.load(config)
    with opened(chosen) as handle:
        account_id = accounts.find(handle, account).id
        content_ids = sorted({_content_id(handle, account_id, name) for name in names})
        count = erasure.ask(handle, account_id, content_ids, is_rehearsal=True)
        what = f"{count} message" + ("" if count == 1 else "s")
        told = Told(is_quiet=as_json)
        document: dict[str, object] = {"is_dry_run": is_rehearsal, "messages": count}
        if is_rehearsal:
            told.line(f"would purge {what}")
        else:
            confirm(f"{what} will be gone for good.", is_agreed=is_agreed)
            erasure.ask(handle, account_id, content_ids)
            teach.forget(handle, IdentifierSource(), account_id, content_ids, None)
            record_purges(handle, IdentifierSource())
            told.line(f"purged {what}")
            erased = run_erasure(handle, chosen, rules_of(chosen), told)
            document |= {"erased": erased.done, "to_erase": erased.waiting}
    if as_json:
        click.echo(to_json(document))


def _content_id(handle: Handle, account_id: int, name: str) -> int:
    """Of a message in a mailbox, or of one that is expunged, which only its id can name."""
    try:
        return message_name.find_any(handle, account_id, name).content_id
    except NotFound:
        if ":" in name or len(name) != message_name.EMAILID_DIGITS:
            raise
        return parse_id(name)

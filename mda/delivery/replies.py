"""From the outcomes of a recipient's accounts to its one reply line (RFC 2033 s4.2).

An alias to several accounts has one answer: any temporary failure makes it temporary (Postfix tries again, and
receipts protect the accounts that already have it); else any stored copy makes it 250 and the refused ones are
only logged; else the first refusal. The text names ids, never anything from the mail: Postfix logs it.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter

from mda.causes import Cause, Reply
from mda.delivery.copies import Copy
from mda.identifiers import format_id
from mda.metadata.delivery.deliver import Stored

_IDS_SHOWN = 3
_is_duplicate = attrgetter("is_duplicate")


def for_recipients(
    copies: Sequence[Copy], outcomes: Sequence[Stored | Cause], shard_name: Callable[[int], str]
) -> tuple[Reply, ...]:
    """One reply per recipient, from the outcomes of its copies (each has one at least), which stand together."""
    if len(copies) == 1:
        return (for_recipient(outcomes, shard_name(copies[0].target.shard_id)),)
    said = []
    for _, pairs in groupby(zip(copies, outcomes, strict=True), key=lambda pair: pair[0].number):
        its_copies, its_outcomes = zip(*pairs, strict=True)
        said.append(for_recipient(its_outcomes, shard_name(its_copies[0].target.shard_id)))
    return tuple(said)


def for_recipient(outcomes: Sequence[Stored | Cause], shard_name: str) -> Reply:
    """The reply for a recipient whose accounts had these outcomes (at least one); `shard_name` is the first's."""
    stored = [outcome for outcome in outcomes if isinstance(outcome, Stored)]
    if len(stored) < len(outcomes):
        causes = [outcome for outcome in outcomes if isinstance(outcome, Cause)]
        if not stored or any(cause.reply.is_temporary for cause in causes):
            return gravest(causes).reply
    return Reply(250, "2.0.0", _saved(stored, shard_name))


def gravest(causes: Sequence[Cause]) -> Cause:
    """The cause that speaks for several: the first temporary one, else the first."""
    return next((cause for cause in causes if cause.reply.is_temporary), causes[0])


def _saved(stored: Sequence[Stored], shard_name: str) -> str:
    first = stored[0]
    ids = ",".join([format_id(one.content_id) for one in stored[:_IDS_SHOWN]])
    more = f" and {len(stored) - _IDS_SHOWN} more" if len(stored) > _IDS_SHOWN else ""
    already = " again" if all(map(_is_duplicate, stored)) else ""
    return f"Saved{already} id={ids}{more} uid={first.uid} shard={shard_name}"

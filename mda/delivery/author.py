"""Who a message claims to be from, whether our milter has proven it, and what a filter in front says of it.

Only what runs beside us is believed, as the settings name it; without them nothing is proven and nobody is in front.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from mda import address
from mda.address import Address
from mda.antispam import authentication
from mda.antispam.authentication import Proof
from mda.errors import InvalidValue
from mda.mime.addresses import Mailbox
from mda.mime.header_block import HeaderBlock

_RESULTS = "authentication-results"
_RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class Sources:
    """Whose word counts: see spam.authserv_id and the settings behind it."""

    authserv_id: str = ""
    authserv_strips: bool = False
    front_header: str = ""


NO_SOURCES = Sources()


class Author(msgspec.Struct, frozen=True):
    """`address` is the key of From's one address; None where there is none, or several: nothing proves those."""

    address: Address | None
    proof: Proof
    front: bool | None
    """Does the filter in front call it spam?"""


def read(sender: tuple[str, str] | None, header: HeaderBlock, sources: Sources) -> Author:
    """The author of a message with that header and, where From is one address, `sender`: its local part and host."""
    key = None if sender is None else _key(*sender)
    proof = Proof.NONE
    if key is not None and sources.authserv_id:
        proof = authentication.proof(_believed(header, sources), sources.authserv_id, key.domain)
    return Author(key, proof, _front(header, sources.front_header))


def _key(local_part: str, host: str) -> Address | None:
    try:
        return address.parse(Mailbox("", local_part, host).address).key
    except InvalidValue:
        return None


def _believed(header: HeaderBlock, sources: Sources) -> tuple[str, ...]:
    """The values of Authentication-Results that nobody outside can have put there."""
    if sources.authserv_strips:
        return header.values(_RESULTS)
    above = tuple(_names_above_received(header))
    return header.values(_RESULTS)[: above.count(_RESULTS)]


def _names_above_received(header: HeaderBlock) -> Iterator[str]:
    above: list[str] = []
    for name in header.names():
        if name == _RECEIVED:
            yield from above
            return
        above.append(name)
    # Without any Received it has not passed our Postfix, and nothing in it is ours.


def _front(header: HeaderBlock, name: str) -> bool | None:
    values = header.values(name) if name else ()
    if len(values) != 1:
        return None  # two of them: one is not from the filter
    word = values[0].strip().lower()
    return True if word.startswith("yes") else False if word.startswith("no") else None

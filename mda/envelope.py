"""The envelope of a message as it reaches us: who hands it over, from whom, to whom (RFC 5321 s2.3.1).

Plain values that every stage may know; nothing here decides anything.
"""

import msgspec

from mda.address import Address

NULL_REVERSE_PATH = ""
"""The reverse-path of bounces, RFC 5321 s4.5.5."""


class Peer(msgspec.Struct, frozen=True):
    """Who hands the message over. `queue_id`, `client_*`, `helo` and `protocol` come from XFORWARD of a trusted
    peer (Postfix's XFORWARD_README) and are empty otherwise."""

    name: str = ""
    """The LHLO name."""
    is_trusted: bool = False
    queue_id: str = ""
    client_name: str = ""
    client_address: str = ""
    helo: str = ""
    protocol: str = ""


class Recipient(msgspec.Struct, frozen=True):
    """One accepted RCPT: the address as the peer gave it, and the original recipient if the peer knows it."""

    address: Address
    original: str = ""
    """From ORCPT (RFC 3461 s4.2), xtext-decoded, without its `rfc822;`; empty where unknown."""


class Envelope(msgspec.Struct, frozen=True):
    """One mail transaction. `reverse_path` is an address in RFC 5321 form, or NULL_REVERSE_PATH."""

    reverse_path: str
    recipients: tuple[Recipient, ...]
    peer: Peer = msgspec.field(default_factory=Peer)
    is_smtputf8: bool = False

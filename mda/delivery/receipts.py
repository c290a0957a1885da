"""The digest that makes a redelivery recognisable: exactly once by what Postfix hands over, never by Message-ID.

Postfix delivers again whatever it got no answer for: the connection broke after our COMMIT, pipe(8) was killed, a
timeout passed. The second try carries the same reverse-path, the same RCPT address and the same bytes, so these are
the digest. The mailbox, the verdict and the aliases behind the address may change between the tries and are no part
of it; nor is the queue id, which `postsuper -r` changes.

What tells two mails of equal text apart is the Received field that our Postfix puts on top of each (RFC 5321
s4.4: with its queue id and time). Where that is missing (header_checks may remove it), the queue id that the peer
named is added; where there is neither, no digest is made, since it would swallow a second mail.
"""

import hashlib
import re
import struct
from functools import lru_cache

from mda.address import Address

DIGEST_BYTES = 16
"""Of SHA-256. 32 bytes cost 43 bytes a row more; at 10^10 mails in an account's window 16 still never collide."""

_RECEIVED = re.compile(rb"received:", re.IGNORECASE)
_FIELD_END = re.compile(rb"\r?\n(?![ \t])")
_BY_HOST = re.compile(rb"[\s:]by\s+([^\s;()]+)\s+\(Postfix\b", re.IGNORECASE)
_FROM_USERID = re.compile(rb"\A\s*by\s+\S+\s+\(Postfix, from userid (\d+)\)", re.IGNORECASE)
_LENGTH = struct.Struct("<I")
_LONGEST_FIELD = 16_384
_NEAR = 1024


def message_digest(
    raw: bytes, queue_id: str = "", requeue_uid: int | None = None, raw_digest: bytes | None = None
) -> bytes | None:
    """SHA-256 of what stays the same over the tries of one message, or None where nothing proves that it would.

    `raw_digest` is the SHA-256 of `raw`, where it is known: of nearly all messages that is what stays the same.
    `requeue_uid` is the user id of Postfix's mail owner: a requeued queue file is picked up under it, a user's own
    re-submission is not; None accepts any.
    """
    if _is_plainly_stamped(raw):
        return raw_digest or hashlib.sha256(raw).digest()
    start = _skip_requeue_stamps(raw, requeue_uid)
    is_stamped = _postfix_host(_received_at(raw, start)) is not None
    if not is_stamped and not queue_id:
        return None
    state = hashlib.sha256(b"" if is_stamped else queue_id.encode() + b"\0")
    state.update(memoryview(raw)[start:])
    return state.digest()


def delivery_digest(message: bytes, reverse_path: str, recipient: Address) -> bytes:
    """DIGEST_BYTES that are equal for two tries of one delivery: of `message_digest`, the reverse-path, and the
    RCPT address with its detail, before aliases."""
    return hashlib.sha256(message + _piece(reverse_path) + _key_piece(recipient)).digest()[:DIGEST_BYTES]


@lru_cache(4096)
def _key_piece(recipient: Address) -> bytes:
    return _piece(str(recipient.key))


def _piece(text: str) -> bytes:
    octets = text.encode()
    return _LENGTH.pack(len(octets)) + octets


def _is_plainly_stamped(raw: bytes) -> bool:
    """Whether the message is on its first way from SMTP through Postfix, as nearly all are: what the rest of this file
    would find out. False where that has to be looked at closely."""
    at = raw.find(b" (Postfix)", 0, _NEAR)
    field = raw[: max(at, 0)]
    if field[:15].lower() != b"received: from " or field.count(b"\n") != field.count(b"\n\t") + field.count(b"\n "):
        return False
    *_, by, host = field.split()
    end = raw.find(b"\n", at, _NEAR)
    while raw[end + 1 : end + 2] in (b" ", b"\t"):
        end = raw.find(b"\n", end + 1, _NEAR)
    return by.lower() == b"by" and host.translate(None, b";()") == host and end > 0


def _skip_requeue_stamps(raw: bytes, requeue_uid: int | None) -> int:
    """Where the message begins without the stamps of `postsuper -r`.

    QUIRK: postsuper -r moves the queue file to maildrop, from where pickup(8) takes it as if it were submitted anew
    and puts `Received: by H (Postfix, from userid N)` above the Received that the same host H wrote before.
    """
    start = 0
    while (field := _received_at(raw, start)) and (stamp := _FROM_USERID.match(field[len(b"received:") :])):
        beneath = start + len(field)
        host = _postfix_host(field)
        if requeue_uid is not None and int(stamp[1]) != requeue_uid:
            break
        if host is None or _postfix_host(_received_at(raw, beneath)) != host:
            break
        start = beneath
    return start


def _received_at(raw: bytes, start: int) -> bytes:
    """The Received field that begins at `start`, with its line end; empty where another field begins there."""
    if not _RECEIVED.match(raw, start):
        return b""
    end = _FIELD_END.search(raw, start, start + _LONGEST_FIELD)
    return raw[start : end.end()] if end else b""


def _postfix_host(field: bytes) -> bytes | None:
    """The host in `by H (Postfix...)`, in lower case, or None."""
    by = _BY_HOST.search(field)
    return by[1].lower() if by else None

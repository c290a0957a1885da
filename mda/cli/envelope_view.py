"""An IMAP ENVELOPE (RFC 9051 s7.5.2) as people read it: addresses in one line each, encoded words decoded.

The rows keep ENVELOPE as clients get it; a listing needs no body for subject and sender.
"""

from typing import NamedTuple, TypeAlias

Item: TypeAlias = "bytes | list[Item] | None"

_FIELDS = 10


class EnvelopeView(NamedTuple):
    """What a listing shows and a search looks into. Addresses are written `Name <local@domain>`."""

    subject: str
    from_: tuple[str, ...]
    to: tuple[str, ...]
    cc: tuple[str, ...]
    message_id: str

    @property
    def recipients(self) -> tuple[str, ...]:
        return self.to + self.cc


def view(envelope: bytes) -> EnvelopeView:
    """The view of an ENVELOPE; of one that is damaged, what can be read."""
    items = _parse(envelope)
    fields = items + [None] * (_FIELDS - len(items))
    _, subject, from_, _, _, to, cc, _, _, message_id = fields[:_FIELDS]
    return EnvelopeView(_text(subject), _addresses(from_), _addresses(to), _addresses(cc), _text(message_id))


def decode_words(raw: bytes) -> str:
    """A header value with its encoded words (RFC 2047) decoded, by the parser that reads the mail itself."""
    unfolded = raw.replace(b"\r\n", b"").replace(b"\n", b"").strip()  # RFC 5322 s2.2.3
    if b"=?" not in unfolded and unfolded.isascii():
        return unfolded.decode("ascii")
    # Only now, as the C core takes longer to import than a plain listing to print.
    from mda.binding import header_text  # noqa: PLC0415
    from mda.mime.charsets import resolve_marks  # noqa: PLC0415

    return resolve_marks(header_text(unfolded))


def _addresses(item: Item) -> tuple[str, ...]:
    """Groups (RFC 9051: an address without host opens or ends one) leave only their members."""
    if not isinstance(item, list):
        return ()
    return tuple(_address(one) for one in item if isinstance(one, list) and len(one) == 4 and one[3] is not None)


def _address(fields: "list[Item]") -> str:
    name, _, local_part, domain = (_text(field) for field in fields)
    bare = f"{local_part}@{domain}"
    return f"{name} <{bare}>" if name else bare


def _text(item: Item) -> str:
    return decode_words(item) if isinstance(item, bytes) else ""


def _parse(envelope: bytes) -> "list[Item]":
    """The items of the outermost list; without recursion, as the nesting is the mail's."""
    stack: list[list[Item]] = [[]]
    position = 0
    while position < len(envelope):
        byte = envelope[position : position + 1]
        if byte == b"(":
            stack.append([])
        elif byte == b")" and len(stack) > 1:
            closed = stack.pop()
            stack[-1].append(closed)
        elif byte == b'"':
            text, position = _quoted(envelope, position + 1)
            stack[-1].append(text)
            continue
        elif byte == b"{":
            text, position = _literal(envelope, position)
            stack[-1].append(text)
            continue
        elif envelope[position : position + 3] == b"NIL":
            stack[-1].append(None)
            position += 2
        position += 1
    outermost = stack[0][0] if stack[0] else None
    return outermost if isinstance(outermost, list) else []


def _quoted(envelope: bytes, start: int) -> tuple[bytes, int]:
    """The quoted string that begins at `start`, and where the next item may begin."""
    text = bytearray()
    position = start
    while position < len(envelope) and envelope[position] != 0x22:
        if envelope[position] == 0x5C:  # a backslash: the next octet stands for itself
            position += 1
        text += envelope[position : position + 1]
        position += 1
    return bytes(text), position + 1


def _literal(envelope: bytes, start: int) -> tuple[bytes, int]:
    """`{n}` CRLF and n octets."""
    end = envelope.find(b"}", start)
    digits = envelope[start + 1 : end]
    if end < 0 or not digits.isdigit():
        return b"", len(envelope)
    content = end + 3
    return envelope[content : content + int(digits)], content + int(digits)

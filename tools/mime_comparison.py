"""What two MIME parsers make of one message, value by value, and the classes of their differences."""

import email
import email.message
import email.utils
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.header import decode_header, make_header

from mda.binding import examine
from mda.mime import addresses, message, part
from mda.mime.defects import Defect
from mda.mime.reading import Reader

ADDRESS_FIELDS = ("from", "sender", "reply-to", "to", "cc", "bcc")


@dataclass(frozen=True, slots=True)
class Difference:
    """`value` names what differs; `source` is what both read it from."""

    value: str
    ours: object
    theirs: object
    source: bytes
    defects: Defect


def compare(raw: bytes) -> Iterator[Difference]:
    """All differences between the two on one message."""
    read = message.read(examine(raw))
    theirs = email.message_from_bytes(raw)
    defects = Defect(read.defects)
    their_parts = list(_walk(theirs))
    our_tree = [each.content_type for each in read.parts]
    their_tree = [each.get_content_type() for each in their_parts]
    if our_tree != their_tree:
        yield Difference("tree", our_tree, their_tree, raw, defects)
    else:
        yield from _texts(raw, read, their_parts)
        yield from _file_names(raw, read, their_parts)
    header = raw[: read.parts[0].body]
    _, _, _, date, _, _ = Reader().read(raw)
    source = _field(read, raw, "subject")
    yield from _differ("subject", read.subject, _decoded(theirs["subject"]), source, defects)
    for field in ADDRESS_FIELDS:
        ours = tuple(mailbox.address for mailbox in addresses.mailboxes(read.addresses(field)))
        yield from _differ(field, ours, _addresses(theirs, field), _field(read, raw, field), defects)
    their_date = email.utils.parsedate_tz(str(theirs["date"] or ""))
    seconds = email.utils.mktime_tz(their_date) if their_date else None
    yield from _differ("date", date[0] if date else None, seconds, _field(read, raw, "date") or header, defects)


def _differ(value: str, ours: object, theirs: object, source: bytes, defects: Defect) -> Iterator[Difference]:
    if ours != theirs:
        yield Difference(value, ours, theirs, source, defects)


def _walk(found: email.message.Message) -> Iterator[email.message.Message]:
    yield found
    payload = found.get_payload()
    if isinstance(payload, list) and found.get_content_type() != "message/delivery-status":
        for child in payload:
            yield from _walk(child)  # type: ignore[arg-type]


def _texts(raw: bytes, read: message.Message, their_parts: list[email.message.Message]) -> Iterator[Difference]:
    for each, their in zip(read.parts, their_parts, strict=True):
        if not each.flags & part.PartFlag.TEXT or each.kind != part.Kind.LEAF:
            continue
        payload = their.get_payload(decode=True)
        ours = part.text(read.examination, each.index)
        theirs = _their_text(payload, their) if isinstance(payload, bytes) else None
        if ours != theirs:
            source = raw[each.start : each.end]
            yield Difference("text", ours, theirs, source, Defect(read.defects))


def _their_text(payload: bytes, their: email.message.Message) -> str:
    charset = their.get_content_charset("us-ascii")
    try:
        return payload.decode(charset, "replace")
    except LookupError:
        return payload.decode("us-ascii", "replace")


def _file_names(raw: bytes, read: message.Message, their_parts: list[email.message.Message]) -> Iterator[Difference]:
    for each, their in zip(read.parts, their_parts, strict=True):
        theirs = _decoded(their.get_filename()) if their.get_filename() else ""
        yield from _differ("file name", each.filename, theirs, raw[each.start : each.body], Defect(read.defects))


def _field(read: message.Message, raw: bytes, name: str) -> bytes:
    return b"\n".join(raw[f.value_start : f.value_end] for f in read.fields if f.name.lower() == name)


def _decoded(value: object) -> str:
    try:
        return re.sub(r"[\r\n]+", "", str(make_header(decode_header(str(value or "")))))
    except (LookupError, ValueError) as error:
        return f"{type(error).__name__}"


def _addresses(theirs: email.message.Message, name: str) -> tuple[str, ...]:
    values = [re.sub(r"\r?\n", "", str(value)) for value in theirs.get_all(name, [])]
    return tuple(address for _, address in email.utils.getaddresses(values) if address)


def _has_8bit(difference: Difference) -> bool:
    return any(octet > 127 for octet in difference.source)


def _without_line_end_space(text: object) -> str:
    return re.sub(r"[ \t]+(?=\r?\n)", "", str(text)).rstrip()


def _header_is(difference: Difference, pattern: bytes) -> bool:
    return re.search(pattern, difference.source, re.IGNORECASE) is not None


RULES: tuple[tuple[str, Callable[[Difference], bool]], ...] = (
    ("boundary never appears", lambda d: d.value == "tree" and Defect.NO_DELIMITER in d.defects),
    ("parameter without semicolon", lambda d: d.value == "tree" and "plain charset" in str(d.theirs)),
    ("space around the subject", lambda d: d.value == "subject" and str(d.ours).strip() == str(d.theirs).strip()),
    ("library raises", lambda d: d.value == "subject" and str(d.theirs).endswith("Error")),
    ("raw 8-bit header", lambda d: d.value in ("subject", *ADDRESS_FIELDS) and _has_8bit(d)),
    ("encoded word", lambda d: d.value == "subject" and b"=?" in d.source),
    ("year since 1900", lambda d: d.value == "date" and re.search(rb" 01\d\d ", d.source) is not None),
    ("AM and PM", lambda d: d.value == "date" and re.search(rb" [AP]M", d.source, re.IGNORECASE) is not None),
    ("unusual zone", lambda d: d.value == "date" and _same_but_zone(d)),
    ("year first", lambda d: d.value == "date" and re.match(rb"\s*\d{4}/", d.source) is not None),
    ("not a date", lambda d: d.value == "date" and d.ours is None and Defect.BAD_DATE in d.defects),
    ("broken address", lambda d: d.value in ADDRESS_FIELDS and Defect.BAD_ADDRESS in d.defects),
    ("quoted local part", lambda d: d.value in ADDRESS_FIELDS and b'"' in d.source),
    ("words as a local part", lambda d: d.value in ADDRESS_FIELDS and str(d.ours).replace('"', "") == str(d.theirs)),
    ("8-bit text without a charset", lambda d: d.value == "text" and _has_8bit(d) and not _header_is(d, rb"charset=")),
    ("text in another charset than named", lambda d: d.value == "text" and _has_8bit(d)),
    ("no text within the library", lambda d: d.value == "text" and d.theirs is None),
    (
        "space at quoted-printable line ends",
        lambda d: d.value == "text" and _without_line_end_space(d.ours) == _without_line_end_space(d.theirs),
    ),
    ("bad quoted-printable", lambda d: d.value == "text" and Defect.BAD_QUOTED_PRINTABLE in d.defects),
    ("bad base64", lambda d: d.value == "text" and Defect.BASE64_JUNK in d.defects),
    (
        "C1 controls are windows-1252",
        lambda d: d.value == "text" and re.search("[\x80-\x9f\ufffd]", str(d.theirs)) is not None,
    ),
)


def _same_but_zone(difference: Difference) -> bool:
    """Less than a day and a half apart, in whole minutes."""
    ours, theirs = difference.ours, difference.theirs
    if not isinstance(ours, int) or not isinstance(theirs, int):
        return False
    return (ours - theirs) % 60 == 0 and abs(ours - theirs) < 129_600


def classify(difference: Difference) -> str | None:
    """The name of the first rule that holds; None for a difference that nothing explains."""
    return next((name for name, holds in RULES if holds(difference)), None)

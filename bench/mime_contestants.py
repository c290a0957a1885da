"""What each contestant of the MIME benchmark does with a message.

To touch everything is: Subject, From, To and Date decoded; every leaf's content decoded, text leaves to str; file
names. Peers get the cheapest way of theirs to do so.
"""

import email
import email.policy
from email.header import decode_header, make_header
from email.message import EmailMessage, Message

import fast_mail_parser

from mda.binding import Viewer, examine
from mda.mime import message
from mda.mime.reading import Reader

READER = Reader()
VIEWER = Viewer()


def touch(raw: bytes) -> object:
    return READER.read(raw)


def all_headers(raw: bytes) -> object:
    return READER.read(raw, with_fields=True)


def structure(raw: bytes) -> object:
    return VIEWER.structure(raw)


def delivery(raw: bytes) -> object:
    """What a delivery asks for."""
    return message.read(examine(raw))


def _decoded_text(value: object) -> str:
    try:
        return str(make_header(decode_header(str(value or ""))))
    except (LookupError, ValueError):  # unknown charsets, bad base64
        return str(value)


def stdlib_compat32(raw: bytes) -> object:
    parsed = email.message_from_bytes(raw)
    found = [_decoded_text(parsed[name]) for name in ("subject", "from", "to", "date")]
    return found, [_leaf(part) for part in parsed.walk() if not part.is_multipart()]


def _leaf(part: "Message[str, str]") -> object:
    payload = part.get_payload(decode=True)
    name = part.get_filename()
    if part.get_content_maintype() == "text" and isinstance(payload, bytes):
        return name, _text(payload, part.get_content_charset("utf-8"))
    return name, payload


def _text(payload: bytes, charset: str) -> str:
    try:
        return payload.decode(charset, "replace")
    except LookupError:
        return payload.decode("utf-8", "replace")


def stdlib_default(raw: bytes) -> object:
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    found = [_header(parsed, name) for name in ("subject", "from", "to", "date")]
    return found, [_leaf(part) for part in parsed.walk() if not part.is_multipart()]


def _header(parsed: EmailMessage, name: str) -> str:
    try:
        return str(parsed[name])
    except Exception:  # it raises IndexError, AttributeError, TypeError ... on real mail
        return ""


def fast_mail_parser_full(raw: bytes) -> object:
    try:
        mail = fast_mail_parser.parse_email(raw)
    except fast_mail_parser.ParseError:  # it refuses some real mail
        return None
    found = mail.subject, mail.from_, mail.to, mail.date
    files = [(attachment.filename, attachment.content) for attachment in mail.attachments]
    return found, mail.text_plain, mail.text_html, files


def fast_mail_parser_metadata(raw: bytes) -> object:
    try:
        mail = fast_mail_parser.parse_email(raw, mode="metadata")
    except fast_mail_parser.ParseError:
        return None
    return mail.subject, mail.headers, mail.attachments

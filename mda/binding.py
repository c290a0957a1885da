"""The one module that sees the C core (mda._core): parsing, and the antispam half's features, scores and learning.

`examine` makes one C call a message, without the interpreter lock, copies everything out at once and frees the C
result before it returns: an `Examination` is plain bytes and numbers, and nothing of CFFI leaves this module.
Malformed mail never raises (see `Examination.defects`); InvalidValue says that a message is larger than its limit or
an argument is senseless, MemoryError that there was no memory.
"""

import struct
import sys
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mda import weights
from mda._core import ffi as _ffi
from mda._core import lib as _lib
from mda.errors import InvalidValue, SettingsError

NONE = 0xFFFFFFFF
"""No such index, no such offset."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the parser obeys, see csrc/mime/mime.h; beyond a limit (but `size`) a defect is set and the rest is kept
    as it is."""

    size: int = 100 * 1024 * 1024
    depth: int = 100
    parts: int = 10_000
    headers: int = 100_000
    parameters: int = 128
    addresses: int = 10_000
    references: int = 1000
    encoded_depth: int = 3
    preview: int = 256


DEFAULT_LIMITS = Limits()

HEADER = struct.Struct("=IIIHH")
"""mime_header: start, value, end, name_length, field."""
PART = struct.Struct("=14I4B22I")
"""mime_part, its members in their order."""
PARAMETER = struct.Struct("=6I")
"""mime_parameter: spans of name, value, decoded."""
ADDRESS = struct.Struct("=10I")
"""mime_address: header, kind, spans of name, route, mailbox, host."""
_SUMMARY = struct.Struct("=QqiIII14I36I")
"""mime_summary without its padding at the end."""


FEATURE_VERSION: int = _lib.SPAM_FEATURE_VERSION
"""Weights are only good for the features that they were trained on."""

TOP_CONTRIBUTIONS: int = _lib.SPAM_TOP
"""How many contributions a SpamScore shows at most."""

_SCORE = struct.Struct(f"=dfII{'If' * TOP_CONTRIBUTIONS}{_lib.SPAM_CATEGORIES}f")
"""spam_score without its padding at the end."""


@dataclass(frozen=True, slots=True)
class SpamScore:
    """What a model says of a message; `mda.antispam.classifier` makes a verdict of it. Weights are in log-odds."""

    probability: float
    margin: float
    feature_count: int
    contributions: tuple[tuple[int, float], ...]
    """(feature id, weight) of those that weigh most; the category is in the id's top 4 bits."""
    categories: tuple[float, ...]
    """Sums of all weights by category."""
    model_version: str
    feature_version: int


class Model:
    """The weights in one file, checked; any number of threads may score with it at once.

    The file is copied, not mapped: a map of a file that someone overwrites in place ends the process with SIGBUS.
    """

    def __init__(self, path: Path) -> None:
        """SettingsError if the file can't be read, InvalidValue if it is not a whole model of FEATURE_VERSION."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise SettingsError(f"spam model {path}: {error.strerror}", "check spam.model") from error
        self.weights = weights.unpack(content, FEATURE_VERSION, str(path))
        raw_weights = _ffi.from_buffer("int8_t[]", self.weights.raw_weights)
        self._owner = raw_weights
        self._model = _ffi.new(
            "spam_model *",
            (
                raw_weights,
                self.weights.bits,
                self.weights.scale,
                self.weights.bias,
                self.weights.floor,
                self.weights.slope,
                self.weights.intercept,
            ),
        )

    @property
    def version(self) -> str:
        """Names these very weights: the head of the file's checksum."""
        return self.weights.version

    def score(self, ids: bytes) -> SpamScore:
        """Scores a message by its features, as `features` gives them; `examine` does both at once."""
        pointer = _ffi.from_buffer("uint32_t[]", ids)
        score = _ffi.new("spam_score *")
        _lib.spam_score_features(self._model, pointer, len(pointer), score)
        return _copy_score(score, self)

    @property
    def _pointer(self) -> Any:
        return self._model


@dataclass(frozen=True, slots=True)
class Examination:
    """What one parse found. The tables are the C core's, packed: see HEADER, PART, PARAMETER and ADDRESS, and
    csrc/mime/mime.h for what their members mean. Strings of the summary are bytes of UTF-8; `subject` and the decoded
    parameters may hold marked words in charsets that C leaves to us (`mda.mime.charsets`). None is an absent field."""

    raw: bytes
    text: bytes
    decoded: bytes
    headers: bytes
    parts: bytes
    parameters: bytes
    addresses: bytes
    defects: int
    defect_offsets: tuple[int, ...]
    """By bit number; NONE where the defect is not there."""
    date: tuple[int, int] | None
    """Seconds since 1970 UTC, and minutes east of UTC."""
    has_attachment: bool
    preview_part: int
    is_preview_foreign: bool
    subject: bytes | None
    message_id: bytes | None
    references: bytes | None
    preview: bytes | None
    envelope: bytes
    body_structure: bytes
    structure: bytes
    spam: SpamScore | None = None
    """None where no model was given."""


def examine(raw: bytes, model: Model | None = None, limits: Limits = DEFAULT_LIMITS) -> Examination:
    """Parses one message and, with a model, scores it."""
    result = _ffi.new("mime_message **")
    score = _ffi.new("spam_score *")
    pointer = _ffi.NULL if model is None else model._pointer
    _check(_lib.spam_examine(_ffi.from_buffer(raw), len(raw), _limits(limits), pointer, result, score), raw)
    try:
        return _copy_out(raw, result[0], None if model is None else _copy_score(score, model))
    finally:
        _lib.mime_free(result[0])


WANT_SUMMARY: int = _lib.MIME_WANT_SUMMARY
WANT_FIELDS: int = _lib.MIME_WANT_FIELDS
_WANT_VIEW: int = _lib.MIME_WANT_VIEW | _lib.MIME_WANT_TEXT | _lib.MIME_WANT_SUMMARY
VIEW_NOT_WHOLE, VIEW_MARKED = 1, 2
VIEW_TEXT, VIEW_STRING, VIEW_FOREIGN = 256, 512, 1024
_VIEW = struct.Struct("=IIIIIqiIIIII")
"""The numbers of csrc/mime/view.h, with those of the first leaf."""
_ROOM = 65536


_uncleared = _ffi.new_allocator(should_clear_after_alloc=False)
_KEPT = 1 << 22
"""A buffer larger than this is not kept."""


class Viewer:
    """Takes views of messages (csrc/mime/view.h) with memory that is kept from one message to the next. Threads may
    share one: each takes a context of its own."""

    def __init__(self) -> None:
        self._idle: list[tuple[Any, Any, Any]] = []
        self._rooms: list[Any] = []
        self._read = _lib.mime_read

    def view(self, raw: bytes, extra: int = 0) -> tuple[tuple[int, ...], bytes, tuple[int, ...]]:
        """Numbers with those of the first leaf, the strings, and the numbers of all further leaves, four each; `extra`
        may be WANT_FIELDS."""
        try:
            context = self._idle.pop()
        except IndexError:
            context = _new_context()
        pointer, out, octets = context
        length = self._read(pointer, raw, len(raw), _WANT_VIEW | extra, out, _ROOM)
        if not 0 < length <= _ROOM:
            octets = _read_again(pointer, raw, length)
        numbers = _VIEW.unpack_from(octets)
        start = numbers[0]
        more = struct.unpack_from(f"={4 * (numbers[2] - 1)}I", octets, _VIEW.size) if numbers[2] > 1 else ()
        strings: bytes = octets[start:length]
        self._idle.append(context)
        return numbers, strings, more

    def structure(self, raw: bytes) -> tuple[bytes, bytes]:
        """The header table and the part table alone (see HEADER and PART): no text, no values."""
        try:
            context = self._idle.pop()
        except IndexError:
            context = _new_context()
        pointer, out, octets = context
        length = _lib.mime_read(pointer, raw, len(raw), _lib.MIME_WANT_TABLES, out, _ROOM)
        if not 0 < length <= _ROOM:
            octets = _read_again(pointer, raw, length)
        split = 4 + int.from_bytes(octets[:4], sys.byteorder)
        tables = octets[4:split], octets[split:length]
        self._idle.append(context)
        return tables

    def decode(self, encoding: int, raw: bytes, offset: int, length: int) -> bytes:
        """As decode_transfer, with memory that is kept; of parts as a view of `raw` named them."""
        try:
            room = self._rooms.pop()
        except IndexError:
            room = b""
        if len(room) < length or not room:
            room = _uncleared("uint8_t[]", max(length, _ROOM))
        decoded = bytes(_ffi.buffer(room, _lib.mime_decode_part(encoding, raw, offset, length, room)))
        if len(room) <= _KEPT:
            self._rooms.append(room)
        return decoded

    def header_text(self, value: bytes) -> bytes:
        """The text of a raw field value in UTF-8, perhaps with marks (`mda.mime.charsets`)."""
        context = _new_context()
        length = _lib.mime_header_text(context[0], value, len(value))
        return bytes(_read_again(context[0], value, length)) if length else b""


def _new_context() -> tuple[Any, Any, Any]:
    pointer = _lib.mime_context_new()
    if not pointer:
        raise MemoryError("no memory to parse a message")
    out = _ffi.new("uint8_t[]", _ROOM)
    return _ffi.gc(pointer, _lib.mime_context_free), out, _ffi.buffer(out)


def _read_again(pointer: Any, raw: bytes, length: int) -> Any:
    if length <= 0:
        _check(-length, raw)
    out = _ffi.new("uint8_t[]", length)
    _lib.mime_read_again(pointer, out)
    return _ffi.buffer(out)


def features(raw: bytes, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """The ids of a message's features, 32 bits each in the machine's order: what a Learner learns from."""
    result = _ffi.new("mime_message **")
    _check(_lib.mime_parse(_ffi.from_buffer(raw), len(raw), _limits(limits), result), raw)
    try:
        ids = _ffi.new("uint32_t[]", _lib.SPAM_MAX_FEATURES)
        count = _ffi.new("uint32_t *")
        _check(_lib.spam_message_features(result[0], ids, count), raw)
        return bytes(_ffi.buffer(ids, 4 * count[0]))
    finally:
        _lib.mime_free(result[0])


class Learner:
    """Online logistic regression over 1 << bits weights, see csrc/antispam/learn.h. Not for two threads at once.

    `categories` is a mask of what may be seen: bit i is category i.
    """

    def __init__(self, bits: int, floor: float, rate: float) -> None:
        if not 1 <= bits <= weights.MAX_BITS:
            raise InvalidValue(f"bits must be 1 to {weights.MAX_BITS}, not {bits}")
        self.weights = array("f", bytes(4 << bits))
        self._squares = array("f", bytes(4 << bits))
        self._owners = _ffi.from_buffer("float[]", self.weights), _ffi.from_buffer("float[]", self._squares)
        self._learner = _ffi.new("spam_learner *", (*self._owners, bits, 0.0, 0.0, floor, rate))

    @property
    def bias(self) -> float:
        return float(self._learner.bias)

    def margin(self, ids: bytes, categories: int) -> float:
        """How far on the spam side a message is; `ids` as `features` gives them."""
        pointer = _ffi.from_buffer("uint32_t[]", ids)
        return float(_lib.spam_learner_margin(self._learner, pointer, len(pointer), categories))

    def step(self, ids: bytes, categories: int, is_spam: bool, importance: float = 1.0) -> float:
        """Learns one message; returns its margin before."""
        pointer = _ffi.from_buffer("uint32_t[]", ids)
        return float(_lib.spam_learner_step(self._learner, pointer, len(pointer), categories, is_spam, importance))


def html_text(html: bytes) -> bytes:
    """The plain text of HTML in UTF-8, white space collapsed."""
    plain = _ffi.new("uint8_t[]", len(html) + 1)
    length = _lib.mime_html_text(_ffi.from_buffer(html), len(html), plain)
    return bytes(_ffi.buffer(plain, length))


def decode_transfer(encoding: int, raw: bytes, offset: int = 0, length: int | None = None) -> bytes:
    """The octets behind a transfer encoding (enum mime_encoding) at raw[offset : offset + length]; bad input is decoded
    as far as it goes."""
    if length is None:
        length = len(raw) - offset
    if not 0 <= offset <= offset + length <= len(raw):
        raise InvalidValue(f"no octets {offset} to {offset + length} in a message of {len(raw)}")
    decoded = _uncleared("uint8_t[]", length + 1)
    return bytes(_ffi.buffer(decoded, _lib.mime_decode_part(encoding, raw, offset, length, decoded)))


def _limits(limits: Limits) -> Any:
    return _ffi.new(
        "mime_limits *",
        (
            limits.size,
            limits.depth,
            limits.parts,
            limits.headers,
            limits.parameters,
            limits.addresses,
            limits.references,
            limits.encoded_depth,
            limits.preview,
        ),
    )


def _check(status: int, raw: bytes) -> None:
    if status == _lib.MIME_OK:
        return
    if status == _lib.MIME_NO_MEMORY:
        raise MemoryError("no memory to parse a message")
    if status == _lib.MIME_TOO_LARGE:
        raise InvalidValue(f"message of {len(raw)} bytes is larger than the parser's limit")
    raise InvalidValue("parser was given a bad argument", "limits must be at least 1")


def _table(pointer: Any, length: int) -> bytes:
    return bytes(_ffi.buffer(pointer, length)) if length else b""


def _copy_score(score: Any, model: Model) -> SpamScore:
    probability, margin, feature_count, top_count, *rest = _SCORE.unpack_from(_ffi.buffer(score))
    top, categories = rest[: 2 * top_count], rest[2 * TOP_CONTRIBUTIONS :]
    return SpamScore(
        probability=probability,
        margin=margin,
        feature_count=feature_count,
        contributions=tuple(zip(top[::2], top[1::2], strict=True)),
        categories=tuple(categories),
        model_version=model.version,
        feature_version=FEATURE_VERSION,
    )


def _copy_out(raw: bytes, message: Any, spam: SpamScore | None) -> Examination:
    text = _table(message.text, message.text_length)
    fields = _SUMMARY.unpack_from(_ffi.buffer(message, _SUMMARY.size))

    def span(index: int) -> bytes | None:
        offset, length = fields[6 + 2 * index], fields[7 + 2 * index]
        return None if offset == NONE else text[offset : offset + length]

    return Examination(
        raw=raw,
        text=text,
        decoded=_table(message.decoded, message.decoded_length),
        headers=_table(message.headers, message.header_count * HEADER.size),
        parts=_table(message.parts, message.part_count * PART.size),
        parameters=_table(message.parameters, message.parameter_count * PARAMETER.size),
        addresses=_table(message.addresses, message.address_count * ADDRESS.size),
        defects=fields[0],
        defect_offsets=fields[20:],
        date=None if fields[1] == -(1 << 63) else (fields[1], fields[2]),
        has_attachment=bool(fields[3]),
        preview_part=fields[4],
        is_preview_foreign=bool(fields[5]),
        subject=span(0),
        message_id=span(1),
        references=span(2),
        preview=span(3),
        envelope=span(4) or b"",
        body_structure=span(5) or b"",
        structure=span(6) or b"",
        spam=spam,
    )

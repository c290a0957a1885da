"""Charsets that the C core leaves to us: the multi-byte ones of East Asia, UTF-7 and UTF-32.

`decode` turns octets in a named charset into text and never raises; `resolve_marks` does so for the marked words in
header text from C (csrc/mime/mime.h, MIME_MARK_OPEN). Only the codecs in the table are ever called: Python's registry
also holds codecs that are no charsets (base64, zip) or that cost more than linear time (punycode).
"""

import re

_CODECS = {
    "gb2312": "gb18030",
    "gb_2312-80": "gb18030",
    "gbk": "gb18030",
    "cp936": "gb18030",
    "gb18030": "gb18030",
    "hz-gb-2312": "hz",
    "big5": "big5hkscs",
    "big5-hkscs": "big5hkscs",
    "cp950": "cp950",
    "euc-jp": "euc_jis_2004",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "ms_kanji": "cp932",
    "cp932": "cp932",
    "windows-31j": "cp932",
    "iso-2022-jp": "iso2022_jp_ext",
    "iso-2022-jp-1": "iso2022_jp_ext",
    "iso-2022-jp-2": "iso2022_jp_2",
    "iso-2022-jp-3": "iso2022_jp_3",
    "iso-2022-jp-ext": "iso2022_jp_ext",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "ksc5601": "cp949",
    "cp949": "cp949",
    "johab": "johab",
    "iso-2022-kr": "iso2022_kr",
    "utf-7": "utf_7",
    "unicode-1-1-utf-7": "utf_7",
    "utf-32": "utf_32",
    "utf-32be": "utf_32_be",
    "utf-32le": "utf_32_le",
}
"""Label, as csrc/mime/charset_tables.c calls it foreign, to the codec that reads it; supersets where mail needs them
(what says gb2312 is mostly gbk)."""

LABELS = frozenset(_CODECS)

_MARK = re.compile(rb"\xff([^\xfe]*)\xfe([0-9a-f]*)\xfd")


def decode(label: str, raw: bytes) -> str:
    """The text of `raw`; octets that are not valid become U+FFFD. An unknown label is read as UTF-8, else as
    windows-1252."""
    codec = _CODECS.get(label.lower())
    if codec is None:
        return _guess(raw)
    try:
        return raw.decode(codec, "replace")
    except UnicodeError:  # some codecs raise in spite of "replace", as utf_32 on an odd end
        return _guess(raw)


def resolve_marks(text: bytes) -> str:
    """Text of a header as C left it: UTF-8 with marked words in other charsets."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return _guess(_MARK.sub(_resolve, text))


def resolve_text(raw: bytes) -> str:
    """Raw header octets as text: UTF-8, else windows-1252, the last resort."""
    return _guess(raw)


def _resolve(mark: re.Match[bytes]) -> bytes:
    word = decode(mark[1].decode("ascii", "replace"), bytes.fromhex(mark[2].decode("ascii")))
    return word.encode("utf-8", "replace")


def _guess(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")

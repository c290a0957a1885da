"""Each defect has a bit of its own and tells the place where it first is.

In the mails below `^` marks the place that is expected; it is taken out before the mail is parsed.
"""

import pytest

from mda.binding import NONE, examine
from mda.mime.defects import Defect

PLAIN = "Content-Type: text/plain\n\n"
MIXED = "A: b\nContent-Type: multipart/mixed; boundary=B\n\n"
PART = f"{MIXED}--B\nContent-Type: text/plain; name=n\nContent-Disposition: attachment"

PLACES: dict[Defect, str] = {
    Defect.NO_CLOSE_DELIMITER: f"{MIXED}--B\n{PLAIN}one\n^",
    Defect.NO_DELIMITER: f"{MIXED}^no parts\n",
    Defect.NO_BOUNDARY: "^A: b\nContent-Type: multipart/mixed\n\nx\n",
    Defect.BOUNDARY_PREFIX: f"{MIXED}--B\n{PLAIN}one\n^--Bb\n--B--\n",
    Defect.CLOSED_BY_OUTER: f"{MIXED}--B\nContent-Type: multipart/mixed; boundary=IN\n\n--IN\n{PLAIN}in^\n--B--\n",
    Defect.SECOND_CONTENT_TYPE: "Content-Type: text/plain\n^Content-Type: text/html\n\nx\n",
    Defect.SECOND_PARAMETER: "Content-Type: text/plain; charset=utf-8; ^charset=utf-7\n\nx\n",
    Defect.SECOND_ENCODING: "Content-Transfer-Encoding: 7bit\n^Content-Transfer-Encoding: base64\n\nx\n",
    Defect.BAD_ENCODING: "A: b\n^Content-Transfer-Encoding: 9bit\n\nx\n",
    Defect.BASE64_TRUNCATED: "Content-Transfer-Encoding: base64\n\naGVsbG8gd29ybG\n^",
    Defect.BASE64_JUNK: "Content-Transfer-Encoding: base64\n\naGV^!sb*G8=\n",
    Defect.BASE64_AFTER_PADDING: "Content-Transfer-Encoding: base64\n\naGVsbG8=^d29ybGQ=\n",
    Defect.BAD_QUOTED_PRINTABLE: "Content-Transfer-Encoding: quoted-printable\n\na=3D^=ZZ=ZZ\n",
    Defect.ENCODED_MESSAGE: "^Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nQTogYgoKeA==\n",
    Defect.ENCODED_MULTIPART: f"^Content-Transfer-Encoding: base64\n{MIXED}--B\n{PLAIN}one\n--B--\n",
    Defect.BAD_PARAMETER: f'{PART}^; filename="p.txt"; filename*0="a"; filename*2="c"\n\nx\n--B--\n',
    Defect.PARAMETER_FORMS: f"{PART}^; filename=p.txt; filename*=utf-8''e.exe\n\nx\n--B--\n",
    Defect.BAD_ENCODED_WORD: "A: b\nSubject: ^=?utf-8?Q?hello world?= z\n\nx\n",
    Defect.UNKNOWN_CHARSET: "A: b\nSubject: ^=?x-nope?Q?caf=E9?=\n\nx\n",
    Defect.HEADER_8BIT: "A: b\nSubject: caf^é\n\nx\n",
    Defect.NUL: "A: b\n\nbo^\0dy\n",
    Defect.BARE_CR: "Subject: one^\rX-Injected: yes\n\nx\n",
    Defect.HEADER_NO_COLON: "A: b\n^this line has none\nSubject: s\n\nx\n",
    Defect.HEADER_SPACE: "A: b\nSubject^ : s\n\nx\n",
    Defect.HEADER_NO_BLANK_LINE: f"{MIXED}--B\nContent-Type: text/plain\n^--B\n{PLAIN}two\n--B--\n",
    Defect.PART_AFTER_CLOSE: f"{MIXED}--B\n{PLAIN}one\n--B--\nepilogue\n^--B\nContent-Type: x/evil\n\n--B--\n",
    Defect.REPEATED_FIELD: "From: a@x.test\nSubject: a\n^From: b@x.test\n\nx\n",
    Defect.TOO_DEEP: "Content-Type: message/rfc822\n\n" * 100 + "^Content-Type: message/rfc822\n\nx\n",
    Defect.TOO_MANY_PARTS: MIXED + "--B\n\n" * 9_999 + "--B\n^\n",
    Defect.TOO_MANY_HEADERS: "A: b\n" * 100_000 + "^A: b\n\nx\n",
    Defect.TOO_MANY_PARAMETERS: "Content-Type: text/plain" + "; n=a" * 128 + "; ^m=a\n\nx\n",
    Defect.BAD_DATE: "A: b\n^Date: the day before yesterday\n\nx\n",
    Defect.BAD_ADDRESS: "A: b\n^To: <a b\n\nx\n",
    Defect.BAD_CHARSET: "A: b\nSubject: ^=?utf-8?Q?=E2=82?= x\n\nx\n",
    Defect.BARE_LF: "A: b^\n\nx\n",
    Defect.TOO_MANY_ADDRESSES: "A: b\n^To: " + "a@b," * 10_001 + "\n\nx\n",
    Defect.BAD_UUENCODE: "Content-Transfer-Encoding: x-uuencode\n\n^no begin line\n",
}


def test_every_defect_has_a_place() -> None:
    assert set(PLACES) == set(Defect)


@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
@pytest.mark.parametrize("defect", PLACES, ids=lambda defect: str(defect.name))
def test_places(defect: Defect, line_end: str) -> None:
    if defect is Defect.BARE_LF and line_end == "\r\n":
        line_end = "\n"
    before, mark, behind = PLACES[defect].replace("\n", line_end).partition("^")
    assert mark
    found = examine((before + behind).encode())
    bit = defect.bit_length() - 1
    assert found.defects >> bit & 1
    assert found.defect_offsets[bit] == len(before.encode())


def test_no_defect_has_no_place() -> None:
    assert set(examine(b"Subject: s\r\n\r\nx\r\n").defect_offsets) == {NONE}

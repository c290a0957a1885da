"""LMTP conversations, command by command, in and out of order, pipelined and cut at every byte."""

import re
from pathlib import Path

import pytest

from tests.unit.servers.wire import converse

LHLO = "LHLO client.example"
MAIL = "MAIL FROM:<a@b.example>"
RCPT = "RCPT TO:<u@d.example>"

# name: (what the client says, line by line; the codes it hears after the greeting and the replies to LHLO).
TABLE: dict[str, tuple[list[str], list[str]]] = {
    "helo is not lmtp": (["HELO x", "EHLO x"], ["500 5.5.1", "500 5.5.1"]),
    "lhlo without a name": (["LHLO", "LHLO a b"], ["501 5.5.4", "501 5.5.4"]),
    "everything before lhlo": (
        [MAIL, RCPT, "DATA", "RSET", "NOOP", "NOOP x", "VRFY u", "HELP", "QUIT"],
        ["503 5.5.1"] * 3 + ["250 2.0.0"] * 3 + ["252 2.0.0", "214 2.0.0", "221 2.0.0"],
    ),
    "out of order": (
        [LHLO, RCPT, "DATA", MAIL, MAIL, "DATA", RCPT, "RSET", RCPT, "QUIT"],
        [
            "250",
            *["503 5.5.1"] * 2,
            "250 2.1.0",
            *["503 5.5.1"] * 2,
            "250 2.1.5",
            "250 2.0.0",
            "503 5.5.1",
            "221 2.0.0",
        ],
    ),
    "lhlo resets the transaction": ([LHLO, MAIL, LHLO, RCPT], ["250", "250 2.1.0", "250", "503 5.5.1"]),
    "commands in any case": (["lHLo x", "mail from:<>", "Rcpt To:<u@d>", "quit"], ["250", "250", "250", "221"]),
    "arguments where none belong": (
        [LHLO, "DATA x", "RSET x", "QUIT x", "VRFY"],
        ["250"] + ["501 5.5.4"] * 4,
    ),
    "unknown": (["FOO", "", "EXPN x", "STARTTLS", "XCLIENT"], ["500 5.5.2"] * 2 + ["502 5.5.1"] * 3),
    "browser": (["POST / HTTP/1.1", LHLO, MAIL], ["502 5.5.1"]),
    "chunking": ([LHLO, MAIL, RCPT, "BDAT 5 LAST", "QUIT"], ["250", "250", "250", "502 5.5.1"]),
    "control characters": ([LHLO, "MAIL FROM:<a\x00@b>", "NOOP\t", "NO\rOP", "NO\nOP"], ["250"] + ["501 5.5.2"] * 4),
    "not utf-8": ([LHLO, "MAIL FROM:<\udcff\udc81@b>", "RCPT TO:<\udcfc@d>"], ["250", "250 2.1.0", "250 2.1.5"]),
    "mail syntax": (
        [LHLO, "MAIL", "MAIL <a@b>", "MAIL FROM:a@b", "MAIL FROM:<a@b", "MAIL FROM:<a@b>x", 'MAIL FROM:<"a@b>'],
        ["250", "501 5.5.4", "501 5.5.4", "501 5.1.7", "501 5.1.7", "501 5.1.7", "501 5.1.7"],
    ),
    "mail parameters": (
        [LHLO]
        + [f"{MAIL} {one}" for one in ("SIZE=x", "SIZE", "BODY=BINARYMIME", "SMTPUTF8=1", "SIZE=1 SIZE=1", "=", "A==")]
        + [f"{MAIL} {one}" for one in ("FOO=1", "AUTH=<>", "RET=FULL", "ENVID=1")]
        + [f"{MAIL} SIZE=52428801", f"{MAIL} size=52428800 body=8bitmime smtputf8"],
        ["250"] + ["501 5.5.4"] * 7 + ["555 5.5.4"] * 4 + ["552 5.3.4", "250 2.1.0"],
    ),
    "rcpt syntax": (
        [LHLO, MAIL, "RCPT", "RCPT FROM:<u@d>", "RCPT TO:u@d", "RCPT TO:<>", "RCPT TO:<u>", "RCPT TO:<u@d>x"],
        ["250", "250", "501 5.5.4", "501 5.5.4"] + ["501 5.1.3"] * 4,
    ),
    "rcpt parameters": (
        [LHLO, MAIL, f"{RCPT} NOTIFY=NEVER", f"{RCPT} ORCPT=rfc822;u@d", f"{RCPT} FOO"],
        ["250", "250", "555 5.5.4", "250 2.1.5", "555 5.5.4"],
    ),
    "recipients that are let in": (
        [LHLO, "MAIL FROM: <a@b>"]
        + [f"RCPT TO:<{one}>" for one in ("@r1,@r2:u@d", "u@[127.0.0.1]", "Postmaster", "ü@bücher.example")]
        + [f"RCPT TO:<{one}>" for one in ('"q s"@d', r'"a\"\\>b"@d')],
        ["250"] * 8,
    ),
    "recipients that are not": (
        [LHLO, MAIL, "RCPT TO:<unknown@d>", "RCPT TO:<later@d>", "RCPT TO:<broken@d>", "DATA", RCPT, "DATA", ".", MAIL],
        ["250", "250", "550 5.1.1", "451 4.3.0", "451 4.3.0", "503 5.5.1", "250 2.1.5", "354", "250 2.0.0", "250"],
    ),
    "recipients that are known": (
        [LHLO, MAIL, "RCPT TO:<known@d>", "DATA", ".", MAIL, "RCPT TO:<unknown@d>\r\nRCPT TO:<known@d>\r\nDATA", "."],
        ["250", "250", "250 2.1.5", "354", "250 2.0.0", "250", "550 5.1.1", "250 2.1.5", "354", "250 2.0.0"],
    ),
    "recipients that the front accepts": (
        [
            *(LHLO, MAIL, "RCPT TO:<held@d>", "DATA", ".", MAIL, "RCPT TO:<held@d>", "DATA", ".", "MAIL FROM:<>"),
            *("RCPT TO:<held@d>", RCPT, "RCPT TO:<unknown@d>", "RCPT TO:<held@d>", "NOOP", "DATA", ".", "DATA"),
        ],
        [
            *("250", "250", "250 2.1.5", "354", "250 2.0.0", "250 2.1.0", "250 2.1.5", "354", "250 2.0.0", "250 2.1.0"),
            *("250 2.1.5", "250 2.1.5", "550 5.1.1", "250 2.1.5", "250 2.0.0", "354"),
            *["250 2.0.0 Saved"] * 3,
            "503 5.5.1",
        ],
    ),
    "one reply per accepted recipient": (
        [LHLO, MAIL, RCPT, "RCPT TO:<full@d>", "RCPT TO:<unknown@d>", RCPT, "DATA", "x: y", "", ".", "NOOP"],
        ["250", "250", "250", "250", "550 5.1.1", "250", "354", "250 2.0.0", "552 5.2.2", "250 2.0.0", "250 2.0.0"],
    ),
    "a reply with line ends": (
        [LHLO, MAIL, "RCPT TO:<refusing@d>", "DATA", ".", "NOOP"],
        ["250", "250", "250", "354", r"550 5.7.1 no\r\n250 2.0.0 yes \xe9", "250 2.0.0 ok"],
    ),
    "a deliverer that fails": (
        [LHLO, MAIL, RCPT, "RCPT TO:<failing@d>", "DATA", ".", "NOOP"],
        ["250", "250", "250", "250", "354", "451 4.3.0", "451 4.3.0", "250 2.0.0"],
    ),
    "a deliverer that leaves a reply out": (
        [LHLO, MAIL, RCPT, "RCPT TO:<dropped@d>", "DATA", ".", "NOOP"],
        ["250", "250", "250", "250", "354"],
    ),
    "deliveries that are begun": (
        [LHLO, MAIL, "RCPT TO:<begun@d>", "RCPT TO:<full@d>", "DATA", ".", MAIL, "RCPT TO:<prompt@d>", "DATA", "."],
        ["250", "250", "250", "250", "354", "250 2.0.0", "552 5.2.2", "250", "250", "354", "250 2.0.0"],
    ),
    "a delivery that can't be begun": (
        [LHLO, MAIL, "RCPT TO:<unbegun@d>", RCPT, "DATA", ".", "NOOP"],
        ["250", "250", "250", "250", "354", "451 4.3.0", "451 4.3.0", "250 2.0.0"],
    ),
    "a delivery that is begun and answers too little": (
        [LHLO, MAIL, "RCPT TO:<begun@d>", "RCPT TO:<dropped@d>", "DATA", ".", "NOOP"],
        ["250", "250 2.1.0", "250 2.1.5", "250 2.1.5", "354"],
    ),
    "null sender, senders of any kind": (
        [LHLO] + [f"MAIL FROM:<{one}>\r\nRSET" for one in ("", "root", "a..b@x", "a@☃.example", "@r:a@b", '"a b"@c')],
        ["250"] + ["250 2.1.0", "250 2.0.0"] * 6,
    ),
    "xforward": (
        [LHLO]
        + [f"XFORWARD {one}".rstrip() for one in ("", "FOO=1", "IDENT", "NAME=a+0Db", "NAME=a+b")]
        + [f"XFORWARD {one}" for one in ("NAME=a+2Bb ADDR=[UNAVAILABLE]", "ident=4c1 SOURCE=LOCAL PORT=1")]
        + [MAIL, "XFORWARD IDENT=1"],
        ["250"] + ["501 5.5.4"] * 5 + ["250 2.0.0"] * 2 + ["250 2.1.0", "503 5.5.1"],
    ),
}


def codes(heard: bytes) -> list[str]:
    """The replies after the greeting, multi-line replies as their last line."""
    text = heard.decode("ascii")
    assert re.fullmatch(r"(?:[2-5]\d\d[ -][\x20-\x7e]*\r\n)+", text), text
    return re.findall(r"^[2-5]\d\d (?!mx.example).*(?=\r)", text, re.MULTILINE)


def written(lines: list[str]) -> bytes:
    return "".join(line + "\r\n" for line in lines).encode("utf-8", "surrogateescape")


@pytest.mark.parametrize("name", TABLE)
def test_conversation(name: str, tmp_path: Path) -> None:
    said, expected = TABLE[name]
    heard, _ = converse(tmp_path, [written([line]) for line in said])
    replies = codes(heard)
    assert [reply[: len(want)] for reply, want in zip(replies, expected, strict=True)] == expected


@pytest.mark.parametrize("name", TABLE)
def test_pipelined_all_at_once_is_the_same(name: str, tmp_path: Path) -> None:
    said, expected = TABLE[name]
    heard, _ = converse(tmp_path, [written(said)])
    replies = codes(heard)
    assert [reply[: len(want)] for reply, want in zip(replies, expected, strict=True)] == expected

"""The two sets of messages that the MIME benchmark runs over."""

import base64
import random
from pathlib import Path

MESSAGES = 60
SMALLEST = 20_000
LARGEST = 2_000_000


def corpus_messages(folder: Path) -> tuple[bytes, ...]:
    """The SpamAssassin corpus, as tools/fetch_corpus.py left it."""
    messages = tuple(path.read_bytes() for path in sorted(folder.glob("*/*.eml")))
    if not messages:
        raise SystemExit(f"no messages in {folder}: python -m tools.fetch_corpus")
    return messages


def attachment_messages() -> tuple[bytes, ...]:
    """MESSAGES messages from a fixed seed: text, html in quoted-printable, one base64 attachment; evenly spread over
    the sizes on a logarithmic scale up to a mean that makes about 50 MB together."""
    rng = random.Random(20260105)
    return tuple(_message(rng, number) for number in range(MESSAGES))


def _message(rng: random.Random, number: int) -> bytes:
    size = SMALLEST + (LARGEST - SMALLEST) * number // (MESSAGES - 1)
    size = size * 62 // 100  # so that all together are 51 MB with their encoding
    words = [f"word{rng.randrange(1000)}" for _ in range(300)]
    text = "\r\n".join(" ".join(words[i : i + 10]) for i in range(0, len(words), 10))
    html = "=\r\n".join(f'<p style=3D"color: red">caf=C3=A9 {word}</p>' for word in words)
    attachment = base64.encodebytes(rng.randbytes(size)).replace(b"\n", b"\r\n")
    head = (
        f"Received: from a.example.com (a.example.com [192.0.2.{number}]) by mx.example.org; "
        f"Mon, 5 Jan 2026 10:00:{number:02} +0100\r\n"
        f"From: Sender {number} <sender{number}@example.com>\r\nTo: b@example.org, C <c@example.org>\r\n"
        f"Subject: =?utf-8?Q?Za=C5=BC=C3=B3=C5=82=C4=87?= {number}\r\nDate: Mon, 5 Jan 2026 10:00:00 +0100\r\n"
        f"Message-ID: <{number}@example.com>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="outer-boundary-1"\r\n\r\n'
        '--outer-boundary-1\r\nContent-Type: multipart/alternative; boundary="inner-boundary-2"\r\n\r\n'
        f"--inner-boundary-2\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
        "--inner-boundary-2\r\nContent-Type: text/html; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: quoted-printable\r\n\r\n{html}\r\n--inner-boundary-2--\r\n"
        '--outer-boundary-1\r\nContent-Type: application/pdf; name="report.pdf"\r\n'
        'Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename="report.pdf"\r\n\r\n'
    )
    return head.encode() + attachment + b"--outer-boundary-1--\r\n"

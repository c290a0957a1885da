"""The file of mails that the benchmarks' client replays, as RFC 5321 s4.5.2 wants the message."""

from pathlib import Path

import pytest

from bench.delivery_client import write_mails

CASES = (
    (b"Subject: x\r\n\r\ntext\r\n", b"Subject: x\r\n\r\ntext\r\n.\r\n"),
    (b".first: x\r\n\r\n.\r\n..two\r\nend.", b"..first: x\r\n\r\n..\r\n...two\r\nend.\r\n.\r\n"),
)


@pytest.mark.parametrize(("raw", "sent"), CASES)
def test_dots_are_stuffed_and_the_end_is_marked(tmp_path: Path, raw: bytes, sent: bytes) -> None:
    written = write_mails(tmp_path / "mails", [raw, raw]).read_bytes()
    assert written == 2 * (b"%d\n" % len(sent) + sent)

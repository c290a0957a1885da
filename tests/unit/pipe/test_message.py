"""What mda-pipe makes of the message: line ends, dots, size, memory."""

import random
import re
import threading
from pathlib import Path

import pytest

from tests.unit.pipe.program import MESSAGE, Program, ended
from tests.unit.pipe.scripted_server import Act, Script, serving

MEGABYTE = 1 << 20


@pytest.mark.parametrize(
    ("raw", "wire"),
    [
        (b"a\n", b"a\r\n"),
        (b"a", b"a\r\n"),
        (b"a\r\n", b"a\r\r\n"),
        (b"a\rb\n", b"a\rb\r\n"),
        (b"a\r", b"a\r\r\n"),
        (b"\n", b"\r\n"),
        (b"\n\n\n", b"\r\n\r\n\r\n"),
        (b".\n", b"..\r\n"),
        (b".", b"..\r\n"),
        (b"..\n.a\na.\n", b"...\r\n..a\r\na.\r\n"),
        (b"a\n.\nRSET\n", b"a\r\n..\r\nRSET\r\n"),
        (b"a\n.\r\nRSET\n", b"a\r\n..\r\r\nRSET\r\n"),
        (b"a\r.\nb\n", b"a\r.\r\nb\r\n"),
        (b"\0\xff\x80\n", b"\0\xff\x80\r\n"),
    ],
)
def test_wire_form(program: Program, raw: bytes, wire: bytes) -> None:
    with serving() as server:
        assert program.run(server.path, raw=raw).status == 0
    assert server.heard.wire_message == wire


def hostile_message(seed: int) -> bytes:
    """Lines of every awkward length around the buffers, of the octets that have a meaning somewhere."""
    chance = random.Random(seed)
    lengths = (0, 1, 2, 127, 128, 2047, 2048, 2049, 4096, 65535, 65536, 65537)
    lines = (bytes(chance.choices(b".\r a", k=chance.choice(lengths))) for _ in range(40))
    return b"\n".join(lines) + chance.choice((b"", b"\n", b".", b"\n."))


@pytest.mark.parametrize("seed", range(5))
def test_wire_form_of_any_message(program: Program, seed: int) -> None:
    raw = hostile_message(seed)
    with serving() as server:
        assert program.run(server.path, raw=raw).status == 0
    whole = raw if raw.endswith(b"\n") else raw + b"\n"
    assert server.heard.wire_message == re.sub(rb"(?m)^\.", b"..", whole).replace(b"\n", b"\r\n")


def test_message_that_comes_octet_by_octet(program: Program) -> None:
    raw = b".a\r\n..\n.\nb"
    with serving() as server:
        process = program.start(server.path)
        assert process.stdin is not None
        for octet in raw:
            process.stdin.write(bytes([octet]))
        assert ended(process).status == 0
    assert server.heard.wire_message == b"..a\r\r\n...\r\n..\r\nb\r\n"


def queue_size(raw: bytes) -> int:
    """Postfix's ${size}, worked out apart from the program: records of at most 2,048 octets, see body.c."""
    total = 0
    for line in raw.splitlines(keepends=True) if b"\r" not in raw else re.findall(rb"[^\n]*\n|[^\n]+\Z", raw):
        text = line.removesuffix(b"\n")
        records = [2048] * (len(text) // 2048)
        if line.endswith(b"\n") or len(text) % 2048:
            records.append(len(text) % 2048)
        total += sum(length + 1 + (1 if length < 128 else 2) for length in records)
    return total


def test_exact_size_that_fits(program: Program) -> None:
    raw = hostile_message(1).replace(b"\r", b"x").replace(b"\0", b"y")
    with serving() as server:
        ended = program.run(server.path, "--size", str(queue_size(raw)), "--size-exact", raw=raw)
    assert ended.status == 0


@pytest.mark.parametrize("by", [-1, 1, 1000])
def test_size_that_does_not_fit(program: Program, by: int) -> None:
    """With a milter ${size} is no measure, so only --size-exact makes a difference count."""
    size = str(queue_size(MESSAGE) + by)
    with serving() as server:
        ended = program.run(server.path, "--size", size, "--size-exact")
    assert ended.output.startswith(b"4.3.0 the message is not as long")
    assert not server.heard.is_complete
    with serving() as server:
        assert program.run(server.path, "--size", size).status == 0


def test_empty_message_is_deferred(program: Program) -> None:
    with serving() as server:
        ended = program.run(server.path, raw=b"")
    assert ended.output == b"4.3.0 the message is empty\n"
    assert not server.heard.is_complete


def peak_memory(pid: int) -> int:
    """Octets of memory the program ever held, from proc(5): getrusage would count the test's own before exec."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


def test_memory_does_not_grow_with_the_message(program: Program) -> None:
    peaks = {}
    for megabytes in (1, 50):
        raw = (b"." + b"x" * 70 + b"\n") * (megabytes * MEGABYTE // 72)
        with serving(Script({"END": (Act.HANG,)})) as server:
            process = program.start(server.path)
            assert process.stdin is not None
            writer = threading.Thread(target=lambda stream=process.stdin, raw=raw: (stream.write(raw), stream.close()))
            writer.start()
            assert server.reached["END"].wait(60)
            peaks[megabytes] = peak_memory(process.pid)
            process.terminate()
            writer.join()
            assert process.wait(10) == 75
        assert len(server.heard.wire_message) == len(raw) // 72 * 74
    assert peaks[50] - peaks[1] < MEGABYTE // 2
    if not program.is_sanitised:
        assert peaks[50] < 3 * MEGABYTE

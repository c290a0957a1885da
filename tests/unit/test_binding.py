"""The border to the C core: layouts agree, limits are kept, errors are told, threads may parse at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from mda._core import ffi, lib

from mda import binding
from mda.binding import contexts
from mda.errors import InvalidValue

MAIL = b"Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + "żółw ".encode() * 2000


def test_layouts_are_those_of_the_core() -> None:
    sizes = {
        "mime_header": binding.HEADER.size,
        "mime_part": binding.PART.size,
        "mime_parameter": binding.PARAMETER.size,
        "mime_address": binding.ADDRESS.size,
    }
    assert {name: ffi.sizeof(name) for name in sizes} == sizes
    assert ffi.offsetof("mime_part", "kind") == 14 * 4
    assert ffi.offsetof("mime_part", "text_source") == 15 * 4
    assert ffi.offsetof("mime_part", "filename") == (15 + 1 + 2 + 4 + 10) * 4
    assert ffi.offsetof("mime_summary", "subject") == 8 + 8 + 4 + 12


def test_default_limits_are_those_of_the_core() -> None:
    limits = ffi.new("mime_limits *")
    lib.mime_default_limits(limits)
    for name, _ in ffi.typeof("mime_limits").fields:
        assert getattr(limits, name) == getattr(binding.DEFAULT_LIMITS, name)


def test_too_large_is_told_with_its_size() -> None:
    limits = binding.Limits(size=100)
    assert binding.examine(b"a" * 100, limits=limits).raw == b"a" * 100
    with pytest.raises(InvalidValue, match="101 bytes"):
        binding.examine(b"a" * 101, limits=limits)


def test_senseless_limits_are_refused() -> None:
    with pytest.raises(InvalidValue):
        binding.examine(MAIL, limits=binding.Limits(parts=0))


def test_result_outlives_the_call_and_its_input() -> None:
    raw = bytes(bytearray(MAIL))
    found = binding.examine(raw)
    del raw
    for _ in range(100):
        binding.examine(b"y" * 5000)
    assert found.subject == b"x"
    assert found.raw == MAIL


def test_threads_parse_at_once() -> None:
    expected = binding.examine(MAIL)
    barrier = threading.Barrier(4)

    def parse(_: int) -> bool:
        barrier.wait()
        return all(binding.examine(MAIL) == expected for _ in range(200))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(parse, range(4)))


def test_html_text() -> None:
    head = b"<html><head><title>no</title></head>"
    html = head + b"<p>a&amp;b &lt; c</p><script>no</script><br>d&nbsp;<b>e</b>f &#8364;&#x20ac; &no; < 3"
    assert binding.html_text(html).decode() == "a&b < c d ef €€ &no; < 3"
    assert binding.html_text(b"") == b""
    assert binding.html_text(b"<p title='a>b'>c") == b"c"


def test_decode_transfer() -> None:
    assert binding.decode_transfer(lib.MIME_BASE64, b"aGVsbG8=") == b"hello"
    assert binding.decode_transfer(lib.MIME_QUOTED_PRINTABLE, b"a=3Db=\r\nc") == b"a=bc"
    assert binding.decode_transfer(lib.MIME_7BIT, b"a=3D") == b"a=3D"


class _Contested(list[object]):
    """Idle contexts, of which another thread takes the last one just when we have seen that there is one."""

    def __bool__(self) -> bool:
        is_any = len(self) > 0
        self.clear()
        return is_any


def test_a_context_that_another_thread_takes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    context = contexts.take()
    idle = _Contested([context])
    monkeypatch.setattr(contexts, "_idle", idle)
    assert binding.examine(MAIL).subject == b"x"

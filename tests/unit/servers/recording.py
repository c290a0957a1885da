"""A small real deliverer for the servers' tests: it writes messages and envelopes to a folder.

The local part of a recipient says what is to happen to it: `unknown`, `later`, `broken` at RCPT, `known` there without
a question, `held` from its second time on by the front itself; `full`, `dropped` (no reply at all), `refusing` (a reply
with line ends in its text), `failing` (an exception), `deadly` (an exception in a thread) after DATA; `slow` takes half
a second. Mail to `begun` is begun and answered by a thread, to `prompt` before `begin` returns, and for `unbegun` that
raises. Everybody else gets `250 2.0.0 Saved id=...`. The reverse-path's and peer's values are kept too.

With MDA_TEST_FRONT_HANGS in the environment, a worker's thread for LMTP never comes back from reading a message.
"""

import asyncio
import json
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from mda._core import ffi

from mda.binding import Found, Reader, front
from mda.causes import Cause, Reply
from mda.envelope import Envelope, Peer, Recipient
from mda.servers.lmtp import switchboard
from mda.settings import Settings

SLOW_SECONDS = 0.5
READING = "uint8_t *(void *, const uint8_t *, uint64_t, uint64_t *)"
"""lmtp_reading, of csrc/lmtp/front.h."""

_NEVER = ffi.callback(READING, lambda *_: threading.Event().wait())


class Recorder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.resolving = 0
        self.most_resolving = 0
        self.resolved = 0
        self.found: list[Found | None] = []
        """What came with each message."""
        self.reads_with = Reader(None, None)

    def recall(self, recipient: Recipient, reverse_path: str, size: int = 0) -> str | None:
        return str(recipient.address) if recipient.address.local_part == "known" else None

    def holds_until(self, recipient: Recipient, accepted: str) -> float:
        return time.monotonic() + 60 if recipient.address.local_part == "held" else 0.0

    def held(self, accepted: str) -> str:
        return accepted

    def follow(self, forget: Callable[[], object], trust: Callable[[float], object]) -> None:
        self.forget, self.trust = forget, trust
        trust(time.monotonic() + 60)

    async def resolve(self, recipient: Recipient, reverse_path: str, size: int = 0) -> str | Cause:
        self.resolving += 1
        self.resolved += 1
        self.most_resolving = max(self.most_resolving, self.resolving)
        await asyncio.sleep(0)
        self.resolving -= 1
        match recipient.address.local_part:
            case "unknown":
                return Cause.UNKNOWN_RECIPIENT
            case "later":
                return Cause.DATABASE_UNAVAILABLE
            case "broken":
                raise ConnectionError("the directory is broken\r\n250 ok")
        return str(recipient.address)

    def refused(self, recipient: Recipient, reverse_path: str, peer: Peer, cause: Cause) -> None:
        with (self._folder / "refused").open("a") as stream:
            stream.write(f"{peer.queue_id} <{reverse_path}> <{recipient.address}> {cause.name}\n")

    def reader(self) -> Reader:
        return self.reads_with

    def begin(
        self,
        envelope: Envelope,
        accepted: tuple[str, ...],
        raw: bytes,
        answer: Callable[[tuple[Reply, ...]], None],
        found: Found | None,
    ) -> bool:
        self.found.append(found)

        def tell() -> None:
            answer(self._keep(envelope, accepted, raw))
            self.flush()

        match accepted[0].partition("@")[0]:
            case "begun":
                threading.Thread(target=tell, name="lane").start()
            case "prompt":
                tell()
            case "unbegun":
                raise ConnectionError("nothing was begun\r\n250 ok")
            case _:
                return False
        return True

    def on_answers(self, flush: Callable[[], object]) -> None:
        self.flush = flush

    async def deliver(
        self, envelope: Envelope, accepted: tuple[str, ...], raw: bytes, found: Found | None
    ) -> tuple[Reply, ...]:
        if any(one.startswith("slow@") for one in accepted):
            await asyncio.sleep(SLOW_SECONDS)
        if any(one.startswith("failing@") for one in accepted):
            raise ConnectionError("the storage is broken\r\n250 ok")
        if any(one.startswith("deadly@") for one in accepted):
            threading.Thread(target=os.listdir, args=("/dev/null",), name="lane").start()
            await asyncio.sleep(60)
        return self._keep(envelope, accepted, raw)

    def _keep(self, envelope: Envelope, accepted: tuple[str, ...], raw: bytes) -> tuple[Reply, ...]:
        name = f"{time.time_ns():020d}-{os.getpid()}"
        (self._folder / f"{name}.json").write_bytes(msgspec.json.encode(envelope))
        partial = self._folder / f"{name}.part"
        partial.write_bytes(raw)
        partial.rename(self._folder / f"{name}.eml")
        return tuple(_reply(one, name) for one in accepted if not one.startswith("dropped@"))


def _reply(recipient: str, name: str) -> Reply:
    match recipient.partition("@")[0]:
        case "full":
            return Cause.MAILBOX_FULL.reply
        case "refusing":
            return Reply(550, "5.7.1", "no\r\n250 2.0.0 yes é")
    return Reply(250, "2.0.0", f"Saved id={name}")


def messages(folder: Path) -> tuple[bytes, ...]:
    """The messages in `folder`, in the order of their delivery."""
    return tuple(path.read_bytes() for path in sorted(folder.glob("*.eml")))


def envelopes(folder: Path) -> tuple[dict[str, object], ...]:
    return tuple(json.loads(path.read_text()) for path in sorted(folder.glob("*.json")))


@asynccontextmanager
async def compose(settings: Settings) -> AsyncIterator[Recorder]:
    """What a worker process of the tests is composed of: mail goes to `mail` below the data folder."""
    if "MDA_TEST_FRONT_HANGS" in os.environ:
        switchboard.STUCK_SECONDS, front._READ = 1.0, _NEVER
    folder = Path(settings.data_dir) / "mail"
    folder.mkdir(exist_ok=True)
    yield Recorder(folder)

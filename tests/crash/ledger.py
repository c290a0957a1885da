"""What was sent, and what was answered: the truth that the store is held against."""

import hashlib
import threading
from base64 import encodebytes
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

MARK = b"X-Crash: "
"""Begins what Postfix leaves as it is; the mail's name follows."""


WORDS = ("lunch", "report", "noon", "river", "Łódź", "meeting", ".", "..", "forward", "quarter")


@dataclass(frozen=True, slots=True)
class Mail:
    """`raw` is what LMTP carries; with a Received field on top, as our Postfix writes it, or without for Postfix."""

    name: str
    raw: bytes
    sender: str
    recipients: tuple[str, ...]

    @property
    def digest(self) -> bytes:
        return digest_behind_mark(self.raw)


def digest_behind_mark(raw: bytes) -> bytes:
    """Of everything from the mark on; of nothing where there is none."""
    at = raw.find(MARK)
    return hashlib.sha256(raw[at:] if at >= 0 else b"").digest()


def name_in(raw: bytes) -> str:
    """Empty where the bytes are no mail of ours."""
    at = raw.find(MARK)
    return raw[at + len(MARK) :].split(b"\r\n", 1)[0].decode("ascii", "replace") if at >= 0 else ""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A 250 for one recipient of a mail, and what it said."""

    name: str
    recipient: str
    content_id: int
    uid: int


@dataclass(frozen=True, slots=True)
class Expected:
    """What a mail must look like in the store."""

    digest: bytes
    recipients: tuple[str, ...]
    is_sure: bool = True
    """Not where it may have been taken or not."""


class Ledger:
    """Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.mails: dict[str, Expected] = {}
        self.acknowledged: dict[tuple[str, str], Acknowledged] = {}
        self.wrong: list[str] = []
        """Answers that must not come, whatever happens."""
        self.redelivered = 0
        """Mails handed over again after a 250, and answered with the same id."""
        self.octets = 0
        """Of all mails that were sent."""
        self.refused = 0
        """Temporary answers, and connections that broke."""

    def note_sent(self, mail: Mail) -> None:
        with self._lock:
            self.mails[mail.name] = Expected(mail.digest, mail.recipients)
            self.octets += len(mail.raw)

    def forget(self, mail: Mail) -> None:
        """Nobody took it: it may be in the store or not."""
        with self._lock:
            self.mails[mail.name] = Expected(mail.digest, mail.recipients, is_sure=False)

    def note_reply(self, mail: Mail, recipient: str, reply: str) -> bool:
        """Whether the recipient has its mail."""
        with self._lock:
            if reply.startswith("4"):
                self.refused += 1
                return False
            if not reply.startswith("250 "):
                self.wrong.append(f"{mail.name} to {recipient}: {reply}")
                return False
            self._acknowledge(_acknowledged(mail.name, recipient, reply))
            return True

    def note_broken(self) -> None:
        with self._lock:
            self.refused += 1

    def _acknowledge(self, said: Acknowledged) -> None:
        first = self.acknowledged.setdefault((said.name, said.recipient), said)
        if first is said:
            return
        self.redelivered += 1
        if first != said:
            self.wrong.append(f"{said.name} to {said.recipient}: first {first}, then {said}")

    def expected(self) -> Sequence[tuple[str, Expected]]:
        """Every mail that was sent until now, by name."""
        with self._lock:
            return tuple(self.mails.items())

    def since(self, count: int) -> Sequence[Acknowledged]:
        """The acknowledgements but for the first `count`."""
        with self._lock:
            return tuple(self.acknowledged.values())[count:]


def _acknowledged(name: str, recipient: str, reply: str) -> Acknowledged:
    words = dict(word.partition("=")[::2] for word in reply.split() if "=" in word)
    return Acknowledged(name, recipient, int(words["id"], 16), int(words["uid"]))


def make_mail(name: str, recipients: Sequence[str], random: Random, is_stamped: bool, attachment: int = 0) -> Mail:
    """A mail of a few KB, now and then of some hundred: text that compresses as mail does, and lines with dots. Behind
    it stand `attachment` random octets in base64."""
    stamp = f"Received: from c.test by mx.test (Postfix) with ESMTP id {name}; Mon, 2 Nov 2026 10:00:00 +0000\r\n"
    words = (*WORDS, str(random.random()))
    lines = [" ".join(random.choices(words, k=9)) for _ in range(random.choice((5, 20, 60, 60, 200)))]
    if random.random() < 0.01:
        lines += [random.randbytes(60).hex() for _ in range(3000)]
    # All fields that Postfix would add: it must leave every byte behind the mark as it is.
    head = (
        f"{MARK.decode()}{name}\r\nFrom: a@there.test\r\nTo: b@there.test\r\nSubject: number {name}\r\n"
        f"Date: Mon, 2 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{name}@there.test>\r\n\r\n"
    )
    body = "".join(f"{'.' if index % 7 == 0 else ''}{line}\r\n" for index, line in enumerate(lines))
    raw = ((stamp if is_stamped else "") + head + body).encode()
    if attachment:
        raw += encodebytes(random.randbytes(attachment)).replace(b"\n", b"\r\n")
    return Mail(name, raw, f"{name}@there.test", tuple(recipients))

"""Builds mda/storage/base.dict, the zstd dictionary that a new shard begins with.

    python -m tools.build_base_dictionary [--corpus FOLDER] [--output FILE]

It is trained on the corpus that tools/fetch_corpus.py fetched, but only on what several senders wrote alike: pairs of
words that are in mails of at least SENDERS senders, and none with an address or a link. So it holds what mails share
(header fields, MIME, HTML, phrases) and nothing that one person wrote. The same corpus and the same zstd give the same
bytes.
"""

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from mda.storage import dictionaries

ROOT = Path(__file__).resolve().parent.parent
MOST_OCTETS = 65_536
"""Of one mail; what is behind it (attachments) teaches nothing."""

SENDERS = 8
SHORTEST = 8

_SENDER = re.compile(rb"^from:.*?([\w.+=-]+@[\w.-]+)", re.IGNORECASE | re.MULTILINE)
_WORD = re.compile(rb"\s*\S+")
_PERSONAL = re.compile(rb"@|://|=40|%40|[0-9]{3}", re.IGNORECASE)


def main() -> int:
    return write(__doc__, ROOT / "mda" / "storage" / dictionaries.BASE_DICTIONARY, build)


def write(description: str, output: Path, make: Callable[[Sequence[bytes]], bytes]) -> int:
    """The program that writes what `make` makes of the corpus's mails; its exit status."""
    parser = argparse.ArgumentParser(description=description.split("\n", maxsplit=1)[0])
    parser.add_argument("--corpus", type=Path, default=ROOT / "build" / "corpus")
    parser.add_argument("--output", type=Path, default=output)
    arguments = parser.parse_args()
    if not (arguments.corpus / "index").exists():
        print(f"no corpus at {arguments.corpus}; run: python -m tools.fetch_corpus", file=sys.stderr)
        return 1
    mails = read_corpus(arguments.corpus)
    arguments.output.write_bytes(make(mails))
    print(f"{arguments.output}: {arguments.output.stat().st_size} bytes from {len(mails)} messages")
    return 0


def read_corpus(folder: Path) -> list[bytes]:
    """The corpus in the order of its index."""
    return [(folder / line.split()[1]).read_bytes() for line in (folder / "index").read_text().splitlines()]


def build(mails: Sequence[bytes]) -> bytes:
    """The dictionary of these mails."""
    samples = [sample for sample in shared(mails) if len(sample) >= SHORTEST]
    return dictionaries.train(samples, dictionaries.FIRST_ID, dictionaries.BASE_BYTES)


def shared(mails: Sequence[bytes], texts: Sequence[bytes] | None = None) -> Iterator[bytes]:
    """Of each mail, the words that stand in it beside the same word as in mails of other senders; of its text in
    `texts` where they are given."""
    words = [_WORD.findall(text[:MOST_OCTETS]) for text in texts or mails]
    senders: dict[tuple[bytes, bytes], set[bytes]] = defaultdict(set)
    for mail, its_words in zip(mails, words, strict=True):
        sender = _sender(mail)
        for pair in pairwise(its_words):
            known = senders[pair]
            if len(known) < SENDERS:
                known.add(sender)
    for its_words in words:
        keeps = [False] * len(its_words)
        for number, pair in enumerate(pairwise(its_words)):
            if len(senders[pair]) >= SENDERS:
                keeps[number] = keeps[number + 1] = True
        yield b"".join(
            word for word, is_kept in zip(its_words, keeps, strict=True) if is_kept and not _PERSONAL.search(word)
        )


def _sender(mail: bytes) -> bytes:
    found = _SENDER.search(mail)
    return found.group(1).lower() if found else b""


if __name__ == "__main__":
    sys.exit(main())

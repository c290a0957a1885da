"""The store's figures: `make bench-storage`, or `python -m bench.storage [--quick] [--section NAME]... [ROUNDS]`.

Sections, all where none is named: codec, append, reads, space, compaction; each opens with what it measures
(bench/storage_*.py). The mails are the SpamAssassin corpus (tools/fetch_corpus.py), and for long ones twenty of 2 MB.
Prints medians, writes build/bench/storage.json. What is not installed (Dovecot's imapd, Postfix's smtp-source) is left
out and named.
"""

import base64
import hashlib
import json
import random
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import storage_append, storage_codec, storage_compaction, storage_dovecot, storage_reads, storage_space
from bench.mime_programs import OUTPUT, ROOT
from bench.scaffold import asked, run_folder, write_results
from tools.build_base_dictionary import read_corpus

SECTIONS = ("codec", "append", "reads", "space", "compaction")
CORPUS = ROOT / "build" / "corpus"
QUICK_MAILS = 600

_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n|\0")
"""What Dovecot does not give back as it came; what is read is compared."""


def main() -> int:
    arguments = asked(__doc__, ("quick",), {"section": SECTIONS}, rounds=0)
    is_quick = arguments.quick
    rounds = arguments.rounds or (1 if is_quick else 5)
    if not (CORPUS / "index").exists():
        print(f"no corpus at {CORPUS}; run: python -m tools.fetch_corpus", file=sys.stderr)
        return 1
    if not storage_dovecot.is_there():
        print("Dovecot is left out: apt-get install dovecot-imapd")
    mails = read_corpus(CORPUS)
    random.Random(1).shuffle(mails)
    del mails[QUICK_MAILS if is_quick else len(mails) :]
    output = OUTPUT / "storage.json"
    found = json.loads(output.read_text()) if output.exists() else {}
    for section in arguments.section:
        with run_folder() as folder:
            found[section] = _measure(section, folder, mails, rounds, is_quick=is_quick)
        write_results("storage", found)
    return 0


def _measure(section: str, folder: Path, mails: list[bytes], rounds: int, *, is_quick: bool) -> list[dict[str, object]]:
    halves = ([raw for raw in mails if _half(raw)], [raw for raw in mails if not _half(raw)])
    match section:
        case "codec":
            return storage_codec.measure(*halves, rounds)
        case "append":
            return storage_append.measure(folder, mails, rounds)
        case "reads":
            reads = 200 if is_quick else 2000
            kept = [raw for raw in mails if not _BARE.search(raw)]
            rows = storage_reads.measure(folder, "corpus", kept, rounds, reads)
            return rows + storage_reads.measure(folder, "2 MB", _long(), rounds, reads // 10)
        case "space":
            return storage_space.measure(folder, mails, halves)
        case _:
            return storage_compaction.measure(folder, mails, rounds)


def _half(raw: bytes) -> bool:
    return hashlib.sha1(raw, usedforsecurity=False).digest()[0] < 0x80


def _long() -> Sequence[bytes]:
    """A text and an attachment in base64, as most long mails are."""
    source = random.Random(2)
    head = b"From: a@example.org\r\nSubject: long\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    octets = (base64.encodebytes(source.randbytes(1_500_000)).replace(b"\n", b"\r\n") for _ in range(20))
    return [head + body for body in octets]


if __name__ == "__main__":
    sys.exit(main())

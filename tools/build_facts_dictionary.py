"""Builds mda/metadata/content/facts-1.dict, with which the facts of a message are compressed in its row.

    python -m tools.build_facts_dictionary [--corpus FOLDER] [--output FILE]

Rows name it by the version in their first byte, so the file that is committed never changes: what this makes is for the
next version. It is trained as the base dictionary of mail is (tools/build_base_dictionary.py), on what several senders
wrote alike, but of the facts that a delivery would keep of each mail.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from mda.address import parse
from mda.antispam.classifier import Classifier
from mda.delivery import delivered_form
from mda.delivery.inspect import inspect
from mda.delivery.rows import kept_reasons
from mda.envelope import Envelope, Recipient
from mda.metadata.content.facts import Facts
from mda.storage import dictionaries
from tools.build_base_dictionary import ROOT, SHORTEST, read_corpus, shared

BYTES = 8_192
"""A larger one gains nothing measurable."""

THRESHOLD = 0.5

_ADDRESS = re.compile(rb'\((?:"(?:[^"\\]|\\.)*"|NIL) NIL (?:"(?:[^"\\]|\\.)*"|NIL) (?:"(?:[^"\\]|\\.)*"|NIL)\)')
_NOBODY = b'(NIL NIL "" "")'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--corpus", type=Path, default=ROOT / "build" / "corpus")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "facts.dict")
    arguments = parser.parse_args()
    if not (arguments.corpus / "index").exists():
        print(f"no corpus at {arguments.corpus}; run: python -m tools.fetch_corpus", file=sys.stderr)
        return 1
    mails = read_corpus(arguments.corpus)
    arguments.output.write_bytes(build(mails))
    print(f"{arguments.output}: {arguments.output.stat().st_size} bytes from {len(mails)} messages")
    return 0


def build(mails: Sequence[bytes]) -> bytes:
    """The dictionary of what is kept of these mails."""
    classifier = Classifier()
    texts = [_text(facts(raw, classifier)) for raw in mails]
    samples = [sample for sample in shared(mails, texts) if len(sample) >= SHORTEST]
    return dictionaries.train(samples, dictionaries.FIRST_ID, BYTES)


def facts(raw: bytes, classifier: Classifier) -> Facts:
    """As a delivery keeps them, for some account."""
    found = inspect(raw, classifier)
    verdict = found.judge(THRESHOLD)
    recipient = Recipient(parse("user@example.org"))
    envelope = Envelope("sender@example.org", (recipient,))
    return Facts(
        prefix=delivered_form.prefix(envelope, recipient, "user@example.org", verdict),
        envelope=found.message.envelope,
        subject_base=found.message.subject_base,
        body_structure=found.message.body_structure,
        preview=found.message.preview,
        structure=found.message.structure,
        spam_reasons=kept_reasons(verdict, found.campaign),
    )


def _text(found: Facts) -> bytes:
    """The words of it, without anybody's name or address; numbers teach nothing."""
    kinds = found.spam_reasons.kinds if found.spam_reasons else ""
    words = (
        found.prefix,
        _ADDRESS.sub(_NOBODY, found.envelope),
        found.body_structure,
        found.preview.encode("utf-8", "replace"),
    )
    return b" ".join((*words, kinds.encode()))


if __name__ == "__main__":
    sys.exit(main())

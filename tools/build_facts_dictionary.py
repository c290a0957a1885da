"""Builds mda/metadata/content/facts-1.dict, with which the facts of a message are compressed in its row.

    python -m tools.build_facts_dictionary [--corpus FOLDER] [--output FILE]

Rows name it by the version in their first byte, so the file that is committed never changes: what this makes is for the
next version. It is trained as the base dictionary of mail is (tools/build_base_dictionary.py), on what several senders
wrote alike, but of the facts that a delivery would keep of each mail.
"""

import re
import sys
from collections.abc import Sequence

from mda.address import parse
from mda.antispam.classifier import Classifier
from mda.delivery import delivered_form
from mda.delivery.inspect import inspect
from mda.delivery.rows import kept_reasons
from mda.envelope import Envelope, Recipient
from mda.metadata.content.facts import Facts
from mda.storage import dictionaries
from tools.build_base_dictionary import ROOT, SHORTEST, shared, write

BYTES = 8_192
"""A larger one gains nothing measurable."""

THRESHOLD = 0.5

_ADDRESS = re.compile(rb'\((?:"(?:[^"\\]|\\.)*"|NIL) NIL (?:"(?:[^"\\]|\\.)*"|NIL) (?:"(?:[^"\\]|\\.)*"|NIL)\)')
_NOBODY = b'(NIL NIL "" "")'


def main() -> int:
    return write(__doc__, ROOT / "build" / "facts.dict", build)


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

"""Builds mda/antispam/base.bin, the model with which a first installation filters from its first mail.

    python -m tools.build_base_model [--corpus FOLDER] [--output FILE] [--report]

It learns from the corpus that tools/fetch_corpus.py fetched, all of it. The score is calibrated on messages whose
whole sub-corpus the model has not seen, with all headers and with few: mail at a new site is at least as strange as
that. The same corpus gives the same bytes (on machines whose C library rounds exp() alike). --report measures instead:
the corpus split in halves by the first bit of each message's SHA-1, trained on one, tested on the other, and each
sub-corpus judged by a model that has not seen it.
"""

import argparse
import hashlib
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mda import binding
from mda.antispam import training
from mda.antispam.evaluation import Separation, separate
from mda.antispam.training import FULL_VIEW, LITE_VIEW, NEW_SITE_VIEW, Example, Recipe, seen_through
from mda.weights import pack

ROOT = Path(__file__).resolve().parent.parent
BASE = Recipe(views=(NEW_SITE_VIEW, LITE_VIEW))
"""The base model goes to other sites, where the corpus's own way of mail is nothing to go by."""
CALIBRATION_VIEWS = (NEW_SITE_VIEW, LITE_VIEW)


@dataclass(frozen=True, slots=True)
class Labelled:
    """One message of the corpus."""

    group: str
    half: int
    example: Example


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--corpus", type=Path, default=ROOT / "build" / "corpus")
    parser.add_argument("--output", type=Path, default=ROOT / "mda" / "antispam" / "base.bin")
    parser.add_argument("--report", action="store_true")
    arguments = parser.parse_args()
    if not (arguments.corpus / "index").exists():
        print(f"no corpus at {arguments.corpus}; run: python -m tools.fetch_corpus", file=sys.stderr)
        return 1
    corpus = read(arguments.corpus)
    if arguments.report:
        report(corpus)
    else:
        arguments.output.write_bytes(build(corpus, BASE))
        print(f"{arguments.output}: {arguments.output.stat().st_size} bytes from {len(corpus)} messages")
    return 0


def read(folder: Path) -> list[Labelled]:
    """The corpus in the order of its index."""
    found = []
    for line in (folder / "index").read_text().splitlines():
        label, _, path = line.partition(" ")
        raw = (folder / path).read_bytes()
        half = hashlib.sha1(raw, usedforsecurity=False).digest()[0] >> 7
        group = Path(path).name.rsplit("-", 1)[0]
        found.append(Labelled(group, half, Example(binding.features(raw), label == "spam")))
    return found


def build(corpus: Sequence[Labelled], recipe: Recipe) -> bytes:
    """The bytes of a model trained on all of `corpus`, calibrated on what is strange to it."""
    calibration = training.calibrate(held_out(corpus, recipe), recipe)
    trained = training.train([message.example for message in corpus], recipe)
    return pack(training.quantise(trained, calibration))


def held_out(corpus: Sequence[Labelled], recipe: Recipe) -> Iterator[tuple[float, bool]]:
    """(margin, is_spam) of every message by models that have not seen its sub-corpus."""
    return training.held_out_margins(list(by_group(corpus).values()), recipe, CALIBRATION_VIEWS)


def by_group(corpus: Sequence[Labelled]) -> dict[str, list[Example]]:
    names = sorted({message.group for message in corpus})
    return {name: [message.example for message in corpus if message.group == name] for name in names}


def report(corpus: Sequence[Labelled]) -> None:
    """Half/half and held-out figures of models built exactly as the base model is."""
    learned, tested = ([message for message in corpus if message.half == half] for half in (0, 1))
    model = as_model(build(learned, Recipe()))
    print("half/half               1-ROCA%  recall% at 0.1 / 0.5 / 1 % FP   at 0.95: FP%  recall%")
    for name, view in (("full", FULL_VIEW), ("lite", LITE_VIEW)):
        show(f"  {name} view", separate(scores(model, tested, view)))
    model = as_model(build(learned, BASE))
    for name, view in (("full", NEW_SITE_VIEW), ("lite", LITE_VIEW)):
        show(f"  base, {name} view", separate(scores(model, tested, view)))
    print("held-out sub-corpora    share that scores 0.95 or more, calibrated on these very scores")
    calibration = training.calibrate(held_out(corpus, BASE), BASE)
    for group, messages in by_group(corpus).items():
        others = [message.example for message in corpus if message.group != group]
        trained = training.train(others, BASE)
        for name, view in (("full", NEW_SITE_VIEW), ("lite", LITE_VIEW)):
            marked = sum(calibration.score(trained.margin(m.features, view)) >= 0.95 for m in messages)
            label = "spam" if messages[0].is_spam else "ham"
            print(f"  {group:12} {label:5} {name} view {100 * marked / len(messages):8.2f} %")


def as_model(content: bytes) -> binding.Model:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.bin"
        path.write_bytes(content)
        return binding.Model(path)


def scores(model: binding.Model, messages: Iterable[Labelled], view: int) -> list[tuple[float, bool]]:
    """(score, is_spam) of each message seen through `view`, by the very C code that judges mail."""
    return [
        (model.score(seen_through(view, message.example.features)).probability, message.example.is_spam)
        for message in messages
    ]


def show(name: str, found: Separation) -> None:
    recalls = (found.recall_percent(found.threshold(share)) for share in (0.001, 0.005, 0.01))
    print(
        f"{name:22} {found.one_minus_roca_percent:8.4f} ",
        " / ".join(f"{recall:.1f}" for recall in recalls),
        f"   {found.false_positive_percent(0.95):18.2f} {found.recall_percent(0.95):8.1f}",
    )


if __name__ == "__main__":
    sys.exit(main())

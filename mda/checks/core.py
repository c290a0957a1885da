"""The C core and the spam model: whether they work on this machine."""

import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mda.checks.finding import Finding, error, ok, skipped, warning
from mda.checks.site import Site, quoted
from mda.errors import MdaError
from mda.settings import Settings

SAMPLE = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: check\r\n\r\nA message for mda check.\r\n"

CPU_FACTS = Path("/proc/cpuinfo")
HASHING = ("sha_ni", "sha2")
"""What x86-64 and ARM call instructions for SHA-256, which every body's digest and receipt is made with."""


def check(settings: Settings, site: Site) -> Iterator[Finding]:
    """Loads the core, and parses and scores a message with it."""
    try:
        from mda.antispam.classifier import Classifier  # noqa: PLC0415 - a core that does not load is to be found
        from mda.binding import FEATURE_VERSION, examine  # noqa: PLC0415
    except (ImportError, OSError) as trouble:
        yield error(
            "core.loaded",
            f"the C core does not load: {trouble}",
            "mda serve does not start, and mail waits in Postfix's queue",
            "install mda again, for this Python and this machine (of a checkout: make build)",
        )
        return
    yield from _processor()
    if not settings.spam.enabled:
        examine(SAMPLE)
        yield skipped("spam.model", "spam.enabled is false: no mail is scored")
        return
    classifier = Classifier(Path(settings.spam.model) if settings.spam.model else None, settings.trained_model)
    try:
        model = classifier.model
    except MdaError as trouble:
        remedy = site.setting("spam.model", "") if settings.spam.model else "install mda again: its model is damaged"
        yield error("spam.model", trouble.message, "mail is delivered unclassified", remedy)
        return
    verdict = classifier.judge(examine(SAMPLE, model).spam, settings.spam.threshold)
    yield ok(
        "spam.model",
        f"{classifier.path.name}, version {model.version}, features {FEATURE_VERSION};"
        f" a test message scores {verdict.score:.3f}",
    )
    yield from _trained(settings, Classifier)


def _processor() -> Iterator[Finding]:
    """The core is built for the machine's baseline, so there is nothing that it could lack; hashing is what differs."""
    try:
        words = set(CPU_FACTS.read_text().split())
    except OSError:
        words = set()
    has_hashing = any(word in words for word in HASHING)
    hashing = "SHA-256 in hardware" if has_hashing else "SHA-256 in software (about 4 times slower)"
    yield ok("core.processor", f"built for the baseline of {platform.machine()}; {hashing}")


def _trained(settings: Settings, classifier: type[Any]) -> Iterator[Finding]:
    path = settings.trained_model
    try:
        written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        yield ok("spam.trained", "nobody has taught the filter yet: the base model is used")
        return
    try:
        classifier(path).model  # noqa: B018 - reading it is the check
    except MdaError as trouble:
        yield warning(
            "spam.trained",
            trouble.message,
            "what users have taught everybody is not used",
            f"rm {quoted(path)} && systemctl restart mda-trainer",
        )
    else:
        yield ok("spam.trained", f"what users have taught was written on {written:%Y-%m-%d %H:%M} UTC")

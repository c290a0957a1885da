"""What is known of a message before anybody decides anything: its structure, its verdict, its forged fields.

One C call parses and scores (`mda.binding.examine`); the values are read from its flat result. A classifier that
fails leaves the message unclassified and is logged: mail is never held up by the spam filter.
"""

import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from mda import binding
from mda.address import Address
from mda.antispam.authentication import Proof
from mda.antispam.verdict import Verdict
from mda.binding import Campaign, CampaignTable
from mda.delivery import author, delivered_form
from mda.delivery.author import NO_SOURCES, Author, Sources
from mda.errors import MdaError
from mda.identifiers import message_id_hash
from mda.logs import logger
from mda.metrics import recorder
from mda.metrics.families import INSPECT_SECONDS
from mda.mime import message as mime_message
from mda.mime.message import Message


class Judge(Protocol):
    """The classifier's part that inspection needs."""

    @property
    def model(self) -> binding.Model: ...

    def judge(self, examination: binding.Examination, threshold: float) -> Verdict: ...


class Inspection(msgspec.Struct, frozen=True):
    """Facts of one message, found once however many copies it will have."""

    message: Message
    forged_spans: tuple[tuple[int, int], ...]
    delivered_to: frozenset[Address]
    """Keys of the addresses that Delivered-To fields name."""
    message_id_hash: int | None
    reference_hashes: tuple[int, ...]
    size: int
    judge: Callable[[float], Verdict | None]
    """The model's verdict at a recipient's threshold; None where not classified."""
    view: Callable[[], bytes]
    """What users' marks see of the message (`mda.binding.view`); found when the first user asks."""
    campaign: Campaign | None
    """The run of near copies that it belongs to; None where it is too short, or not classified."""
    withdraw: Callable[[], None]
    """Takes it out of that run again: it had come before, or comes again."""
    proof: Callable[[], Proof]
    """What our milter says of the domain that it claims to be from."""
    author: Callable[[], Author]
    """Who it claims to be from; found when the first recipient asks."""
    has_witness: bool = True
    """Whether the settings name anybody whose word on the author counts (`Sources`)."""
    seconds: float = 0
    """What parsing and classifying took."""


def inspect(
    raw: bytes, classifier: Judge | None, sources: Sources = NO_SOURCES, campaigns: CampaignTable | None = None
) -> Inspection:
    """Parse and classify one message as Postfix handed it over (CRLF line ends)."""
    began = time.monotonic()
    examination = binding.examine(raw, _model_of(classifier), campaigns=campaigns)
    campaign = examination.spam.campaign if examination.spam else None
    message = mime_message.read(examination)
    seconds = time.monotonic() - began
    recorder.observe(INSPECT_SECONDS, seconds)

    known_view: bytes | None = None
    known_author: Author | None = None

    def judge(threshold: float) -> Verdict | None:
        if classifier is None or examination.spam is None:
            return None
        return classifier.judge(examination, threshold)

    def withdraw() -> None:
        if campaigns is None or examination.spam is None:
            return
        try:
            campaigns.withdraw(examination.spam.bands)
        except Exception:
            logger("delivery").exception("campaign_not_withdrawn")

    def proof() -> Proof:
        return read_author().proof if has_witness else Proof.NONE

    def view() -> bytes:
        nonlocal known_view
        if known_view is None:
            known_view = binding.view(binding.features(raw, campaign.count if campaign else 0, proof().value))
        return known_view

    def read_author() -> Author:
        nonlocal known_author
        if known_author is None:
            known_author = author.read(message, sources)
        return known_author

    has_witness = sources != NO_SOURCES
    forged_spans, delivered_to = delivered_form.ours_in(message)
    return Inspection(
        message=message,
        forged_spans=forged_spans,
        delivered_to=delivered_to,
        message_id_hash=message_id_hash(message.message_id) if message.message_id else None,
        reference_hashes=tuple(message_id_hash(reference) for reference in message.references),
        size=len(raw),
        judge=judge,
        view=view,
        campaign=campaign,
        withdraw=withdraw,
        author=read_author,
        proof=proof,
        has_witness=has_witness,
        seconds=seconds,
    )


def _model_of(classifier: Judge | None) -> binding.Model | None:
    if classifier is None:
        return None
    try:
        return classifier.model
    except MdaError as error:
        logger("delivery").error("spam_model_unusable", cause=error.message, remedy=error.remedy)
        return None

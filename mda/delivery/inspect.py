"""What is known of a message before anybody decides anything: its structure, its verdict, its forged fields.

One C call parses and scores, and what a delivery asks for comes of it as one struct (`mda.mime.brief`). A classifier
that fails leaves the message unclassified and is logged: mail is never held up by the spam filter.
"""

import time
from typing import Protocol

import msgspec

from mda import binding
from mda.address import Address
from mda.antispam.authentication import Proof
from mda.antispam.verdict import Verdict
from mda.binding import Brief, Campaign, CampaignTable, Found, SpamScore
from mda.delivery import author, delivered_form
from mda.delivery.author import NO_SOURCES, Author, Sources
from mda.errors import MdaError
from mda.logs import logger
from mda.mime import brief
from mda.mime.header_block import HeaderBlock


class Judge(Protocol):
    """The classifier's part that inspection needs."""

    @property
    def model(self) -> binding.Model: ...

    def judge(self, score: SpamScore | None, threshold: float) -> Verdict: ...


_NOBODY: frozenset[Address] = frozenset()


class Inspection(msgspec.Struct):
    """Facts of one message, found once however many copies it will have; what few ask for is found when the first one
    asks, in whichever thread: found twice it is the same."""

    raw: bytes
    message: Brief
    score: SpamScore | None
    """None where not classified."""
    classifier: Judge | None
    sources: Sources
    campaigns: CampaignTable | None
    has_witness: bool
    """Whether the settings name anybody whose word on the author counts (`Sources`)."""
    delivered_to: frozenset[Address]
    """Keys of the addresses that Delivered-To fields name."""
    seconds: float
    """What parsing and classifying took."""
    known_author: Author | None = None
    known_view: bytes | None = None

    @property
    def size(self) -> int:
        return len(self.raw)

    @property
    def campaign(self) -> Campaign | None:
        """The run of near copies that it belongs to; None where it is too short, or not classified."""
        return self.score.campaign if self.score is not None else None

    def judge(self, threshold: float) -> Verdict | None:
        """The model's verdict at a recipient's threshold; None where not classified."""
        if self.classifier is None or self.score is None:
            return None
        return self.classifier.judge(self.score, threshold)

    def withdraw(self) -> None:
        """Takes it out of its run of near copies again: it had come before, or comes again."""
        if self.campaigns is None or self.score is None:
            return
        try:
            self.campaigns.withdraw(self.score.bands)
        except Exception:
            logger("delivery").exception("campaign_not_withdrawn")

    def author(self) -> Author:
        """Who it claims to be from."""
        if self.known_author is None:
            header = HeaderBlock(self.raw, self.message.header_table)
            self.known_author = author.read(self.message.author, header, self.sources)
        return self.known_author

    def proof(self) -> Proof:
        """What our milter says of the domain that it claims to be from."""
        return self.author().proof if self.has_witness else Proof.NONE

    def view(self) -> bytes:
        """What users' marks see of the message (`mda.binding.view`)."""
        if self.known_view is None:
            copies = self.campaign.count if self.campaign else 0
            self.known_view = binding.view(binding.features(self.raw, copies, self.proof().value))
        return self.known_view


def inspect(
    raw: bytes,
    classifier: Judge | None,
    sources: Sources = NO_SOURCES,
    campaigns: CampaignTable | None = None,
    found: Found | None = None,
) -> Inspection:
    """Parse and classify one message as Postfix handed it over (CRLF line ends); what has been `found` of it already,
    with the same classifier and campaigns, is taken as it is."""
    began = time.monotonic()
    if found is None:
        message, score = brief.read(raw, model_of(classifier), campaigns)
        seconds = time.monotonic() - began
    else:
        message, score = brief.read_found(raw, found)
        seconds = found.seconds + time.monotonic() - began
    named = _NOBODY
    if message.has_delivered_to:
        named = delivered_form.delivered_to(HeaderBlock(raw, message.header_table))
    has_witness = sources is not NO_SOURCES and sources != NO_SOURCES
    return Inspection(raw, message, score, classifier, sources, campaigns, has_witness, named, seconds)


def model_of(classifier: Judge | None) -> binding.Model | None:
    """The classifier's model; None where there is none to be had, which is logged."""
    if classifier is None:
        return None
    try:
        return classifier.model
    except MdaError as error:
        logger("delivery").error("spam_model_unusable", cause=error.message, remedy=error.remedy)
        return None

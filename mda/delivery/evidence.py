"""What one recipient knows of a message beside the model: marks, correspondents, authentication, a filter in front; and
the rules that the recipient, the domain or the admin has set.
"""

from enum import Enum, auto
from functools import lru_cache

from msgspec.structs import replace

from mda import address, binding
from mda.address import Address
from mda.antispam import personal
from mda.antispam.authentication import Proof
from mda.antispam.evidence import CORRESPONDENT_WEIGHT, FAILED_WEIGHT, Finding, Part, weighed
from mda.antispam.personal import Personal
from mda.antispam.verdict import Verdict
from mda.delivery.inspect import Inspection
from mda.errors import InvalidValue
from mda.logs import logger
from mda.metadata.directory.resolve import PolicyRule, Target
from mda.metadata.schema.words import PolicyAction, PolicySubject

FRONT_HAM_SHARE = 0.25
"""Of a filter's weight: what it did not catch is no proof of ham."""

_UNPACKED = 1000


class Ruled(Enum):
    """What the rules say of a sender."""

    ALLOWED = auto()
    BLOCKED = auto()
    OPEN = auto()


def weigh(verdict: Verdict, target: Target, inspection: Inspection, reverse_path: str, front_weight: float) -> Verdict:
    """The recipient's verdict. Whatever goes wrong here leaves the model's, and is logged: mail is never held up by the
    spam filter."""
    try:
        own = weighed(verdict, findings(target, inspection, front_weight))
        return _ruled(own, ruled(target, inspection, _key(reverse_path))) if target.policies else own
    except Exception:
        logger("delivery").exception("evidence_not_weighed", account=target.address)
        return verdict


def findings(target: Target, inspection: Inspection, front_weight: float) -> tuple[Finding, ...]:
    """Everything that speaks for or against the message at this recipient."""
    if not (target.user_weights or inspection.has_witness):
        return ()
    author = inspection.author()
    found: list[Finding] = []
    known = _unpacked(target.user_weights) if target.user_weights else None
    if known is not None and known.weights.raw_ids:
        weight, features = binding.correct(known.weights, inspection.view())
        if weight:
            found.append(Finding(Part.MARKS, weight, features))
    if known is not None and author.proof is Proof.PASSED and _is_known(known, target.account_id, author.address):
        found.append(Finding(Part.CORRESPONDENT, CORRESPONDENT_WEIGHT))
    if author.proof is Proof.FAILED:
        found.append(Finding(Part.AUTHENTICATION, FAILED_WEIGHT))
    if author.front is not None and front_weight:
        found.append(Finding(Part.FRONT, front_weight if author.front else -front_weight * FRONT_HAM_SHARE))
    return tuple(found)


def ruled(target: Target, inspection: Inspection, reverse_path: Address | None) -> Ruled:
    """The nearest rule's answer. To allow takes proof, since anyone can write any From; to block takes none."""
    author = inspection.author()
    for rule in target.policies:
        is_author = _fits(rule, author.address)
        match rule.action:
            case PolicyAction.ACCEPT if is_author and author.proof is Proof.PASSED:
                return Ruled.ALLOWED
            case PolicyAction.JUNK | PolicyAction.REJECT if is_author or _fits(rule, reverse_path):
                return Ruled.BLOCKED
            case _:
                continue
    return Ruled.OPEN


def _fits(rule: PolicyRule, sender: Address | None) -> bool:
    if sender is None:
        return False
    match rule.subject:
        case PolicySubject.SENDER:
            return str(sender) == rule.pattern
        case PolicySubject.SENDER_DOMAIN:
            return sender.domain == rule.pattern or sender.domain.endswith(f".{rule.pattern}")
        case PolicySubject.CLIENT_ADDRESS:
            return False


def _is_known(known: Personal, account_id: int, sender: Address | None) -> bool:
    return sender is not None and known.knows(account_id, str(sender))


@lru_cache(_UNPACKED)
def _unpacked(raw: bytes) -> Personal | None:
    return personal.unpack(raw)


def _ruled(verdict: Verdict, answer: Ruled) -> Verdict:
    """A rule decides; the score stays what the evidence says."""
    match answer:
        case Ruled.ALLOWED:
            return replace(verdict, is_spam=False)
        case Ruled.BLOCKED:
            return replace(verdict, is_spam=True)
        case Ruled.OPEN:
            return verdict


def _key(reverse_path: str) -> Address | None:
    try:
        return address.parse(reverse_path).key if reverse_path else None
    except InvalidValue:
        return None

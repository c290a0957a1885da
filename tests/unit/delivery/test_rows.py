"""What of a verdict its row keeps."""

from mda.antispam.authentication import Proof
from mda.antispam.verdict import Verdict
from mda.binding import Campaign, SpamScore
from mda.delivery.rows import kept_reasons
from mda.metadata.content.spam_reasons import SpamReasons

WITHOUT_REASONS = Verdict(False, 0.5, 0.9, SpamScore(bytes(1000), "1"), "1", 1)


def test_campaign_and_proof_are_kept_of_a_message_without_reasons() -> None:
    found = kept_reasons(WITHOUT_REASONS, Campaign(7, 3), Proof.FAILED)
    assert found == SpamReasons("1", (7, 3), proof="failed")
    assert found.reasons == ()


def test_nothing_is_kept_of_a_message_that_was_not_classified() -> None:
    assert kept_reasons(None, Campaign(7, 3), Proof.FAILED) is None

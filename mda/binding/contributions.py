"""What weighed most in a message, as octets of the C core's spam_score: cheap to take from each, read when asked."""

import struct

CONTRIBUTION = struct.Struct("=If")
"""spam_contribution (csrc/antispam/score.h): feature id, weight."""


def contributions_of(evidence: bytes) -> tuple[tuple[int, float], ...]:
    """(feature id, weight) of each; of octets that are no evidence what can be read."""
    whole = len(evidence) - len(evidence) % CONTRIBUTION.size
    return tuple(CONTRIBUTION.iter_unpack(evidence[:whole]))

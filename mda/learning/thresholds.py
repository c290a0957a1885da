"""Thresholds that are given as a share of false positives: the score that so much of the kept mail reaches.

Kept is what lies outside of Junk and Trash. Spam that nobody has moved counts as ham there, so a threshold errs to the
side of letting mail through. The trainer sets them anew every hour, as mail and model change.
"""

import math
from collections.abc import Sequence

from mda.errors import Conflict, NotFound
from mda.metadata.directory import spam_settings
from mda.metadata.postgresql.opened import Handle

FEWEST_ABOVE = 3
"""Messages above a threshold; of fewer it would be an accident."""


def threshold(scores: Sequence[float], share: float) -> float:
    """The least score that at most this share of `scores`, rising, reaches; Conflict where they are too few to tell."""
    allowed = int(len(scores) * share)
    if allowed < FEWEST_ABOVE:
        needed = math.ceil(FEWEST_ABOVE / share)
        raise Conflict(
            f"{len(scores)} messages outside of Junk are too few to tell", f"{needed} are needed, or give --threshold"
        )
    return min(math.nextafter(scores[-1 - allowed], math.inf), 1.0)


def follow(handle: Handle) -> int:
    """Sets the thresholds that follow a share; how many. Where there is too little mail by now they stay."""
    done = 0
    for scope, share in spam_settings.followers(handle):
        try:
            spam_settings.follow(handle, scope, share, threshold(spam_settings.ham_scores(handle, scope), share))
        except (Conflict, NotFound):  # NotFound: the account or domain is gone
            continue
        done += 1
    return done

"""What may be used, and how much of it is: the arithmetic of quotas, for accounts and for whole domains.

    warning (soft limit)   `warn_percent` of the quota: who reaches it is sent a warning, once
    quota (hard limit)     from here on nothing more is taken
    grace                  `grace_percent` above it: how far the last message, which began below the quota, may go

Percentages are of the bytes and of the messages, each on its own; grace is of the bytes alone.
"""

from typing import Protocol

NEVER = 0
"""As `warn_percent`: nobody is warned."""


class Usage(Protocol):
    """Who has a quota: octets of delivered forms, and messages. None: no limit."""

    @property
    def quota_bytes(self) -> int | None: ...
    @property
    def quota_messages(self) -> int | None: ...
    @property
    def used_bytes(self) -> int: ...
    @property
    def used_messages(self) -> int: ...


def takes(usage: Usage, size: int, grace_percent: int) -> bool:
    """Whether a message of `size` octets (0: not known yet) is taken."""
    if usage.quota_messages is not None and usage.used_messages >= usage.quota_messages:
        return False
    if usage.quota_bytes is None:
        return True
    is_below = usage.used_bytes < usage.quota_bytes
    return is_below and (usage.used_bytes + size) * 100 <= usage.quota_bytes * (100 + grace_percent)


def is_reached(usage: Usage, percent: int) -> bool:
    """Whether `percent` of a limit is used. Never where that is NEVER, nor of a limit of 0: who may have nothing need
    not be warned."""
    if percent == NEVER:
        return False
    if usage.quota_bytes and usage.used_bytes * 100 >= usage.quota_bytes * percent:
        return True
    most = usage.quota_messages or 0
    return most > 0 and usage.used_messages * 100 >= most * percent


def percent(usage: Usage) -> int | None:
    """How full, by the limit that is nearer, in whole percent rounded down; None without limits."""
    pairs = ((usage.used_bytes, usage.quota_bytes), (usage.used_messages, usage.quota_messages))
    return max((100 if most == 0 else 100 * used // most for used, most in pairs if most is not None), default=None)

"""The known name that is nearest to a mistyped one, for the way out that an error names."""

from collections.abc import Iterable

from mda.address import Address

CUTOFF = 0.6
"""difflib's ratio from which two names are alike enough to ask."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The most alike of `known`, or None."""
    import difflib  # noqa: PLC0415 - a listing that finds what was asked for is done before it is imported

    found = difflib.get_close_matches(name, list(known), n=1, cutoff=CUTOFF)
    return found[0] if found else None


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """A remedy: "did you mean ...?", or `otherwise`."""
    found = nearest(name, known)
    return f"did you mean {found}?" if found else otherwise


def did_you_mean_address(wanted: Address, local_parts: Iterable[str], otherwise: str = "") -> str:
    """As `did_you_mean`, among addresses of one domain: only the local parts are compared."""
    found = nearest(wanted.local_part, local_parts)
    return f"did you mean {Address(found, wanted.domain)}?" if found else otherwise

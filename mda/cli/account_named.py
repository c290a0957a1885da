"""The account that a listing's argument names, without SQLAlchemy."""

from mda.address import Address
from mda.metadata.directory import listings
from mda.metadata.postgresql.reading import Reader
from mda.settings import Settings


def account_id(reader: Reader, settings: Settings, wanted: Address) -> int:
    """Of the account with this address; NotFound with the nearest one."""
    found = listings.account_id(reader, wanted)
    if found is not None:
        return found
    # Who has mistyped can wait: what is said then takes the imports that a listing does without.
    from mda.metadata.directory import accounts  # noqa: PLC0415
    from mda.metadata.postgresql.opened import opened  # noqa: PLC0415

    with opened(settings) as handle:
        return accounts.find(handle, wanted).id

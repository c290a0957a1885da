"""Whether the database can be served from. Apart from `mda.metadata.opened`, since to know the schema's revision means
to load alembic, which a listing need not wait for.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from mda.metadata import migrate
from mda.metadata.engine import check_durability, check_server
from mda.metadata.opened import Handle, opened
from mda.settings import Settings


@contextmanager
def fit_to_serve(settings: Settings) -> Iterator[Handle]:
    """The database, opened and checked: the server's version and kind, that it forgets nothing, and the schema."""
    with opened(settings) as handle:
        check_server(handle)
        check_durability(handle)
        migrate.require_current(handle)
        yield handle

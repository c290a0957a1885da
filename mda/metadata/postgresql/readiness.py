"""Whether the database can be served from. Apart from `opened`, since to know the schema's revision means to load
alembic, which a listing need not wait for.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from mda.errors import DatabaseUnavailable
from mda.logs import logger
from mda.metadata.postgresql.engine import EMBEDDED, check_durability, check_server
from mda.metadata.postgresql.opened import Handle, opened
from mda.metadata.schema import migrate
from mda.settings import Settings


@contextmanager
def fit_to_serve(settings: Settings) -> Iterator[Handle]:
    """The database, opened and checked: the server's version and kind, that it forgets nothing, and the schema."""
    with opened(settings) as handle:
        check_server(handle)
        check_durability(handle)
        migrate.require_served(handle)
        yield handle


@contextmanager
def fit_or_down(settings: Settings) -> Iterator[None]:
    """As `fit_to_serve`, but a database elsewhere that can't be reached now is no reason not to begin: until it is
    back, recipients are told 451, where a socket that nobody answers would make Postfix hold back all mail. What is
    not checked then, each connection that stores mail checks for itself."""
    with ExitStack() as stack:
        try:
            stack.enter_context(fit_to_serve(settings))
        except DatabaseUnavailable as error:
            if settings.database.url == EMBEDDED:
                raise
            logger("metadata").error("database_unavailable", error=error.message, remedy=error.remedy)
        yield

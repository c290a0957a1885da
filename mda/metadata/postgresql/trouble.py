"""What PostgreSQL's errors mean to the rest of the program.

`translated` turns them into `DatabaseUnavailable`; constraint violations and bad values stay as they are, since only
the statement's author knows what they mean. The texts never hold SQL, parameters or a password.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from mda.metadata.postgresql.server_errors import unavailable

__all__ = ["translated", "unavailable"]


@contextmanager
def translated() -> Iterator[None]:
    """Raises `DatabaseUnavailable` for trouble with the server inside the block."""
    try:
        yield
    except (psycopg2.IntegrityError, psycopg2.DataError):
        raise
    except psycopg2.Error as error:
        raise unavailable(error) from error
    except DBAPIError as error:
        if isinstance(error.orig, psycopg2.IntegrityError | psycopg2.DataError):
            raise
        raise unavailable(error.orig) from error
    except SQLAlchemyError as error:  # the pool's time-out and the like
        raise unavailable(error) from error

"""psycopg2 without Python's `ssl`, which takes longer to import than a listing's statements to run.

psycopg2 asks for that module only to keep libpq from setting up OpenSSL a second time, and goes on where Python has
none (psycopg/psycopgmodule.c, libcrypto_threads_init). OpenSSL sets itself up since 1.1, so that nobody has to.
Connections are encrypted as ever: libpq does that by itself. To be imported before anything that imports psycopg2.
"""

import sys

_IS_HIDDEN = "ssl" not in sys.modules

if _IS_HIDDEN:
    sys.modules["ssl"] = None  # type: ignore[assignment]
try:
    import psycopg2
finally:
    if _IS_HIDDEN:
        del sys.modules["ssl"]

__all__ = ["psycopg2"]

"""The MDA of the delivery benchmarks: `mda serve` with its embedded PostgreSQL, and an account for each number.

An address is a number and LOCAL_PART, as Postfix's smtp-source makes them with -N.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mda import address, settings
from mda.identifiers import IdentifierSource
from mda.metadata.directory import accounts
from mda.metadata.directory.accounts import NewAccount
from mda.metadata.postgresql.opened import opened
from tests.integration.instance import Instance

DOMAIN = "bench.test"
LOCAL_PART = "a"
ACCOUNTS = 2_001
OPTIONS = '[lmtp]\nsocket_mode = "0666"\n'


@contextmanager
def ours(folder: Path, domains: Sequence[str] = (DOMAIN,)) -> Iterator[Instance]:
    """Started, and stopped at the end; ACCOUNTS accounts in each domain."""
    instance = Instance(folder, "embedded", OPTIONS)
    instance.prepare(domains[0], ())
    for domain in domains[1:]:
        instance.mda("domain", "add", domain)
    identifiers = IdentifierSource()
    with opened(settings.load(instance.settings)) as handle:
        for domain in domains:
            for number in range(ACCOUNTS):
                accounts.add(handle, identifiers, NewAccount(address.parse(f"{number}{LOCAL_PART}@{domain}")))
        instance.start()
        try:
            yield instance
        finally:
            instance.stop()

"""The MDA of the delivery benchmarks: `mda serve` with its embedded PostgreSQL, and an account for each number.

An address is a number and LOCAL_PART, as Postfix's smtp-source makes them with -N.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mda import address, settings
from mda.identifiers import IdentifierSource
from mda.metadata.directory import bulk
from mda.metadata.directory.accounts import NewAccount
from mda.metadata.directory.bulk import Result
from mda.metadata.postgresql.opened import opened
from tests.integration.instance import Instance

DOMAIN = "bench.test"
LOCAL_PART = "a"
ACCOUNTS = 2_001
OPTIONS = '[lmtp]\nsocket_mode = "0666"\n'


def prepared(
    folder: Path, domains: Sequence[str] = (DOMAIN,), workers: str = "count = 2", database: str = ""
) -> Instance:
    """With ACCOUNTS accounts in each domain, and not running. `workers` and `database`: those tables."""
    instance = Instance(folder, "embedded", OPTIONS, workers_table=workers, database_options=database)
    instance.prepare(domains[0], ())
    for domain in domains[1:]:
        instance.mda("domain", "add", domain)
    with opened(settings.load(instance.settings)) as handle:
        for domain in domains:
            new = (NewAccount(address.parse(f"{number}{LOCAL_PART}@{domain}")) for number in range(ACCOUNTS))
            outcomes = Counter(outcome.result for outcome in bulk.add_accounts(handle, IdentifierSource(), new))
            if outcomes != {Result.ADDED: ACCOUNTS}:
                raise RuntimeError(f"accounts of {domain}: {dict(outcomes)}")
    return instance


@contextmanager
def ours(
    folder: Path, domains: Sequence[str] = (DOMAIN,), workers: str = "count = 2", database: str = ""
) -> Iterator[Instance]:
    """As `prepared`, started, and stopped at the end."""
    instance = prepared(folder, domains, workers, database)
    try:
        instance.start()
        yield instance
    finally:
        instance.close()

"""An MDA for the storage benchmarks: its whole self, in one folder, filled by LMTP."""

import smtplib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mda import address, settings
from mda.identifiers import IdentifierSource
from mda.metadata.directory import accounts
from mda.metadata.directory.accounts import NewAccount
from mda.metadata.postgresql.opened import Handle, opened
from tests.integration.instance import Instance

DOMAIN = "bench.test"
THREADS = 8


@contextmanager
def prepared(folder: Path, names: Sequence[str], options: str = "") -> Iterator[tuple[Instance, Handle]]:
    """With these accounts and not serving yet; whatever serves is ended here."""
    instance = Instance(folder, "embedded", f'[lmtp]\nsocket_mode = "0666"\n{options}')
    instance.prepare(DOMAIN, ())
    identifiers = IdentifierSource()
    with opened(settings.load(instance.settings)) as handle:
        for name in names:
            accounts.add(handle, identifiers, NewAccount(address.parse(f"{name}@{DOMAIN}")))
        try:
            yield instance, handle
        finally:
            instance.close()


def deliver(instance: Instance, names: Sequence[str], mails: Sequence[bytes]) -> None:
    """Each mail to the next of the accounts; RuntimeError where one is refused."""
    troubles: list[Exception] = []

    def send(mine: int) -> None:
        try:
            with smtplib.LMTP(str(instance.socket), timeout=60) as session:
                session.ehlo("client.test")
                for number in range(mine, len(mails), THREADS):
                    _send(session, names[number % len(names)], mails[number])
        except Exception as error:
            troubles.append(error)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if troubles:
        raise RuntimeError(f"the mails were not delivered: {troubles[0]!r}")


def _send(session: smtplib.LMTP, name: str, raw: bytes) -> None:
    session.mail("sender@example.org")
    session.rcpt(f"{name}@{DOMAIN}")
    code, said = session.data(raw)
    if code != 250:
        raise RuntimeError(f"{code} {said!r}")

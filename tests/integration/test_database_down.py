"""`mda serve` and a database that is down, forgetful, or comes back: temporary answers, and no restart."""

import smtplib
import time

from psycopg2 import sql

from mda.metadata.postgresql.engine import connect
from tests.integration.instance import Instance

RAW = b"Subject: x\r\n\r\nText\r\n"


def deliver(instance: Instance) -> tuple[int, bytes]:
    """The answer to RCPT where that refuses, else the one to the message."""
    with smtplib.LMTP(str(instance.socket)) as session:
        session.ehlo()
        session.mail("s@example.net")
        answer = session.rcpt("anna@example.org")
        return session.data(RAW) if answer[0] == 250 else answer


def test_it_begins_while_the_database_is_down(instance: Instance, postgresql_url: str) -> None:
    instance.prepare("example.org", ["anna"])
    name = instance.database_url.rpartition("/")[2].partition("?")[0]
    admin = connect(postgresql_url)
    admin.autocommit = True
    with admin.cursor() as cursor:
        allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        cursor.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        instance.start()
        assert deliver(instance)[0] == 451
        cursor.execute(allow.format(sql.Identifier(name), sql.SQL("true")))
    admin.close()
    deadline = time.monotonic() + 30
    while (answer := deliver(instance))[0] == 451 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert answer[0] == 250
    assert "database_unavailable" in instance.log.read_text()

"""Load: threads that send mail by LMTP until they are told to stop, and remember what was not taken."""

import smtplib
import threading

from tests.integration.instance import Instance

ACCOUNTS = ("anne", "ben", "eve")
PATIENCE_SECONDS = 60
"""For an answer; beyond it a test would hang rather than fail."""


class Sender(threading.Thread):
    """One message a connection, as fast as they are answered."""

    def __init__(self, instance: Instance, number: int, is_over: threading.Event) -> None:
        super().__init__()
        self._socket, self._number, self.is_over = str(instance.socket), number, is_over
        self.sent = 0
        self.failures: list[str] = []

    def run(self) -> None:
        while not self.is_over.is_set():
            recipient = f"{ACCOUNTS[self.sent % len(ACCOUNTS)]}@example.org"
            raw = f"Message-ID: <{self._number}.{self.sent}@example.net>\r\nSubject: x\r\n\r\nHello\r\n"
            try:
                session = smtplib.LMTP(self._socket, timeout=PATIENCE_SECONDS)
                session.sendmail("a@example.net", [recipient], raw)
                # No QUIT: a session at rest may have been told 421 by then, which costs nobody anything.
                session.close()
            except (OSError, smtplib.SMTPException) as error:
                self.failures.append(repr(error))
            self.sent += 1

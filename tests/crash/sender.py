"""One client that hands over one mail after the other, and what the program logs meanwhile."""

import re
import smtplib
from random import Random

from tests.crash.house import House
from tests.crash.ledger import Ledger, Mail, make_mail

WAIT_SECONDS = 60
SAVED = "250 2.0.0"


class Sender:
    """Hands mails over, one after the other, and keeps the ledger."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.ledger = Ledger()
        self._count = 0

    def new_mail(self, recipient: str, octets: int = 0) -> Mail:
        self._count += 1
        mail = make_mail(f"F{self._count}", [recipient], Random(self._count), is_stamped=True)
        mail = Mail(mail.name, mail.raw + b"x" * octets + b"\r\n", mail.sender, mail.recipients)
        self.ledger.note_sent(mail)
        return mail

    def send(self, mail: Mail) -> str:
        """The reply code and enhanced code."""
        with smtplib.LMTP(str(self.house.instance.socket), timeout=WAIT_SECONDS) as client:
            client.ehlo("client.test")
            client.mail(mail.sender)
            code, said = client.rcpt(mail.recipients[0])
            if code == 250:
                code, said = client.data(mail.raw)
        reply = f"{code} {said.decode()}"
        self.ledger.note_reply(mail, mail.recipients[0], reply)
        return " ".join(reply.split()[:2])

    def send_new(self, recipient: str, octets: int = 0) -> str:
        return self.send(self.new_mail(recipient, octets))

    def try_to_send(self, mail: Mail) -> str:
        """The same; empty where the connection is refused or lost."""
        try:
            return self.send(mail)
        except (OSError, smtplib.SMTPException):
            return ""


class Log:
    """What `mda serve` says from now on."""

    def __init__(self, house: House) -> None:
        self._path = house.instance.log
        self._start = self._path.stat().st_size

    def lines(self, event: str) -> list[str]:
        text = self._path.read_bytes()[self._start :].decode()
        return [line for line in text.splitlines() if re.search(rf'event="?{event}\b', line)]

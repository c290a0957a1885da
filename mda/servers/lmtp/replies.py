"""The fixed replies of the LMTP server, and how a reply becomes bytes.

Every reply that is not a recipient's outcome stands here; outcomes come from `mda.causes` and from the deliverer.
`encode` is the only way to the wire: what is not printable ASCII is escaped and the line is cut at 512 octets
(RFC 5321 s4.5.3.1.5), so that no reply text can ever make a second reply line out of one. One stray line would
shift all replies after it, and the last recipient would count as delivered.
"""

import re

from mda.causes import Reply

MAX_REPLY_LINE = 512
"""Octets with CRLF, RFC 5321 s4.5.3.1.5."""

_UNSAFE = re.compile(r"[^\x20-\x7e]")

OK = Reply(250, "2.0.0", "ok")
SENDER_OK = Reply(250, "2.1.0", "sender ok")
RECIPIENT_OK = Reply(250, "2.1.5", "recipient ok")
BYE = Reply(221, "2.0.0", "bye")
CANNOT_VERIFY = Reply(252, "2.0.0", "send some mail, I'll try my best")
START_MAIL = b"354 end data with <CR><LF>.<CR><LF>\r\n"

LINE_TOO_LONG = Reply(500, "5.5.2", "command line too long")
NOT_SMTP = Reply(500, "5.5.1", "this is LMTP: say LHLO")
UNKNOWN_COMMAND = Reply(500, "5.5.2", "command not recognized")
NOT_IMPLEMENTED = Reply(502, "5.5.1", "command not implemented")
CONTROL_CHARACTER = Reply(501, "5.5.2", "command holds a control character")
BAD_NAME = Reply(501, "5.5.4", "LHLO needs a host name")
NO_ARGUMENT = Reply(501, "5.5.4", "command takes no argument")
NEEDS_ARGUMENT = Reply(501, "5.5.4", "command needs an argument")
BAD_MAIL = Reply(501, "5.5.4", "syntax: MAIL FROM:<address>")
BAD_RCPT = Reply(501, "5.5.4", "syntax: RCPT TO:<address>")
BAD_SENDER = Reply(501, "5.1.7", "bad sender address syntax")
BAD_RECIPIENT = Reply(501, "5.1.3", "bad recipient address syntax")
BAD_PARAMETER = Reply(501, "5.5.4", "bad parameter syntax or value")
UNKNOWN_PARAMETER = Reply(555, "5.5.4", "parameter not recognized or not implemented")
BAD_XFORWARD = Reply(501, "5.5.4", "bad XFORWARD syntax or value")
XFORWARD_REFUSED = Reply(550, "5.7.0", "XFORWARD is not for this peer")
LHLO_FIRST = Reply(503, "5.5.1", "say LHLO first")
NESTED_MAIL = Reply(503, "5.5.1", "a mail transaction is open already")
MAIL_FIRST = Reply(503, "5.5.1", "MAIL first")
NO_RECIPIENTS = Reply(503, "5.5.1", "no valid recipients")

IDLE = Reply(421, "4.4.2", "idle for too long, closing")
DATA_TOO_SLOW = Reply(421, "4.4.2", "message took too long, closing")
TOO_MANY_ERRORS = Reply(421, "4.7.0", "too many errors, closing")
LEAVING = Reply(421, "4.3.2", "shutting down, connect again")


def encode(reply: Reply) -> bytes:
    """One reply line with CRLF, printable ASCII only."""
    line = str(reply)
    if not line.isascii() or not line.isprintable():
        line = _UNSAFE.sub(_escape, line)
    return line[: MAX_REPLY_LINE - 2].encode("ascii") + b"\r\n"


def encode_lines(code: int, lines: tuple[str, ...]) -> bytes:
    """A multi-line reply (RFC 5321 s4.2.1); the lines are ours, printable ASCII."""
    *first, last = lines
    return "".join([*(f"{code}-{line}\r\n" for line in first), f"{code} {last}\r\n"]).encode("ascii")


def is_final(reply: Reply) -> bool:
    """Whether `reply` may answer one recipient after DATA: 2xx, 4xx or 5xx, and no 421, which ends the session."""
    return reply.code // 100 in (2, 4, 5) and reply.code != 421 and reply.enhanced[:2] == f"{reply.code // 100}."


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")

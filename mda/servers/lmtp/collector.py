"""The message behind DATA: bytes in, the dot-unstuffed message out (RFC 5321 s4.5.2).

Only CRLF.CRLF ends it, and only a dot behind CRLF is unstuffed: bare CR and bare LF are kept as they came and take
part in neither, else a message could smuggle a second one behind it. The work is linear in the octets and has no
loop per line: each chunk is searched and replaced as a whole, together with the few octets before it that may be
the begin of an end. Over the limit the rest is searched for its end but not kept.
"""

END = b"\r\n.\r\n"


class MessageCollector:
    """One message of at most `limit` octets. `size` is what is held in memory now."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = bytearray()
        # The CRLF of the DATA command itself counts as the one before the first line.
        self._held_back = END[:2]
        self.is_discarded = False
        self.is_too_large = False

    @property
    def size(self) -> int:
        return len(self._kept)

    def feed(self, raw: bytes) -> bytes | None:
        """Takes `raw`. At the end of the message: what came behind it (maybe nothing); before: None."""
        whole = self._held_back + raw
        end = whole.find(END)
        if end >= 0:
            self._keep(whole[: end + 2])
            return whole[end + len(END) :]
        cut = len(whole) - _begun_end(whole)
        self._held_back = whole[cut:]
        self._keep(whole[:cut])
        return None

    def message(self) -> bytes:
        """The message, once `feed` has returned its end, when it was not discarded."""
        return bytes(memoryview(self._kept)[2:])

    def discard(self) -> None:
        """Keeps nothing from here on."""
        self.is_discarded = True
        self._kept = bytearray()

    def _keep(self, piece: bytes) -> None:
        if self.is_discarded:
            return
        self._kept += piece.replace(b"\r\n.", b"\r\n")
        if len(self._kept) - 2 > self._limit:
            self.is_too_large = True
            self.discard()


def _begun_end(whole: bytes) -> int:
    """How many octets at the end of `whole` may be the begin of END, or of a stuffed dot."""
    return next((length for length in (4, 3, 2, 1) if whole.endswith(END[:length])), 0)

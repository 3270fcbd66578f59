"""A request's body in chunks (RFC 9112, 7.1), as Node's and Java's clients send what they do not know the length of.

Strict where readers could disagree about its end: sizes are plain hexadecimal numbers without extensions, and nothing follows
the last chunk. The limit for a whole body holds for this one, too.
"""

from __future__ import annotations

import re

_SIZE = re.compile(rb"[0-9A-Fa-f]{1,8}")
_END = b"\r\n"
_LONGEST = 8
_BEGINNING = re.compile(rb"[0-9A-Fa-f]{0,8}\r?")


class Malformed(Exception):
    """No reader could go on after it."""


class TooLarge(Exception):
    """More than is taken in."""


class Chunks:
    """Takes out of what has arrived as it arrives, so that nothing is read twice."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._body = bytearray()
        self._left = 0  # bytes of the present chunk
        self._step = "size"

    def take(self, arrived: bytearray) -> bytes | None:
        """Return the body once it is whole, None before that. What follows it stays where it is."""
        while self._step != "done":
            if not (self._read_size(arrived) if self._step == "size" else self._read_bytes(arrived)):
                return None
        return bytes(self._body)

    def _read_size(self, arrived: bytearray) -> bool:
        end = arrived.find(_END, 0, _LONGEST + len(_END))
        if end < 0:
            if not _BEGINNING.fullmatch(arrived):
                raise Malformed
            return False
        if not _SIZE.fullmatch(arrived, 0, end):
            raise Malformed
        self._left = int(arrived[:end], 16)
        del arrived[: end + len(_END)]
        if len(self._body) + self._left > self._most:
            raise TooLarge
        self._step = "bytes" if self._left else "end"
        return True

    def _read_bytes(self, arrived: bytearray) -> bool:
        """And the line end behind them; after the last chunk that is all there is."""
        if self._left:
            piece = arrived[: self._left]
            del arrived[: self._left]
            self._body += piece
            self._left -= len(piece)
        if self._left or len(arrived) < len(_END):
            return False
        if not arrived.startswith(_END):
            raise Malformed
        del arrived[: len(_END)]
        self._step = "size" if self._step == "bytes" else "done"
        return True

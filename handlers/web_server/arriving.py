"""How much of a request is there: the bytes of one connection, until its head and body are whole. Nothing is decided here.

gunicorn's parser reads every request again and has the last word. This counts, so that it never has to wait for more.
"""

from __future__ import annotations

import re
from typing import Literal

from handlers.envelope import BODY_CAP
from handlers.trust import HEAD_CAP

HEAD_MOST = HEAD_CAP + 16_384
"""Bytes of a head that are read before it is 431: those the handlers allow, and the request line and the words around them."""
LINE_MOST = 8190
"""Bytes of a request line, a header or the line before a chunk; gunicorn's own upper limit."""
READ_AHEAD = 4096
"""Bytes beyond the limit that must be there, for gunicorn's reader of chunks asks for a kilobyte more than it is asked for."""
PIECES_MOST = 20_000
"""Chunks of one body. Senders cut at kilobytes; a megabyte of single bytes would be work of seconds."""

_LENGTH = re.compile(rb"(?im)^content-length:[ \t]*([^\r\n]*?)[ \t]*\r?$")
_CODING = re.compile(rb"(?im)^transfer-encoding:")
_EXPECTS = re.compile(rb"(?im)^expect:[ \t]*100-continue[ \t]*\r?$")
_SIZE = re.compile(rb"([0-9a-fA-F]{1,16})[ \t]*(?:;|$)")

State = Literal["head", "body", "whole", "refused"]
"""What is awaited; ``whole``: gunicorn can read it without waiting, or refuse it; ``refused``: no use in reading on."""


class Arriving:
    """One request as it comes. ``status`` is what it is refused with."""

    def __init__(self, held: bytes = b"") -> None:
        self.held = bytearray()
        self.state: State = "head"
        self.status = ""
        self.asks = False
        """Whether the sender waits for "100 Continue" before it sends the body."""
        self.complete = False
        """Whether all of it is there, and what follows is the next one. Otherwise where that begins is unknown."""
        self.head = 0
        """Where the head ends; 0 while it does not."""
        self._ends = 0
        """Where the request ends; 0 where chunks tell."""
        self._next, self._pieces, self._body = 0, 0, 0
        """Of a chunked body: where the next chunk's line begins, how many there were, and their bytes."""
        self.add(held)

    def add(self, data: bytes) -> None:
        """More of it."""
        before = len(self.held)
        self.held += data
        if self.state == "head":
            found = self.held.find(b"\r\n\r\n", max(before - 3, 0))
            if found >= 0:
                self._read_head(found + 4)
            elif len(self.held) > HEAD_MOST:
                line = self.held.find(b"\r\n", 0, LINE_MOST + 2) < 0
                self._refuse("414 URI Too Long" if line else "431 Request Header Fields Too Large")
        if self.state == "body":
            self._read_body()

    def _refuse(self, status: str) -> None:
        self.state, self.status = "refused", status

    def _read_head(self, ends: int) -> None:
        head = bytes(self.held[:ends])
        lengths, chunked = _LENGTH.findall(head), bool(_CODING.search(head))
        self.head, self.state = ends, "whole"
        if not chunked and not lengths:
            self.complete = True
        elif chunked and not lengths:
            self._next, self.state = ends, "body"
        elif len(lengths) == 1 and not chunked and re.fullmatch(rb"[0-9]{1,7}", lengths[0]) and int(lengths[0]) <= BODY_CAP:
            self._ends, self.state = ends + int(lengths[0]), "body"
        self.asks = self.state == "body" and bool(_EXPECTS.search(head))

    def _read_body(self) -> None:
        if self._ends:
            if len(self.held) >= self._ends:
                self.state, self.complete = "whole", True
            return
        while self.state == "body" and self._read_chunk():
            pass
        if self.state == "body" and (self._pieces > PIECES_MOST or len(self.held) > self.head + 2 * BODY_CAP):
            self._refuse("413 Content Too Large")

    def _read_chunk(self) -> bool:
        """One chunk further; False where more has to come first. What gunicorn would refuse as it stands is whole."""
        line = self.held.find(b"\r\n", self._next, self._next + LINE_MOST)
        if line < 0:
            self.state = "whole" if len(self.held) - self._next > LINE_MOST else "body"
            return False
        size = _SIZE.match(self.held, self._next, line)
        if size is None:
            self.state = "whole"
        elif not int(size[1], 16):
            self._read_trailers(line)
        elif self._body + min(int(size[1], 16), len(self.held) - line - 2) > BODY_CAP + READ_AHEAD:
            self.state = "whole"  # enough to see that it is too large
        elif len(self.held) >= line + 2 + int(size[1], 16) + 2:
            self._body += int(size[1], 16)
            self._next, self._pieces = line + 2 + int(size[1], 16) + 2, self._pieces + 1
            return self._pieces <= PIECES_MOST
        return False

    def _read_trailers(self, line: int) -> None:
        ended = self.held.startswith(b"\r\n", line + 2) or self.held.find(b"\r\n\r\n", line + 2) >= 0
        if ended:
            self.state, self.complete = "whole", True
        elif len(self.held) - line > HEAD_MOST:
            self._refuse("431 Request Header Fields Too Large")

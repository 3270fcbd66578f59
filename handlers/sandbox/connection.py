"""One client's connection: its bytes become requests, answers become bytes, and what the network does to them is acted out."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING

from handlers.sandbox import http1
from handlers.sandbox.exchange import Wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from handlers.sandbox.exchange import Answer
    from handlers.sandbox.server import Server

_LINGER_SECONDS = 0.8
_FLUSH_SECONDS = 0.05
_UNREAD = 1 << 20  # bytes that may wait here while an answer is on its way
_PLAIN = Wire("whole")
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 seconds


class Connection(asyncio.Protocol):
    """Answers in the order of arrival.

    The next request has to wait while an answer is ``_held`` by what the network does to it, and while what was written is
    ``_stuck`` because the client does not read. ``_half`` is a client that sends no more and may still read.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._arrived = bytearray()
        self._head: http1.Head | None = None
        self._held = self._stuck = self._half = self._mute = self._over = False
        self._later: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker: streams have no other kind
        self._transport = transport
        self._server.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop, however it ended: a client that hangs up is no error of ours."""
        del exc
        self._over = True
        self._server.gone(self)
        if self._later:
            self._later.cancel()

    def data_received(self, data: bytes) -> None:
        """Called by the loop. After the last answer the rest is taken in and thrown away: see `_end`."""
        if self._over:
            return
        if self._later and not self._held:  # a close that waits for idleness
            self._later.cancel()
            self._later = None
        self._arrived += data
        if self._held or self._stuck:
            if len(self._arrived) > _UNREAD:
                self._transport.pause_reading()
            return
        self._go_on()

    def pause_writing(self) -> None:
        """Called by the loop: the client does not read what it asked for."""
        self._stuck = True

    def resume_writing(self) -> None:
        """Called by the loop."""
        self._stuck = False
        self._proceed()

    def eof_received(self) -> bool:
        """Called by the loop: nothing more will be asked. True keeps the connection for the answers that are still to come."""
        self._half = True
        return self._answering

    def hang_up(self) -> None:
        """Close after what is being written."""
        self._over = True
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._over = True
        self._transport.abort()

    @property
    def _answering(self) -> bool:
        return not (self._over or self._mute) and (self._held or self._stuck)

    def _proceed(self) -> None:
        """Take up what has waited, unless there is still something to wait for."""
        if self._held or self._stuck or self._over:
            return
        self._transport.resume_reading()
        self._go_on()
        if self._half and not (self._answering or self._over):
            self.hang_up()

    def _go_on(self) -> None:
        """Answer every request that is there in full."""
        try:
            while not (self._held or self._stuck or self._over):
                head = self._head = self._head or http1.read_head(self._arrived)
                if head is None:
                    return
                body = head.body(self._arrived)
                if body is None:
                    if head.waits:
                        self._transport.write(http1.CONTINUE)
                        self._head = head.told_to_go_on()
                    return
                self._head = None
                self._send(head, self._server.front.answer(head.method, head.target, head.headers, body), keep=head.keep)
        except http1.Refused as refused:
            head = refused.head or http1.NOTHING
            self._arrived.clear()
            self._head = None
            self._send(head, self._server.front.answer(head.method, head.target, head.headers, refused.problem), keep=False)

    def _send(self, head: http1.Head, answer: Answer, *, keep: bool) -> None:
        wire = answer.wire or _PLAIN
        length = len(answer.payload) + (wire.size if wire.kind == "length" else 0)
        start = http1.head_of(answer.status, answer.headers, length, self._server.front.clock(), keep=keep)
        self._act(wire, start, b"" if head.method == "HEAD" else answer.payload, keep=keep)

    def _act(self, wire: Wire, start: bytes, payload: bytes, *, keep: bool) -> None:
        """See `Wire`."""
        whole = start + (payload[: wire.size] if wire.kind == "truncate" else payload)
        self._held, self._mute = wire.kind in {"hang", "delay", "drip"}, wire.kind == "hang"
        match wire.kind:
            case "reset":
                self._reset()
            case "hang":
                if wire.seconds:
                    self._wait(wire.seconds, self.hang_up)
            case "delay":
                self._wait(wire.seconds, lambda: self._finish(whole, keep=keep))
            case "drip":
                self._drip(memoryview(whole), wire.seconds, keep=keep)
            case _:
                self._transport.write(whole)
                if not keep or wire.kind == "truncate":
                    self._end()
                elif wire.kind == "close_idle":
                    self._wait(wire.seconds, self.hang_up)

    def _drip(self, left: memoryview, seconds: float, *, keep: bool) -> None:
        if not left:
            self._finish(b"", keep=keep)
            return
        self._transport.write(left[:1])
        self._wait(seconds, lambda: self._drip(left[1:], seconds, keep=keep))

    def _finish(self, last: bytes, *, keep: bool) -> None:
        self._transport.write(last)
        if keep:
            self._release()
        else:
            self._end()

    def _release(self) -> None:
        self._held = False
        self._later = None
        self._proceed()

    def _end(self) -> None:
        """Say that nothing follows, then take in for a while what the client is still sending.

        Closing on unread bytes would reset the connection under the answer.
        """
        self._over = True
        self._transport.resume_reading()
        self._transport.write_eof()
        self._wait(0, self._linger)

    def _linger(self) -> None:
        """The time begins when the last of the answer is on its way, however slowly it is read."""
        if self._transport.get_write_buffer_size():
            self._wait(_FLUSH_SECONDS, self._linger)
        else:
            self._wait(_LINGER_SECONDS, self._transport.abort)

    def _reset(self) -> None:
        self._over = True
        raw: socket.socket = self._transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._later = asyncio.get_running_loop().call_later(seconds, then)

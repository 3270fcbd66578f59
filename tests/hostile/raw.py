"""Requests to the real server byte by byte: no HTTP library stands between a test and the socket."""

from __future__ import annotations

import contextlib
import json
import re
import socket

from tests.hostile.stage import Stage, firing, token

BODY = json.dumps(firing()).encode()
PROOF = f"Authorization: Bearer {token('am')}\r\n"


def raw(stage: Stage, text: str | bytes, patience: float = 20.0) -> tuple[int, bytes]:
    """Exactly these bytes to the server; the status it answers, and all it says. 0: it hung up without a word."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", stage.web.port), patience)) as line:
        with contextlib.suppress(OSError):  # it may hang up while it is being written to
            line.sendall(text if isinstance(text, bytes) else text.encode("latin-1"))
        said = bytearray()
        with contextlib.suppress(OSError):
            while some := line.recv(65536):
                said += some
                if b"\r\n\r\n" in said and len(said) >= _whole(bytes(said)):
                    break
    found = re.match(rb"HTTP/1\.1 ([0-9]{3})", said)
    return int(found[1]) if found else 0, bytes(said)


def _whole(said: bytes) -> int:
    length = re.search(rb"(?i)content-length: ([0-9]+)", said)
    return said.index(b"\r\n\r\n") + 4 + (int(length[1]) if length else 0)


def request(*headers: str, path: str = "/alert/am", body: bytes = BODY, length: bool = True, method: str = "POST") -> bytes:
    """With the right proof, so that what is wrong is what the test says."""
    own = ["Host: x", "Content-Type: application/json", PROOF.strip(), "Connection: close", *headers]
    own += [f"Content-Length: {len(body)}"] if length else []
    return f"{method} {path} HTTP/1.1\r\n".encode() + "".join(f"{each}\r\n" for each in own).encode("latin-1") + b"\r\n" + body

"""A server that answers CBR's two requests from memory, in a process of its own, and says when a POST was there.

``python tests/bench/fixed_server.py DELAY [CERTIFICATE KEY]`` prints its port. A thread for each connection, as little work as
can be: what is measured against it is the client. ``GET /_record`` tells what came; nothing else is remembered.
``POST /queue`` is a broker that takes everything.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import sys
import threading
import time
from datetime import UTC, datetime

EMPTY = b'{"backups": [], "count": 0, "offset": 0, "limit": 100}'


class Server:
    """``delay`` in seconds, before each answer."""

    def __init__(self, delay: float, context: ssl.SSLContext | None) -> None:
        self._delay, self._context = delay, context
        self._counting = threading.Lock()
        self._record: dict[str, float] = {"posts": 0, "gets": 0, "last": 0.0}
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._listening.getsockname()[1]

    def run(self) -> None:
        while True:
            line, _ = self._listening.accept()
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        try:
            with self._context.wrap_socket(line, server_side=True) if self._context else line as speaking:
                self._speak(speaking)
        except OSError:
            pass  # who leaves without a word has what it wanted

    def _speak(self, line: socket.socket) -> None:
        held = b""
        while True:
            head, there, body = held.partition(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] if there else b""
            if not there or len(body) < int(length or 0):
                if not (some := line.recv(65_536)):
                    return
                held += some
                continue
            came, held = time.monotonic(), body[int(length or 0) :]
            answer = self._answer(head, body[: int(length or 0)], came)
            line.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer)
            )

    def _answer(self, head: bytes, body: bytes, came: float) -> bytes:
        if head.startswith(b"GET /_record"):
            with self._counting:
                return json.dumps(self._record).encode()
        if head.startswith(b"POST /queue"):
            return b"{}"
        posted = head.startswith(b"POST")
        with self._counting:
            self._record["posts" if posted else "gets"] += 1
            if posted:
                self._record["last"] = came
        if self._delay:
            time.sleep(self._delay)
        return made(json.loads(body)["checkpoint"]) if posted else EMPTY


def made(asked: dict[str, object]) -> bytes:
    """What CBR says of a restore point it begins."""
    moment = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    server = {
        "id": "1b8f4c60-93da-4e57-b2c1-f06d8e3a7952",
        "name": "app",
        "type": "OS::Nova::Server",
        "protect_status": "protecting",
    }
    vault = {"id": asked["vault_id"], "name": "erp", "resources": [server], "skipped_resources": []}
    about = {"id": "d8592233-82a8-411b-bc55-3ca4f11cbbd6", "project_id": "0", "status": "protecting", "created_at": moment}
    return json.dumps({"checkpoint": {**about, "vault": vault, "extra_info": asked.get("parameters", {})}}).encode()


def _end_with_parent() -> None:
    """Its end of the pipe closes when whoever started this is gone, however that came."""
    sys.stdin.read()
    os._exit(0)


def main(delay: str, *files: str) -> None:
    context = None
    if files:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
    server = Server(float(delay), context)
    print(server.port, flush=True)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    server.run()


if __name__ == "__main__":
    main(*sys.argv[1:])

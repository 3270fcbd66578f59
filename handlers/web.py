"""HTTP functions for functions-framework (Cloud Run functions, Knative, any container): a request becomes an Envelope.

``main`` serves POST /timer/SENDER, /alert/SENDER, /once/SENDER and /watch/SENDER, and GET /healthz; ``timer``, ``alert``,
``once`` and ``watch`` are the same one by one, the sender being the last part of whatever path. Every sender proves itself by its
bearer; the watch is for those who may ask for one-offs.

functions-framework runs this file inside its application, gives a function any path and method, and reads the whole body once
more after it: hence ``bounded`` around the application. The framework itself is not imported here.
"""

from __future__ import annotations

import io
import re
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from handlers import starting
from handlers.answers import http_response
from handlers.clock import SystemClock
from handlers.envelope import BODY_CAP, NO_REQUEST, WEBHOOK_SECONDS, Door, Envelope, Http
from handlers.errors import Refusal
from handlers.service import delivery_id
from handlers.settings import served
from handlers.settings.image import awaited
from handlers.trust import HEAD_CAP, methods
from handlers.values import replace
from handlers.warm import Warm

RUN_SECONDS = 25.0
"""For one request: gunicorn lets those that run end within 30 seconds after SIGTERM, and senders wait no longer than that."""
READ_SECONDS = 10.0
"""For a whole body to arrive."""
_DOORS: Mapping[str, Door] = {"alert": "alert", "once": "once", "watch": "watch", "timer": "timer"}
LEAST_SECONDS = 1.5
"""For a request that waited for a thread, longer than its sender does: enough to write its wish down."""
_WAITED = "restore_point.waited"
"""Where ``web_server`` tells how many seconds that were."""
_BODY = "restore_point.body"
"""Where ``bounded`` leaves the body, or why there is none, for the functions below."""

Response = tuple[str, int, dict[str, str]]
Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Request(Protocol):
    """What is used of Flask's request."""

    method: str
    path: str
    headers: Mapping[str, str]
    environ: dict[str, Any]


def main(request: Request) -> Response:
    """Everything under one address."""
    _, _, rest = request.path.partition("/")
    if rest == "healthz":
        if request.method in ("GET", "HEAD"):
            return _text("ok", 200)
        return _text("only GET is understood here", 405, Allow="GET, HEAD")
    if rest == "worker":
        return _answer("worker", request)
    door, slash, sender = rest.partition("/")
    if door not in _DOORS or not slash or not sender or "/" in sender:
        return _text("there is nothing here", 404)
    return _answer(_DOORS[door], request)


def alert(request: Request) -> Response:
    """A monitoring alert."""
    return _answer("alert", request)


def once(request: Request) -> Response:
    """A one-off: somebody asks for one restore point."""
    return _answer("once", request)


def timer(request: Request) -> Response:
    """A schedule fired: Cloud Scheduler, a PingSource, a CronJob."""
    return _answer("timer", request)


def watch(request: Request) -> Response:
    """Look after what is due; the body does not matter."""
    return _answer("watch", request)


def worker(request: Request) -> Response:
    """A broker brings wishes that one run could not take: what is asked for stands in the ledger."""
    return _answer("worker", request)


_WARM = Warm()
"""Its service is built at the first request: the server may fork after it has loaded this file."""
_CLOCK = SystemClock()


def _answer(door: Door, request: Request) -> Response:
    began, most = _CLOCK.monotonic(), WEBHOOK_SECONDS if door == "alert" else RUN_SECONDS
    try:
        http: Http | Refusal = received(request)
    except Refusal as refusal:
        http = refusal
    with _WARM.using(served) as ours:
        waited = request.environ.get(_WAITED, 0.0) + _CLOCK.monotonic() - began  # for a thread, the body, a secret's new value
        envelope = Envelope(door, "web", delivery_id(), None, max(most - waited, LEAST_SECONDS), NO_REQUEST)
        found = ours.refuse(envelope, http) if isinstance(http, Refusal) else ours.handle(replace(envelope, http=http))
        answer = http_response(found, door)
    if answer["statusCode"] == 405:
        answer["headers"]["Allow"] = ", ".join(methods(door))
    if answer["statusCode"] < 300 and "reply" in re.split(r"[\s,;]+", request.headers.get("Prefer", "").lower()):
        # A Knative broker takes the body of a success for an event to send on, and JSON that is none for a failure: it would come
        # again (knative/eventing, pkg/broker/filter, writeResponse). Its header says so.
        del answer["headers"]["Content-Type"]
        answer["body"] = ""
    return answer["body"], answer["statusCode"], answer["headers"]


def received(request: Request) -> Http:
    """The request; header names in lower case. Raises Refusal for a body that was not read."""
    body = request.environ[_BODY] if _BODY in request.environ else read_body(request.environ)
    if isinstance(body, Refusal):
        raise body
    return Http(request.method, request.path, {name.lower(): value for name, value in request.headers.items()}, body)


def _text(body: str, status: int, **headers: str) -> Response:
    return body, status, {"Content-Type": "text/plain", **headers}


def bounded(application: Wsgi) -> Wsgi:
    """The application, given bodies that are already in memory: whole, or none where they are too large or too slow.

    An address without measure never reaches it.
    """

    def bounded_application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if len(environ.get("PATH_INFO", "")) + len(environ.get("QUERY_STRING", "")) > HEAD_CAP:
            # functions-framework starts gunicorn without its own limit of a request line.
            start_response("414 URI Too Long", [("Content-Type", "text/plain")])
            return [f"the address is longer than {HEAD_CAP} characters".encode()]
        kept: bytes | Refusal
        try:
            kept = body = read_body(environ)
        except Refusal as refusal:
            kept, body = refusal, b""
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ |= {_BODY: kept, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        return application(environ, start_response)

    return bounded_application


def read_body(environ: Mapping[str, Any]) -> bytes:
    """At most BODY_CAP bytes within READ_SECONDS; raises Refusal. A body that says it is larger is not touched."""
    chunked = "HTTP_TRANSFER_ENCODING" in environ
    said = environ.get("CONTENT_LENGTH") or "0"
    if not (said.isascii() and said.isdigit() and len(said) < 20):
        raise Refusal("malformed", "Content-Length: must be a number", field="Content-Length")
    length = BODY_CAP + 1 if chunked else int(said)
    if length > BODY_CAP and not chunked:
        raise _too_large()
    body = _read(environ, length) if length else b""
    if len(body) > BODY_CAP:
        raise _too_large()
    if len(body) < length and not chunked:
        raise Refusal("malformed", "body: is shorter than Content-Length says", field="Content-Length")
    return body


def _read(environ: Mapping[str, Any], length: int) -> bytes:
    """So many bytes or fewer, within READ_SECONDS. Raises Refusal."""
    late, broken, body = threading.Event(), False, b""
    timer = threading.Timer(READ_SECONDS, _stop_reading, (environ.get("gunicorn.socket"), late))
    if _WAITED not in environ:  # where it is, web_server has read the body already
        timer.start()
    try:
        body = environ["wsgi.input"].read(length)
    except TimeoutError:  # a server that read in our place gave it up
        late.set()
    except OSError:  # gunicorn's word for chunks that are none, and for an end in the middle of one
        broken = True
    finally:
        timer.cancel()
    if late.is_set():
        raise Refusal("too_slow", f"the body did not arrive within {READ_SECONDS:.0f} seconds", field="body", http=408)
    if broken:
        raise Refusal("malformed", "body: its chunks are none, or end in the middle", field="body")
    return body


def _too_large() -> Refusal:
    return Refusal("too_large", f"the body is larger than {BODY_CAP} bytes", field="body", http=413)


def _stop_reading(socket: Any, late: threading.Event) -> None:
    """What waits for the rest of a body gets its end; the answer still leaves."""
    late.set()
    if socket is not None:
        from contextlib import suppress
        from socket import SHUT_RD

        with suppress(OSError):
            socket.shutdown(SHUT_RD)


def _start() -> None:
    """Inside functions-framework's application: bodies are bounded, and a wrong configuration ends the server here."""
    if "flask" not in sys.modules:
        return
    from flask import current_app, has_app_context

    if has_app_context():
        served(arguments=sys.argv[1:], platform=awaited())
        current_app.wsgi_app = bounded(current_app.wsgi_app)  # type: ignore[assignment, method-assign]


_start()
starting.over()

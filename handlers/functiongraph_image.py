"""FunctionGraph's custom images: a container with functions-framework on port 8000, its source this file, its target ``main``.

An *event function* has RESTORE_POINT_DOOR, which says what POST /invoke means: ``timer``, ``alert``, ``once``, ``watch`` or
``worker``. The event is the body, and what the context tells elsewhere stands in x-cff-… headers; POST /init answers 200, for all
that can be checked was checked at the start, by ``web``. An *HTTP function* has it not: its gateway's requests come to their own
paths, as ``web.main`` serves them, with keys from the environment, and /invoke is no path of it.

Whoever reaches the port can send x-cff-… headers and any event. They are believed for the one reason that RESTORE_POINT_DOOR is
set: set it nowhere but for an event function of FunctionGraph, whose platform alone reaches the port. It is refused where another
platform shows itself, and where it is set nothing but /invoke, /init and /healthz is served. An HTTP function that has it by
mistake is asked for /invoke by strangers, too: what came by a gateway has to be a gateway's request and is read as nothing else,
so it needs its proof. An HTTP function takes no keys from these headers, for a caller could send some under their names.

Verified in Huawei Cloud's and Open Telekom Cloud's documents: the port, the two paths, the names of the headers, that keys come
only with "Include Keys" (enable_auth_in_header) and an agency and are "null" without, that x-cff-project-id and x-cff-region say
"sn" and "cn" there. In Huawei's openYuanrong, whose names and limits are FunctionGraph's: that a status beyond 2xx is a failure,
that x-cff-timeout counts seconds, that RUNTIME_… variables and the function's own stand in the environment, that x-apig-api-id
is the gateway's word and not a caller's. Not verified on the platform: any of it. ``tests/functiongraph/README.md`` has the
commands that would tell.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from handlers import functiongraph, web
from handlers.carriers.gateways import apig_http
from handlers.clock import SystemClock
from handlers.envelope import Door, parse_json
from handlers.errors import Redeliver, Refusal
from handlers.settings.image import EventFunction, find_image
from handlers.values import dataclass

ENTRIES: Mapping[Door, Callable[[object, functiongraph.Context], Any]] = {
    "timer": functiongraph.timer,
    "alert": functiongraph.alert,
    "once": functiongraph.once,
    "watch": functiongraph.watch,
    "worker": functiongraph.worker,
}
_LONGEST = 259_200
"""Seconds a function may have at most (FunctionGraph's FAQ on its time-out)."""
_BY_GATEWAY = "x-apig-api-id"
"""Which API of the gateway an HTTP function's request came by; an event function has that in the event."""
_CLOCK = SystemClock()


def main(request: web.Request) -> web.Response:
    """Whatever comes to port 8000."""
    function = find_image()
    if function is None or request.path == "/healthz":
        return web.main(request)
    if request.path not in ("/init", "/invoke"):
        return _text("there is nothing here", 404)
    if request.method != "POST":
        return _text("only POST is understood here", 405, Allow="POST")
    if request.path == "/init":
        return _text("ok", 200)
    context = _Called(request.headers, function, _CLOCK.monotonic())
    if not context.getRequestID():
        return _text("x-cff-request-id is missing: FunctionGraph sends it with every call", 400)
    return _invoke(function.door, request, context)


@dataclass(frozen=True)
class _Called:
    """What the context of a zip's handler tells, from the headers of one request; names are those of FunctionGraph."""

    headers: Mapping[str, str]
    function: EventFunction
    began: float

    def getRequestID(self) -> str:  # noqa: N802
        return self.headers.get("x-cff-request-id", "")

    def getRemainingTimeInMilliSeconds(self) -> int:  # noqa: N802
        """Without a time-out it is taken for what an HTTP request gets: a claim of ours is kept beyond the kill either way."""
        said = self.headers.get("x-cff-timeout", "")
        known = said.isascii() and said.isdigit() and 0 < int(said[:7]) <= _LONGEST
        ends = self.began + (int(said[:7]) if known else web.RUN_SECONDS)
        return max(round((ends - _CLOCK.monotonic()) * 1000), 0)

    def getUserData(self, key: str) -> str | None:  # noqa: N802
        """A container has its variables in the environment."""
        return None

    def getProjectID(self) -> str:  # noqa: N802
        return self.function.project_id

    def getSecurityAccessKey(self) -> str | None:  # noqa: N802
        return self.headers.get("x-cff-security-access-key")

    def getSecuritySecretKey(self) -> str | None:  # noqa: N802
        return self.headers.get("x-cff-security-secret-key")

    def getSecurityToken(self) -> str | None:  # noqa: N802
        return self.headers.get("x-cff-security-token")


def _invoke(door: Door, request: web.Request, context: functiongraph.Context) -> web.Response:
    """The handler's result as JSON. A failure, so that the event comes again, is an answer of 500."""
    try:
        try:
            body = web.received(request).body
            event = parse_json(body) if body else {}
            by_gateway = bool(request.headers.get(_BY_GATEWAY))
            if by_gateway and apig_http(event) is None:
                raise Refusal("unknown_gateway", "an event function's /invoke is not for a gateway's callers", http=403)
        except Refusal as refusal:
            answer = functiongraph.refused(door, context, refusal)
        else:
            answer = functiongraph.forwarded(door, event, context) if by_gateway else ENTRIES[door](event, context)
    except Redeliver as again:
        return _json({"errorType": "Redeliver", "errorMessage": str(again)}, 500)
    return _json(answer, 200)


def _json(document: object, status: int) -> web.Response:
    return json.dumps(document), status, {"Content-Type": "application/json"}


def _text(body: str, status: int, **headers: str) -> web.Response:
    return body, status, {"Content-Type": "text/plain", **headers}

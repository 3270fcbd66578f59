"""What a fault makes of an answer."""

from __future__ import annotations

import json
import struct
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from handlers.sandbox import moments, problems
from handlers.sandbox.exchange import Answer, Wire, readable

if TYPE_CHECKING:
    from collections.abc import Callable

    from handlers.sandbox.exchange import Request
    from handlers.sandbox.faults.reading import Fault

_HTML = {"Content-Type": "text/html"}
_JSON = {"Content-Type": "application/json"}
_RETRY_AFTER_HUGE = 10**9
_MB = 1024 * 1024


def of_problem(problem: problems.Problem, request_id: str, **headers: str) -> Answer:
    """An error document as it goes out."""
    text = json.dumps(problem.document(request_id)) + ("\n" if problem.line_feed else "")
    return Answer(problem.status, {**_JSON, "X-Request-Id": request_id, **headers}, text.encode())


def by_network(fault: Fault, answer: Answer) -> Answer:
    """``answer`` is what the service gave, or an empty one if it never saw the request."""
    change = _REWRITTEN.get(fault.kind)
    if change:
        changed = change(fault, answer)
        return Answer(changed.status, changed.headers, changed.payload, answer.wire)
    wire = _wire(fault, answer)
    if answer.wire and _HARSHNESS.get(answer.wire.kind, 0) > _HARSHNESS.get(wire.kind, 0):
        wire = answer.wire
    return Answer(answer.status, answer.headers, answer.payload, wire)


_HARSHNESS = {"truncate": 1, "length": 1, "hang": 2, "reset": 2}  # of two faults the worse shows; all others are 0


def _wire(fault: Fault, answer: Answer) -> Wire:
    seconds = float(fault.sets.get("seconds", 0.0))
    match fault.kind:
        case "reset_before" | "reset_after":
            return Wire("reset")
        case "truncate":
            return Wire("truncate", size=_short_of(len(answer.payload), int(fault.sets["bytes"])))
        case "wrong_length":
            return Wire("length", size=max(int(fault.sets["by"]), -len(answer.payload)))
        case kind:
            return Wire(kind, seconds)


def _short_of(whole: int, wanted: int) -> int:
    """At least the last byte is missing, if there is any."""
    return min(wanted or whole // 2, max(whole - 1, 0))


def by_gateway(fault: Fault, request: Request) -> Answer:
    """Whether or not the service has done its work: see `Fault.before`."""
    status = int(fault.sets.get("code", 0))
    match fault.kind:
        case "status":
            return Answer(status, _HTML, problems.page(status).encode())
        case "throttle":
            return _throttled(fault, request)
        case "envelope":
            return of_problem(problems.envelope(str(fault.sets["style"]), status), request.request_id)
        case "huge_error":
            return of_problem(problems.hard_to_read(status, int(fault.sets["bytes"])), request.request_id)
        case "chinese_error":
            return of_problem(problems.hard_to_read(status), request.request_id)
        case kind:
            return of_problem(_REFUSALS[kind](), request.request_id)


_REFUSALS: dict[str, Callable[[], problems.Problem]] = {
    "unauthorized": lambda: problems.refused("Unauthorized"),
    "token_expired": problems.token_expired,
    "malformed_url": problems.malformed_url,
    "forbidden": lambda: problems.by_code("APIGW.0302"),
}


def _throttled(fault: Fault, request: Request) -> Answer:
    """Whether CBR sends ``Retry-After`` is not documented; clients meet all of these."""
    seconds = int(fault.sets["seconds"])
    headers = {
        "none": {},
        "seconds": {"Retry-After": str(seconds)},
        "date": {"Retry-After": moments.http_date(request.at + seconds)},
        "negative": {"Retry-After": str(-seconds)},
        "huge": {"Retry-After": str(_RETRY_AFTER_HUGE)},
    }[str(fault.sets["retry_after"])]
    return of_problem(problems.throttled(int(fault.sets["limit"])), request.request_id, **headers)


def _html(fault: Fault, answer: Answer) -> Answer:
    status = int(fault.sets["code"])
    return Answer(status, {**answer.headers, **_HTML}, problems.page(status).encode())


def _empty(fault: Fault, answer: Answer) -> Answer:
    headers = {name: value for name, value in answer.headers.items() if name != "Content-Type"}
    return Answer(int(fault.sets["code"]), headers, b"")


def _not_json(fault: Fault, answer: Answer) -> Answer:
    return Answer(int(fault.sets["code"]), {**answer.headers, **_JSON}, b'{"checkpoint": {"id": "5')


def _array(_: Fault, answer: Answer) -> Answer:
    """Around nothing, with a 200, where the service never saw the request."""
    return Answer(answer.status or 200, {**answer.headers, **_JSON}, b"[" + (answer.payload or b"null").rstrip() + b"]")


def _no_id(_: Fault, answer: Answer) -> Answer:
    """Another fault may have made something of it that is no checkpoint, or no JSON."""
    document = readable(answer.payload)
    if not isinstance(document, dict) or not isinstance(document.get("checkpoint"), dict):
        return answer
    document["checkpoint"].pop("id", None)
    return Answer(answer.status, answer.headers, json.dumps(document).encode())


def _gzip_bomb(fault: Fault, answer: Answer) -> Answer:
    """Sent whether the client can read gzip or not. It stays the right answer, followed by a great many blanks."""
    head, tail = _bomb(int(fault.sets["megabytes"]))
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = packed.compress(answer.payload) + packed.flush(zlib.Z_FULL_FLUSH)
    check = zlib.crc32(answer.payload)
    for _ in range(int(fault.sets["megabytes"])):
        check = zlib.crc32(_BLANKS, check)
    size = (len(answer.payload) + int(fault.sets["megabytes"]) * _MB) & 0xFFFFFFFF
    body = head + start + tail + struct.pack("<II", check, size)
    return Answer(answer.status, {**answer.headers, **_JSON, "Content-Encoding": "gzip"}, body)


_BLANKS = b" " * _MB


@lru_cache(maxsize=1)
def _bomb(megabytes: int) -> tuple[bytes, bytes]:
    """Compress one block and repeat it: after a full flush equal bytes become equal bytes."""
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packed.compress(_BLANKS) + packed.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\0\0\0\0\0\x02\xff", block * megabytes + packed.flush(zlib.Z_FINISH)


def _redirect(fault: Fault, answer: Answer) -> Answer:
    return Answer(int(fault.sets["code"]), {**answer.headers, "Location": str(fault.sets["to"])}, b"")


_REWRITTEN: dict[str, Callable[[Fault, Answer], Answer]] = {
    "html": _html,
    "empty": _empty,
    "not_json": _not_json,
    "array": _array,
    "no_id": _no_id,
    "gzip_bomb": _gzip_bomb,
    "redirect": _redirect,
}


def rewritten(fault: Fault, document: Any) -> Any:
    """What a fault of CBR's makes of a document that is right."""
    match fault.kind:
        case "count_wrong" if isinstance(document, dict) and isinstance(document.get("count"), int):
            return document | {"count": document["count"] + int(fault.sets["by"])}
        case "unknown_enum":
            return _everywhere(document, lambda found: {**found, **dict.fromkeys(_STATES & set(found), fault.sets["word"])})
        case "new_fields":
            return _everywhere(document, lambda found: {**found, "x_new": "unheard-of", "x_newer": {"of": [1, None]}})
        case "other_vault" if isinstance(document, dict) and "checkpoint" in document:
            return {"checkpoint": _of_another(document["checkpoint"])}
        case _:
            return document


_STATES = frozenset({"status", "protect_status"})


def _of_another(checkpoint: dict[str, Any]) -> dict[str, Any]:
    vault = checkpoint["vault"] | {"id": "00000000-0000-4000-8000-00000000beef", "name": "somebody-elses"}
    return checkpoint | {"vault": vault, "extra_info": checkpoint.get("extra_info", {}) | {"name": "somebody-elses"}}


def _everywhere(document: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    if isinstance(document, dict):
        return change({key: _everywhere(value, change) for key, value in document.items()})
    if isinstance(document, list):
        return [_everywhere(value, change) for value in document]
    return document

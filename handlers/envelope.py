"""One delivery, whatever platform brought it, and the strict reading of JSON."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NoReturn

from handlers.errors import Refusal

Door = Literal["timer", "alert", "once", "watch"]

BODY_CAP = 1 << 20
"""Bytes. The largest event that is read; platforms allow more (Lambda 6 MB), no sender known needs it."""
DEPTH_CAP = 32
_EXACT = 1 << 53
"""Beyond this a JSON number is not the same number in every reader (RFC 8259, section 6)."""


@dataclass(frozen=True, slots=True)
class Http:
    """An HTTP request as a platform handed it over: header names in lower case, the body as the bytes that were sent.

    ``caller`` is who the platform itself says is calling (an ARN); empty where it asked nobody.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    caller: str = ""


NO_REQUEST = Http("", "", {}, b"")
"""Stands for a request that could not be read."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One arrival at one entry function. The entry decides the door; the document only fills it in.

    ``delivery_id`` is the platform's id of this invocation, ``seconds_left`` what remains until the platform kills the run.
    ``http`` is there when a sender spoke HTTP, its body unread, for proof comes before parsing. ``source`` is the exact topic or
    queue a message came from; then ``document`` is its text, unread, as bytes.
    """

    door: Door
    platform: str
    delivery_id: str
    document: object
    seconds_left: float
    http: Http | None = None
    source: str = ""


def lambda_http(event: object) -> Http | None:
    """The request in an event of a Function URL, an API Gateway (payload format 2.0 and 1.0) or a load balancer.

    None for a direct invocation. Raises Refusal for what came through another gateway: it must not pass for an invocation.
    """
    if not isinstance(event, dict):
        return None
    context = event.get("requestContext")
    context = context if isinstance(context, dict) else {}
    modern = context.get("http") if event.get("version") == "2.0" else None
    if isinstance(modern, dict):
        method, path, caller = modern.get("method"), event.get("rawPath"), _text(context, "authorizer", "iam", "userArn")
    elif isinstance(event.get("httpMethod"), str) and ("resource" in event or "elb" in context):
        method, path, caller = event["httpMethod"], event.get("path"), _text(context, "identity", "userArn")
    elif event.keys() & {"headers", "multiValueHeaders"}:
        raise Refusal("unknown_gateway", "a request of a gateway that is not understood here", field="requestContext")
    else:
        return None
    return Http(str(method or ""), str(path or ""), _headers(event), _body(event), caller)


def apig_http(event: object) -> Http | None:
    """The request in a FunctionGraph APIG event, whose body is base64 unless that was switched off."""
    if not (isinstance(event, dict) and isinstance(event.get("httpMethod"), str) and "requestContext" in event):
        return None
    return Http(event["httpMethod"], str(event.get("path") or ""), _headers(event), _body(event))


def smn_records(envelope: Envelope) -> list[Envelope]:
    """A delivery for each message in the event of FunctionGraph's SMN trigger; none: it is no such event. Raises Refusal."""
    event = envelope.document
    if not (isinstance(event, dict) and isinstance(event.get("record"), list)):
        return []
    found: list[Envelope] = []
    for number, record in enumerate(event["record"]):
        smn = record.get("smn") if isinstance(record, dict) and record.get("event_source") == "smn" else None
        topic, message = (smn.get("topic_urn"), smn.get("message")) if isinstance(smn, dict) else (None, None)
        if not (isinstance(topic, str) and topic and isinstance(message, str)):
            raise Refusal("malformed", f"record[{number}].smn: must hold topic_urn and message", field=f"record[{number}].smn")
        delivery = f"{envelope.delivery_id}-{number}" if number else envelope.delivery_id
        text = message.encode("utf-8", "surrogatepass")
        found.append(replace(envelope, delivery_id=delivery, document=text, source=topic))
    if not found:
        raise Refusal("malformed", "record: must not be empty", field="record")
    return found


def _text(value: object, *keys: str) -> str:
    """The text behind these keys, or nothing."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def _headers(event: dict[str, Any]) -> dict[str, str]:
    """Names in lower case. A header that came twice is worth nothing as a proof, so two of a name become an empty one."""
    several, single = event.get("multiValueHeaders"), event.get("headers")
    lists = [(str(name).lower(), values) for name, values in (several if isinstance(several, dict) else {}).items()]
    pairs = [(name, values[0] if len(values) == 1 else "") for name, values in lists if isinstance(values, list)]
    known = {name for name, _ in pairs}
    texts = [(str(name).lower(), value) for name, value in (single if isinstance(single, dict) else {}).items()]
    found: dict[str, str] = {}
    for name, value in [*pairs, *(each for each in texts if each[0] not in known)]:
        found[name] = value if isinstance(value, str) and name not in found else ""
    return found


def _body(event: dict[str, Any]) -> bytes:
    """The bytes that were sent. Raises Refusal where the flag and the text disagree."""
    body = event.get("body")
    if body in (None, ""):
        return b""
    if not isinstance(body, str):
        raise Refusal("malformed", "body: must be a string", field="body")
    if len(body) > 2 * BODY_CAP:
        raise Refusal("too_large", f"the body is larger than {BODY_CAP} bytes", field="body", http=413)
    if event.get("isBase64Encoded") is not True:
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:
        raise Refusal("malformed", "body: is said to be base64 and is not", field="body") from None


def parse_json(body: bytes, what: str = "event") -> object:
    """``body`` as JSON that every reader reads alike; raises Refusal("malformed" or "too_large").

    Refused although Python's own reader takes them: duplicate keys (two readers may take different ones), NaN and Infinity,
    numbers beyond 2**53, UTF-16 and byte order marks, lone surrogates (a log line holding one is lost), NUL characters.
    """
    if len(body) > BODY_CAP:
        raise Refusal("too_large", f"the {what} is larger than {BODY_CAP} bytes", http=413)
    try:
        document = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_float,
        )
        check(document)
    except Refusal:
        raise
    except json.JSONDecodeError as error:
        raise _malformed(f"is not JSON (line {error.lineno}, column {error.colno})", what) from None
    except UnicodeDecodeError as error:
        raise _malformed(f"is not UTF-8 (byte {error.start})", what) from None
    except RecursionError:
        raise _malformed(f"is nested deeper than {DEPTH_CAP} levels", what) from None
    except ValueError as error:
        raise _malformed(str(error), what) from None
    return document


def check(value: object, depth: int = 0) -> None:
    """Depth and text of a document a platform parsed for us; raises ValueError."""
    if isinstance(value, str):
        if "\x00" in value or (not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value)):
            raise ValueError("holds a character that is no text (NUL or half a surrogate pair)")
    elif depth == DEPTH_CAP and isinstance(value, dict | list):
        raise ValueError(f"is nested deeper than {DEPTH_CAP} levels")
    elif isinstance(value, dict):
        for key, each in value.items():
            check(key, depth + 1)
            check(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            check(each, depth + 1)


def _malformed(problem: str, what: str) -> Refusal:
    return Refusal("malformed", f"the {what} {problem}", field="document")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("names a key twice in one object")
    return found


def _constant(_: str) -> NoReturn:
    raise ValueError("holds NaN or Infinity")


def _integer(text: str) -> int:
    if len(text) > 17 or not -_EXACT <= int(text) <= _EXACT:
        raise ValueError("holds a number beyond 2**53")
    return int(text)


def _float(text: str) -> float:
    if not -_EXACT <= (number := float(text)) <= _EXACT:
        raise ValueError("holds a number beyond 2**53")
    return number

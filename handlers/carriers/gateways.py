"""HTTP requests as gateways hand them over."""

from __future__ import annotations

import base64
from typing import Any

from handlers.envelope import BODY_CAP, Http, text_at
from handlers.errors import Refusal


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
        method, path, caller = modern.get("method"), event.get("rawPath"), text_at(context, "authorizer", "iam", "userArn")
    elif isinstance(event.get("httpMethod"), str) and ("resource" in event or "elb" in context):
        method, path, caller = event["httpMethod"], event.get("path"), text_at(context, "identity", "userArn")
    else:
        _check_direct(event)
        return None
    return Http(str(method or ""), str(path or ""), _headers(event), _body(event), caller)


def apig_http(event: object) -> Http | None:
    """The request in a FunctionGraph APIG event, whose body is base64 unless that was switched off."""
    if not isinstance(event, dict):
        return None
    if not isinstance(event.get("httpMethod"), str) or "requestContext" not in event:
        _check_direct(event)
        return None
    return Http(event["httpMethod"], str(event.get("path") or ""), _headers(event), _body(event))


def _check_direct(event: dict[str, Any]) -> None:
    """Raises Refusal for what looks like another gateway's request: that must not pass for an invocation."""
    # A WebSocket's message has only the context; so has the record of a destination, which is named by what it is.
    is_context = "requestContext" in event and "requestPayload" not in event
    if is_context or event.keys() & {"headers", "multiValueHeaders"}:
        raise Refusal("unknown_gateway", "a request of a gateway that is not understood here", field="requestContext")


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

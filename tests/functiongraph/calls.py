"""What is said to a function on FunctionGraph and by it, as documented: limits, results, the policy, the gateway's requests.

Pages of Huawei Cloud's help centre (support.huaweicloud.com) are named by their last part; what no page says is in README.md.

- SYNC_BYTES, RESULT_BYTES, VARIABLES_CHARACTERS: functiongraph_01_0150, "Notes and Constraints", and of functiongraph_01_0154 the
  variable RUNTIME_MAX_RESP_BODY_SIZE.
- ASYNC_BYTES, ASYNC_RESULT_BYTES: functiongraph_01_0150 and functiongraph_01_0390_03 (a larger result becomes an empty value).
- Policy: functiongraph_06_0142 (API: retries 0 to 3, by default 1; age 1 to 86,400 s, by default 3,600; on_success, on_failure)
  and functiongraph_01_0390_03 (the document the destination gets). The latter's text says that errors of code are not tried again
  by default, and in a newer edition that the default is 3: it is better set.
- the gateway: functiongraph_01_0204 and functiongraph_02_0420 (isBase64Encoded is true by default; what a function must return).
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

SYNC_BYTES = RESULT_BYTES = 6 << 20
ASYNC_BYTES = ASYNC_RESULT_BYTES = 256 << 10
VARIABLES_CHARACTERS = 4096
Keys = tuple[str | None, str | None, str | None, str | None]
"""Access key, secret key, security token, token."""
NO_KEYS: Keys = (None, None, None, None)


@dataclass(frozen=True)
class Result:
    """What the caller gets: a body, or the error of a failure. ``content_type`` is empty for a text and for nothing."""

    request_id: str
    body: str = ""
    content_type: str = ""
    error: str = ""

    @property
    def json(self) -> Any:
        assert not self.error, self.error
        return json.loads(self.body)

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        return [(each["outcome"], each["reason"]) for each in self.json["outcomes"]]


@dataclass(frozen=True)
class Policy:
    """What becomes of an asynchronous invocation that fails. ``new_ids``: a try again has a request id of its own."""

    retries: int = 1
    age_seconds: float = 3600
    on_failure: Callable[[dict[str, Any]], object] | None = None
    on_success: Callable[[dict[str, Any]], object] | None = None
    new_ids: bool = False


def record(began: float, request_id: str, urn: str, tries: int, payload: str, result: Result) -> dict[str, Any]:
    """What a destination gets of an asynchronous invocation that is over."""
    large = len(result.body.encode()) > ASYNC_RESULT_BYTES
    context = {"request_id": request_id, "function_urn": urn, "condition": "", "approximate_invoke_count": tries}
    return {
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z+08:00", time.gmtime(began)),
        "request_context": context,
        "request_payload": payload,
        "response_context": {"status_code": 200, "function_error": result.error},
        "response_payload": "" if large else result.body,
    }


def apig(path: str, headers: Mapping[str, str], body: bytes, method: str = "POST") -> dict[str, Any]:
    """A request as an APIG trigger hands it over."""
    return {
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
        "httpMethod": method,
        "path": path,
        "headers": {name.lower(): value for name, value in headers.items()},
        "queryStringParameters": {},
        "pathParameters": {"": path.rpartition("/")[2]},
        "requestContext": {"apiId": uuid.uuid4().hex, "requestId": uuid.uuid4().hex, "stage": "RELEASE"},
    }


def from_apig(result: Result) -> tuple[int, dict[str, str], bytes]:
    """What of a function's result reaches who asked the gateway: nothing of one that has another shape than this."""
    try:
        found = json.loads(result.body)
        status, headers, text, coded = (found[each] for each in ("statusCode", "headers", "body", "isBase64Encoded"))
    except (ValueError, KeyError, TypeError):
        return 500, {}, b""
    if not (type(status) is int and isinstance(headers, dict) and isinstance(text, str) and type(coded) is bool):
        return 500, {}, b""
    return status, headers, base64.b64decode(text) if coded else text.encode()

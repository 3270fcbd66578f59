"""What an answer that is no success means: one total function over status, headers and body.

The service's code decides first, the status only where there is no code: CBR says "resources are being backed up" with 500 and
"malformed id" with 401 (CBR API reference, error codes; API gateway reference; IAM API reference).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from handlers.errors import Busy, CallFailed, Rejected, Throttled, Unauthorized, Unclear
from handlers.letters import legible

# Published CBR codes by what they ask of a client. "Busy": something has to end first, a backup, a replication, a removal, a
# state of vault, server or disk. 0001 ("no resource is available") stands there because resources under backup look the same
# as an empty vault; the caller looks at the vault. 9998 comes with 500: authentication failed inside the service.
_BUSY = frozenset(
    "0001 0002 2002 2005 2008 2010 2011 6112 6113 6125 6130 6134 6202 6203 6206 6208 6215 6216 6702 6712 7003 7009 7101 7102"
    " 7200 7202 7203 7302".split()
)
_TRANSIENT = frozenset(
    "4004 4005 4006 4007 6107 6108 6110 6111 6115 6118 6121 6123 6132 6139 6201 6400 6401 6403 6404 6405 6406 6407 6408 8400"
    " 9910".split()
)
_FINAL = frozenset(
    "1005 1006 1011 2001 2003 2007 2009 2012 2013 2014 2015 4001 6000 6001 6002 6003 6100 6101 6102 6103 6104 6105 6106"
    " 6109 6114 6116 6117 6119 6120 6122 6124 6126 6127 6128 6129 6131 6133 6135 6136 6137 6138 6140 6141 6142 6200 6204"
    " 6207 6209 6210 6211 6212 6213 6214 6217 6220 6300 6301 6302 6402 6500 6501 6600 6601 6700 6701 6703 6704 6705 6706 6707"
    " 6708 6709 6710 6711 6713 6714 7000 7001 7002 7004 7006 7007 7008 7100 7103 7104 7105 7106 7107 7108 7109 7110 7111 7113"
    " 7114 7115 7116 7117 7201 7204 7300 7301 7303 8300 8600 9900".split()
)
_GATEWAY_FINAL = frozenset({"0103", "0104", "0105"})  # may come with 500, yet no back end was reached
_BREAKS = dict.fromkeys((*range(32), 127), " ")
_WAIT = (1.0, 300.0)
"""Seconds. What a Retry-After is bounded to: a service may send a date, a negative number or 10**9."""


def meaning(status: int, headers: Mapping[str, str], body: bytes, *, now: datetime) -> CallFailed:
    """The failure a reply stands for, ready to be raised. ``headers`` have lower-case names; never raises itself."""
    document = _document(body)
    code, text = _said(document)
    given = document.get("request_id") if isinstance(document, dict) else ""
    request_id = given if isinstance(given, str) else ""
    if status == 401 and b'"unauthorized"' in body and "Malformed request url" in text:
        kind: type[CallFailed] = Rejected  # a malformed id in the path; no new token helps
    else:
        kind = _kind(status, code)
    return kind(
        legible(text[:400].translate(_BREAKS)).strip() or f"answered {status}",
        code=_clipped(code, 64),
        status=status,
        request_id=_clipped(headers.get("x-request-id") or headers.get("x-iam-trace-id") or request_id, 128),
        retry_after=_retry_after(headers.get("retry-after", ""), now),
    )


def is_busy(code: str) -> bool:
    """Whether a code says that something has to end first; skipped resources carry the same codes as failed calls."""
    family, _, number = code.rpartition(".")
    return family == "BackupService" and number in _BUSY


def _kind(status: int, code: str) -> type[CallFailed]:
    family, _, number = code.rpartition(".")
    if family == "BackupService" and (kind := _by_cbr_code(number, status)):
        return kind
    if family in ("APIGW", "APIG") and number in _GATEWAY_FINAL:
        return Rejected
    if status == 429 or code in ("APIGW.0308", "APIG.0308", "IAM.0012"):
        return Throttled
    if code == "IAM.0020":  # the home region's authentication has failed over: nothing was executed, it comes back
        return Busy
    return _by_status(status)


def _by_cbr_code(number: str, status: int) -> type[CallFailed] | None:
    if number in _BUSY:
        return Busy
    if number in _TRANSIENT:
        return Unclear if status >= 500 else Busy
    if number in _FINAL:
        return Rejected
    return Unauthorized if number == "9998" else None


def _by_status(status: int) -> type[CallFailed]:
    if status in (401, 403):
        return Unauthorized
    if status >= 500 or status == 408 or status < 300:
        return Unclear
    return Rejected


def _document(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _said(document: object) -> tuple[str, str]:
    """Code and text, from whichever envelope it is: CBR's and the gateway's, camelCase, SMN's, IAM's nested one."""
    for each in _objects(document):
        for code, text in (("error_code", "error_msg"), ("errorCode", "errorMsg"), ("code", "message")):
            if isinstance(each.get(code), str | int) or isinstance(each.get(text), str):
                return str(each.get(code) or ""), str(each.get(text) or "")
    return "", ""


def _objects(document: object) -> Iterator[dict[str, object]]:
    """The document and the objects directly inside it (``error``, ``unauthorized`` …)."""
    if isinstance(document, dict):
        yield document
        yield from (each for each in document.values() if isinstance(each, dict))


def _clipped(text: str, limit: int) -> str:
    """One printable ASCII line: codes and ids go into subjects and metrics."""
    plain = text[: limit * 2].encode("ascii", "backslashreplace").decode()
    return "".join(letter if letter.isprintable() else " " for letter in plain)[:limit].strip()


def _retry_after(text: str, now: datetime) -> float | None:
    """Seconds, bounded; the header may be a number or an HTTP date (RFC 9110, section 10.2.3)."""
    text = text.strip()
    if text.isascii() and text.removeprefix("-").isdecimal():
        seconds = float(text[:12])
    else:
        from email.utils import parsedate_to_datetime

        try:
            moment = parsedate_to_datetime(text)
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
            seconds = (moment - now).total_seconds()
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
    return min(max(seconds, _WAIT[0]), _WAIT[1])

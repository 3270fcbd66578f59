"""Every error document of the sandbox: four services, four envelopes.

CBR answers ``{error_code, error_msg}`` without a request id, the gateway in front of it adds ``request_id`` and a line
feed, IAM wraps ``{code, message, title}`` in ``error`` (its newer calls answer as CBR does, with codes of their own), SMN
answers ``{request_id, code, message}``. `by_code` gives any of them; the constructors below name the situations of the
services here. The tables of codes and texts are in ``codes``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from handlers.sandbox import codes, moments

Document = Callable[[str], dict[str, Any]]  # given the request id
CODES = codes.CBR
_TITLES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}
_IAM_REFUSED = "Incorrect IAM authentication information: "


class Problem(Exception):
    """Ends the handling of a request with an error document."""

    def __init__(self, status: int, document: Document, *, line_feed: bool = False) -> None:
        super().__init__(status)
        self.status, self.document, self.line_feed = status, document, line_feed


def by_code(code: str, message: str = "") -> Problem:
    """Any published code with its status, and its text unless ``message`` replaces it; a code nobody published is a `KeyError`.

    Without a prefix it is CBR's: ``6134`` and ``BackupService.6134``, but ``APIGW.0308``, ``IAM.0066``, ``SMN.0006``.
    """
    service, _, number = code.rpartition(".")
    table, envelope = _SERVICES[service]
    status, text = table[number]
    return envelope(status, number, message or text)


# ── CBR ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def cbr(status: int, code: str, message: str) -> Problem:
    """``code`` is the number behind ``BackupService.``"""
    document = {"error_code": f"BackupService.{code}", "error_msg": message}
    return Problem(status, lambda _: document)


def parameter(message: str) -> Problem:
    """9900 carries a text of its own, for example ``Invalid vault_id provided.``"""
    return by_code("9900", message)


def invalid(field: str) -> Problem:
    """The documented text for a bad UUID, used for every field."""
    return parameter(f"Invalid {field} provided.")


def invalid_key(key: str) -> Problem:
    """CBR refuses keys it does not know (field report: ``invalid key enable_acceleration``)."""
    return parameter(f"invalid key {key}")


def no_vault() -> Problem:
    """A well-formed id nobody knows."""
    return by_code("6105")


def over_capacity() -> Problem:
    """Checked before a backup starts, so one backup may overfill a vault."""
    return by_code("6114")


def not_in_vault() -> Problem:
    """One such id spoils the whole call."""
    return by_code("6135")


def nothing_to_back_up() -> Problem:
    """The vault is empty, or an empty list was given."""
    return by_code("0001")


def no_checkpoint() -> Problem:
    """The code table calls it a restore point."""
    return by_code("6217")


def no_backup() -> Problem:
    """Also for one that has been deleted."""
    return by_code("6200")


def no_operation_log() -> Problem:
    """The text of the API reference's example; the code table words it slightly differently."""
    return by_code("6500")


# ── the gateway ──────────────────────────────────────────────────────────────────────────────────────────────────────


def gateway(status: int, code: str, message: str) -> Problem:
    """``code`` is the number behind ``APIGW.``"""

    def document(request_id: str) -> dict[str, Any]:
        return {"error_msg": message, "error_code": f"APIGW.{code}", "request_id": request_id}

    return Problem(status, document, line_feed=True)


def no_such_api() -> Problem:
    """Unknown path, or a method it does not have."""
    return by_code("APIGW.0101")


def bad_request(status: int = 400, message: str = "") -> Problem:
    """0201 has a status for each way to be wrong: 413 and 414 for the body and the URI, 494 for the headers, 502 and 504."""
    return gateway(status, "0201", message or codes.gateway.BAD_REQUESTS.get(status, "API request error"))


def too_large() -> Problem:
    """More than 12 MB."""
    return bad_request(413)


def refused(why: str) -> Problem:
    """Token or signature wrong; ``why`` is one of the gateway's own texts, for which see the functions below."""
    return by_code("APIGW.0301", _IAM_REFUSED + why)


def unreadable_proof() -> Problem:
    """An ``Authorization`` that is none."""
    return refused("Unauthorized")


def wrong_signature() -> Problem:
    """The key is known, the signature is not what it makes of this request."""
    return refused("verify aksk signature fail")


def no_such_key(access_key: str, *, temporary: bool = False) -> Problem:
    """A temporary key is unknown, too, without its own security token, and once it has expired."""
    return refused(f"Get secretKey failed,ak:{access_key},err:ak not exist" if temporary else f"ak {access_key} not exist")


def key_locked() -> Problem:
    """After too many bad tries."""
    return refused("AK access failed to reach the limit,forbidden")


def signature_too_old(date: str, now: float) -> Problem:
    """Or from the future; both dates in the form of ``X-Sdk-Date``."""
    server = moments.moment(now).strftime("%Y%m%dT%H%M%SZ")
    return refused(f"signature expired, signature time:{date},server time:{server}")


def no_token() -> Problem:
    """Neither a token nor a signature."""
    return refused("x-auth-token not found")


def unknown_token() -> Problem:
    """Never issued, or revoked."""
    return refused("decrypt token fail")


def token_expired() -> Problem:
    """Once known, now too old."""
    return by_code("APIGW.0307")


def throttled(limit: int = 100, per: str = "1 minute", policy: str = "user") -> Problem:
    """``policy`` is what is counted: ``user``, ``ip`` or ``api``."""
    text = f"The throttling threshold has been reached: policy {policy} over ratelimit,limit:{limit},time:{per}"
    return by_code("APIGW.0308", text)


def malformed_url() -> Problem:
    """Found by Huawei's Terraform provider, which reads it as "not found": a 401 that says nothing about credentials."""
    return Problem(401, lambda _: {"unauthorized": {"code": "401", "message": "Malformed request url"}})


# ── IAM and SMN ──────────────────────────────────────────────────────────────────────────────────────────────────────


def iam(status: int, message: str) -> Problem:
    """Keystone's envelope, which repeats the status inside."""
    document = {"error": {"code": status, "message": message, "title": _TITLES.get(status, "Error")}}
    return Problem(status, lambda _: document)


def iam_code(status: int, code: str, message: str) -> Problem:
    """The envelope of IAM's newer calls."""
    document = {"error_msg": message, "error_code": f"IAM.{code}"}
    return Problem(status, lambda _: document)


def iam_unauthenticated() -> Problem:
    """A token, signature, access key or scope that is not ours."""
    return iam(401, "The request you have made requires authentication.")


def iam_wrong_password() -> Problem:
    """Does not tell which of user, domain and password was wrong."""
    return iam(401, "The username or password is wrong.")


def smn(status: int, code: str, message: str) -> Problem:
    """``code`` is the number behind ``SMN.``; some of these are 403 where one expects 400 (SMN error-code table)."""
    return Problem(status, lambda request_id: {"request_id": request_id, "code": f"SMN.{code}", "message": message})


# ── for faults ───────────────────────────────────────────────────────────────────────────────────────────────────────


def page(status: int) -> str:
    """No document at all, but what a proxy on the way answers."""
    return f"<html>\r\n<head><title>{status}</title></head>\r\n<body><h1>{status}</h1></body>\r\n</html>\r\n"


def hard_to_read(status: int, size: int = 0) -> Problem:
    """``size`` characters, else Chinese for "the backup service is busy, try again later"."""
    return gateway(status, "0601", "x" * size or "备份服务繁忙，请稍后再试。")  # noqa: RUF001 - a full stop of that script


def envelope(style: str, status: int) -> Problem:
    """An error of that status in the words of ``cbr``, ``gateway``, ``iam`` or ``smn``."""
    if style == "iam":
        return iam(status, "An unexpected error prevented the server from fulfilling your request.")
    if style == "gateway" and status in {400, *codes.gateway.BAD_REQUESTS}:
        return bad_request(status)
    return Problem(status, by_code(codes.unknown(style, status)).document, line_feed=style == "gateway")


_SERVICES: dict[str, tuple[dict[str, tuple[int, str]], Callable[[int, str, str], Problem]]] = {
    "": (codes.CBR, cbr),
    "BackupService": (codes.CBR, cbr),
    "APIGW": (codes.GATEWAY, gateway),
    "IAM": (codes.IAM, iam_code),
    "SMN": (codes.SMN, smn),
}

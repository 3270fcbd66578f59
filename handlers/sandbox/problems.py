"""Every error document of the sandbox: four services, four envelopes.

CBR answers ``{error_code, error_msg}`` without a request id, the gateway in front of it adds ``request_id`` and a line
feed, IAM wraps ``{code, message, title}`` in ``error``, SMN answers ``{request_id, code, message}``. Texts are those of
the CBR error-code table and the API gateway manual.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Document = Callable[[str], dict[str, Any]]  # given the request id
_TITLES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}
_IAM_REFUSED = "Incorrect IAM authentication information: "


class Problem(Exception):
    """Ends the handling of a request with an error document."""

    def __init__(self, status: int, document: Document, *, line_feed: bool = False) -> None:
        super().__init__(status)
        self.status, self.document, self.line_feed = status, document, line_feed


# ── CBR ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def cbr(status: int, code: str, message: str) -> Problem:
    """``code`` is the number behind ``BackupService.``"""
    document = {"error_code": f"BackupService.{code}", "error_msg": message}
    return Problem(status, lambda _: document)


def parameter(message: str) -> Problem:
    """9900 carries a text of its own, for example ``Invalid vault_id provided.``"""
    return cbr(400, "9900", message)


def invalid(field: str) -> Problem:
    """The documented text for a bad UUID, used for every field."""
    return parameter(f"Invalid {field} provided.")


def invalid_key(key: str) -> Problem:
    """CBR refuses keys it does not know (field report: ``invalid key enable_acceleration``)."""
    return parameter(f"invalid key {key}")


def no_vault() -> Problem:
    """A well-formed id nobody knows."""
    return cbr(404, "6105", "The vault does not exist.")


def over_capacity() -> Problem:
    """Checked before a backup starts, so one backup may overfill a vault."""
    return cbr(400, "6114", "The used capacity of the vault exceeds the maximum capacity.")


def not_in_vault() -> Problem:
    """One such id spoils the whole call."""
    return cbr(400, "6135", "The resource does not exist in the vault.")


def nothing_to_back_up() -> Problem:
    """The vault is empty, or an empty list was given."""
    return cbr(400, "0001", "No resource is available for backup.")


RUNNING = ("6125", "A backup task is in progress.")  # a call's error, or one resource's reason to be skipped


def backup_running() -> Problem:
    """Every asked resource is being backed up already."""
    return cbr(400, *RUNNING)


def no_checkpoint() -> Problem:
    """The code table calls it a restore point."""
    return cbr(404, "6217", "The backup restore point does not exist.")


def no_backup() -> Problem:
    """Also for one that has been deleted."""
    return cbr(404, "6200", "The backup does not exist.")


def no_operation_log() -> Problem:
    """The text of the API reference's example; the code table words it slightly differently."""
    return cbr(404, "6500", "Operation log does not exist.")


def malformed_url() -> Problem:
    """Found by Huawei's Terraform provider, which reads it as "not found": a 401 that says nothing about credentials."""
    return Problem(401, lambda _: {"unauthorized": {"code": "401", "message": "Malformed request url"}})


# ── the gateway ──────────────────────────────────────────────────────────────────────────────────────────────────────


def gateway(status: int, code: str, message: str) -> Problem:
    """``code`` is the number behind ``APIGW.``"""

    def document(request_id: str) -> dict[str, Any]:
        return {"error_msg": message, "error_code": f"APIGW.{code}", "request_id": request_id}

    return Problem(status, document, line_feed=True)


def no_such_api() -> Problem:
    """Unknown path, or a method it does not have."""
    return gateway(404, "0101", "The API does not exist or has not been published in the environment")


def bad_request() -> Problem:
    """A body whose length cannot be told."""
    return gateway(400, "0201", "Bad request")


def too_large() -> Problem:
    """More than 12 MB."""
    return gateway(413, "0201", "Request entity too large")


def refused(why: str) -> Problem:
    """Token or signature wrong; ``why`` is one of the gateway's own texts."""
    return gateway(401, "0301", _IAM_REFUSED + why)


def token_expired() -> Problem:
    """Once known, now too old."""
    return gateway(401, "0307", "The token must be updated.")


# ── IAM and SMN ──────────────────────────────────────────────────────────────────────────────────────────────────────


def iam(status: int, message: str) -> Problem:
    """Keystone's envelope, which repeats the status inside."""
    document = {"error": {"code": status, "message": message, "title": _TITLES[status]}}
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

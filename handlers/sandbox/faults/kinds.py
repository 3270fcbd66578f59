"""Every kind of fault there is: what it does, and what can be set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Value = float | int | str


@dataclass(frozen=True)
class Kind:
    """``sets`` maps each key to its default, whose type a value must have; a tuple lists the choices, the default first.

    ``strikes`` is where: whoever connects, whatever for (``connections``), any request, one to CBR (``cbr``), POST …/checkpoints
    (``create``), GET of a list (``list``), or one to the service whose ``code`` it is (``coded``).

    Seconds of the network's are real ones, all others the sandbox clock's; ``speed`` divides none of them.
    """

    group: str
    says: str
    sets: Mapping[str, Value | tuple[Value, ...]] = field(default_factory=dict)
    strikes: str = "any"
    times: int = 1


_AFTER, _BEFORE = ("after", "before"), ("before", "after")  # the service has done its work, or has not seen the request

KINDS: dict[str, Kind] = {
    "refuse": Kind("network", "nobody listens for so many seconds", {"seconds": 1.0}, "connections"),
    "reset_before": Kind("network", "connection reset, nothing was done"),
    "reset_after": Kind("network", "done, and the answer is lost in a reset"),
    "truncate": Kind("network", "the answer ends early; bytes=0 is half of it", {"bytes": 0}),
    "drip": Kind("network", "the answer comes byte by byte", {"seconds": 0.2}),
    "hang": Kind(
        "network", "no answer; after so many seconds (0: never) the connection is closed", {"seconds": 0.0, "when": _AFTER}
    ),
    "delay": Kind("network", "the answer comes late", {"seconds": 2.0}),
    "close_idle": Kind("network", "the kept connection is closed so many seconds after the answer", {"seconds": 0.0}),
    "wrong_length": Kind("network", "Content-Length is off by so many bytes", {"by": -8}),
    "html": Kind("network", "a page instead of JSON", {"code": 200, "when": _AFTER}),
    "empty": Kind("network", "no body", {"code": 200, "when": _AFTER}),
    "not_json": Kind("network", "JSON that breaks off", {"code": 200, "when": _AFTER}),
    "array": Kind("network", "the answer inside an array", {"when": _AFTER}),
    "no_id": Kind("network", "a checkpoint without its id", {}, "create"),
    "gzip_bomb": Kind("network", "gzip that grows a thousandfold, asked for or not", {"megabytes": 100}),
    "redirect": Kind(
        "network", "another address on loopback", {"code": (302, 301, 307, 308), "to": "http://127.0.0.1:9/", "when": _BEFORE}
    ),
    "status": Kind("gateway", "a proxy's page with this status", {"code": 502, "when": _BEFORE}),
    "throttle": Kind(
        "gateway",
        "429 APIGW.0308 beyond so many requests a minute by one user (0: at once)",
        {"limit": 0, "retry_after": ("none", "seconds", "date", "negative", "huge"), "seconds": 30},
    ),
    "unauthorized": Kind("gateway", "401 APIGW.0301, whatever the proof"),
    "token_expired": Kind("gateway", "401 APIGW.0307"),
    "malformed_url": Kind("gateway", "the 401 that means not found"),
    "forbidden": Kind("gateway", "403 APIGW.0302"),
    "huge_error": Kind("gateway", "an error of so many bytes", {"code": 500, "bytes": 65536, "when": _BEFORE}),
    "chinese_error": Kind("gateway", "an error in Chinese", {"code": 500, "when": _BEFORE}),
    "envelope": Kind(
        "gateway",
        "an error in the words of one of the services",
        {"style": ("cbr", "gateway", "iam", "smn"), "code": 400, "when": _BEFORE},
    ),
    "busy": Kind("CBR", "a backup is running; code=0002 is the same as a 500", {"code": "6125"}, "create"),
    "error": Kind(
        "CBR",
        "any published code, APIGW.0601 and SMN.0018 too, with a status and text of one's own if need be",
        {"code": "9910", "status": 0, "message": "", "when": _BEFORE},
        "coded",
    ),
    "late_apply": Kind(
        "CBR", "done so many seconds later, unheard", {"after": 30.0, "answer": ("504", "reset", "hang")}, "create"
    ),
    "foreign": Kind("CBR", "CBR's own policy is backing the vault up just now", {"seconds": 600.0}, "create"),
    "skip": Kind("CBR", "resources are skipped", {"which": ("one", "all"), "code": "6215"}, "create"),
    "fail": Kind(
        "CBR",
        "backups end in error, so many seconds later",
        {"which": ("all", "one"), "after": 7200.0, "code": "7101", "log": ("failed", "timeout")},
        "create",
    ),
    "slow": Kind("CBR", "backups take so many seconds", {"seconds": 7200.0}, "create"),
    "full": Kind("CBR", "the vault is filled to so many percent, for good", {"percent": 101}, "create"),
    "frozen": Kind("CBR", "the vault gets this status, for good", {"status": "frozen"}, "create"),
    "list_lag": Kind("CBR", "lists show a checkpoint up to so many seconds late", {"seconds": 60.0}, "list", times=0),
    "fuzzy_name": Kind("CBR", "the filter by name", {"mode": ("fuzzy", "ignored")}, "list", times=0),
    "hide_full": Kind("CBR", "lists without `incremental` leave full backups out", {}, "list", times=0),
    "count_wrong": Kind("CBR", "the count of a list is off by so many", {"by": 1}, "list"),
    "unknown_enum": Kind("CBR", "states nobody knows", {"word": "quiescing"}, "cbr"),
    "new_fields": Kind("CBR", "fields nobody knows, in every object", {}, "cbr"),
    "other_vault": Kind("CBR", "200 for another vault and another name than were asked", {}, "create"),
}

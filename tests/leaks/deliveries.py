"""Deliveries to every sender, good ones and bad ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import count

from handlers.sandbox import estate
from tests.leaks.stage import SENDERS, Stage

Delivery = tuple[str, str, Mapping[str, str], bytes]
ALERTS = ("bearer", "basic", "hmac", "hooks")
_numbers = count()


def firing(**labels: str) -> bytes:
    return json.dumps({"status": "firing", "labels": {"host": f"erp-{next(_numbers)}"} | labels}).encode()


def asked() -> bytes:
    return json.dumps({"checkpoint": {"vault_id": estate.FILES_VAULT_ID}, "idempotency_key": f"k-{next(_numbers)}"}).encode()


def good(stage: Stage) -> list[Delivery]:
    """One of each sender, rightly proven."""
    bodies = [(name, firing()) for name in ALERTS]
    found: list[Delivery] = [("alert", name, stage.signed(name, body), body) for name, body in bodies]
    body = asked()
    return [*found, ("once", "ci", stage.signed("ci", body), body), ("watch", "ci", stage.signed("ci", b"{}"), b"{}")]


def bad(stage: Stage) -> Iterator[Delivery]:
    """Proofs that are nearly right, somebody else's, in the wrong place; bodies that are none, rightly proven."""
    for name, variable in zip(ALERTS, ("LEAK_BEARER", "LEAK_BASIC", "LEAK_HMAC", "LEAK_HOOKS"), strict=True):
        body = firing()
        for header, value in stage.signed(name, body).items():
            for wrong in (value[:-1], value + "x", value.lower(), f" {value}", value[:40]):
                yield "alert", name, stage.signed(name, body) | {header: wrong}, body
        yield "alert", name, {"content-type": "application/json", "authorization": SENDERS[variable]}, body
        yield "alert", "ci", stage.signed(name, body), body
        yield "once", name, stage.signed(name, body), body
        yield "alert", f"no-{name}", stage.signed(name, body), body
        for broken in (b"{", b"\xff\xfe", b"[" * 99, b"null", b'{"a":1,"a":2}', b'{"status": 7}', b'{"alerts": "no"}'):
            yield "alert", name, stage.signed(name, broken), broken
    body = b'{"checkpoint": {"vault_id": 1}}'
    yield "once", "ci", stage.signed("ci", body), body
    body = b'{"rule": "nobody\'s"}'
    yield "once", "ci", stage.signed("ci", body), body

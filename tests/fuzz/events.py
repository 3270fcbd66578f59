"""From an arrival at any door to its plan: the same steps as a service takes, without a cloud."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, get_args

from handlers.carriers.batches import smn_records, sns_records, sqs_records
from handlers.carriers.gateways import apig_http, lambda_http
from handlers.envelope import Door, Envelope, Http
from handlers.errors import Refusal
from handlers.plan import plan
from handlers.reading import read
from handlers.rules import Rules, Sender
from handlers.rules.tables import Dialect
from handlers.settings import read_rules
from handlers.trigger import Trigger, Unread
from tests.fuzz.corpus import EVENTS, corpus
from tests.fuzz.mutations import Change, changed, spoiled, written

NOW = datetime(2026, 3, 2, 10, 15, tzinfo=UTC)
DOORS: tuple[Door, ...] = ("alert", "once", "timer")


@cache
def rules() -> Rules:
    return read_rules(EVENTS / "rules.toml")


@cache
def senders() -> Sequence[tuple[str, Sender | None]]:
    """Those of the samples' rules, and one of each dialect that none of them speaks."""
    known: list[tuple[str, Sender | None]] = [("", None), *rules().senders.items()]
    spoken = {sender.dialect for _, sender in known if sender}
    return [*known, *((f"of-{each}", _of(each)) for each in get_args(Dialect) if each not in spoken)]


def _of(dialect: str) -> Sender:
    more: dict[str, Any] = {"paths": {"identity": ["id"]}} if dialect == "generic" else {}
    return Sender.model_validate({"dialect": dialect, "proof": "platform"} | more)


def web(choice: int, changes: Sequence[Change], bytewise: Sequence[Change]) -> list[str]:
    """A body over HTTP, with the headers it may have, for any sender at any door."""
    seed = corpus()[choice % len(corpus())]
    body = spoiled(written(changed(seed.document, changes)), bytewise)
    headers = dict(seed.headers) | {"content-type": "application/json"}
    return [*_read(Envelope("alert", "web", "delivery", None, 20.0, Http("POST", "/x", headers, body)), choice)]


def binary(choice: int, changes: Sequence[Change], bytewise: Sequence[Change]) -> list[str]:
    """The same as a CloudEvent in binary mode, whose attributes are headers."""
    seed = corpus()[choice % len(corpus())]
    attributes = changed({"ce-specversion": "1.0", "ce-type": "t", "ce-source": "s", "ce-id": "1", "ce-time": "2026"}, changes)
    headers = {str(name): str(value) for name, value in attributes.items()} if isinstance(attributes, dict) else {}
    body = spoiled(written(seed.document), bytewise)
    return [*_read(Envelope("alert", "web", "delivery", None, 20.0, Http("POST", "/x", headers, body)), choice)]


def aws(choice: int, changes: Sequence[Change], bytewise: Sequence[Change]) -> list[str]:
    """An event of Lambda: a gateway's, a topic's or a queue's batch, or itself."""
    envelope = Envelope("alert", "lambda", "delivery", _event(choice, changes, bytewise), 20.0)
    said: list[str] = []
    for each in sqs_records(envelope) or sns_records(envelope) or [envelope]:
        http = lambda_http(each.document) if each is envelope else None
        said += _read(_of_http(each, http), choice)
    return said


def functiongraph(choice: int, changes: Sequence[Change], bytewise: Sequence[Change]) -> list[str]:
    """An event of FunctionGraph: APIG's, SMN's, or itself."""
    envelope = Envelope("alert", "functiongraph", "delivery", _event(choice, changes, bytewise), 20.0)
    said: list[str] = []
    for each in smn_records(envelope) or [envelope]:
        http = apig_http(each.document) if each is envelope else None
        said += _read(_of_http(each, http), choice)
    return said


def _event(choice: int, changes: Sequence[Change], bytewise: Sequence[Change]) -> Any:
    """As a runtime hands it over: parsed, and by a parser that takes more than ours does."""
    document = changed(corpus()[choice % len(corpus())].document, changes)
    if not bytewise:
        return document
    try:
        return json.loads(spoiled(written(document), bytewise))
    except (ValueError, RecursionError):  # a runtime would not have called
        return document


def _of_http(envelope: Envelope, http: Http | None) -> Envelope:
    if http is None:
        return envelope
    return Envelope(envelope.door, envelope.platform, envelope.delivery_id, None, 20.0, http)


def _read(envelope: Envelope, choice: int) -> Iterator[str]:
    """At every door by turns, for every sender by turns; what its refusals say."""
    name, sender = senders()[choice // len(corpus()) % len(senders())]
    door = sender.door if sender else DOORS[choice % len(DOORS)]
    envelope = Envelope(door, envelope.platform, "delivery", envelope.document, 20.0, envelope.http, envelope.source)
    try:
        triggers: list[Trigger] = read(envelope, name, sender, NOW)
        yield from (words(each.refusal) for each in triggers if isinstance(each, Unread))
        for each in plan(triggers, rules(), "delivery", NOW):
            json.dumps(str(each), ensure_ascii=True)
    except Refusal as refusal:
        yield words(refusal)


def words(refusal: Refusal) -> str:
    """All that a refusal says."""
    assert 400 <= refusal.http < 600
    assert refusal.reason.replace("_", "").isalpha(), refusal.reason
    return f"{refusal.reason} {refusal.message} {refusal.field} {refusal.detail} {refusal!r}"

"""What a message may say: which wishes, and nothing else. Anybody may have sent it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers.envelope import Envelope
from handlers.service import Service
from tests.dispatch.stage import Stage, words
from tests.fleet.queue import ARN
from tests.many.cloud import vault_id
from tests.scripted import only

CAUSE = "ab" * 32


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        None,
        7,
        "text",
        [CAUSE],
        {"wishes": None},
        {"wishes": CAUSE},
        {"wishes": []},
        {"wishes": {}},
        {"wishes": [CAUSE, None]},
        {"wishes": [[CAUSE]]},
        {"wishes": [CAUSE[1:]]},
        {"wishes": [CAUSE + "a"]},
        {"wishes": [CAUSE.upper()]},
        {"wishes": [CAUSE + "\n"]},
        {"wishes": ["g" * 64]},
        {"wishes": ["٣" * 64]},
        {"wishes": [f"{number:064x}" for number in range(101)]},
        {"wishes": [CAUSE], "more": 1},
        {"Wishes": [CAUSE]},
        {"wishes": [CAUSE], "vault_id": vault_id(0)},
        {"wishes": [{"cause": CAUSE, "vault_id": vault_id(0)}]},
        {"checkpoint": {"vault_id": vault_id(0)}},
        {"wishes": [CAUSE], "checkpoint": {"vault_id": vault_id(0)}},
        {"wishes": [CAUSE], "project": "cloud", "endpoint": "http://127.0.0.1:1"},
        {"wishes": [CAUSE], "slot": 0},
    ],
    ids=lambda document: json.dumps(document)[:60],
)
def test_anything_but_causes_is_refused_and_asks_for_nothing(stage: Stage, service: Service, document: Any) -> None:
    delivered = service.handle(Envelope("worker", "lambda", "message", document, 60.0))
    assert only(delivered).word == "refused"
    assert only(delivered).reason in ("malformed", "wrong_dialect")
    assert (delivered.answer.status, delivered.answer.again) == (400, False)
    assert stage.asked() == []


@pytest.mark.parametrize("text", [b"", b"{", b'{"wishes": [}', b'{"wishes": [], "wishes": []}', b"\xff", b"[" * 100_000])
def test_text_that_is_no_json_of_ours_is_refused(service: Service, text: bytes) -> None:
    delivered = service.handle(Envelope("worker", "lambda", "message", text, 60.0, source=ARN))
    assert (only(delivered).word, delivered.answer.status, delivered.answer.again) == ("refused", 400, False)


def test_a_hundred_are_a_message(stage: Stage, service: Service) -> None:
    delivered = stage.work(service, *(f"{number:064x}" for number in range(100)))
    assert words(delivered.outcomes) == {"skipped/unknown_wish": 100}
    assert (delivered.answer.status, stage.asked()) == (200, [])

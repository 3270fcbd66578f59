"""An outcome as people and programs read it: golden texts, and words from outside that would like to be something else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.message import compose
from handlers.outcome import Available, Broken, Created, Failed, Joined, Later, Outcome, Partly, Refused, Skipped
from handlers.vault_backup import SkippedResource
from tests.messages.reading import reads

ABOUT: dict[str, Any] = {
    "rule": "nightly-erp",
    "vault": "erp",
    "vault_id": "3b5816b5-f29c-4172-9d9a-76c719a659ce",
    "cause_names": ("nightly 2026-11-23T02:00:00+00:00",),
    "name": "rp-timer-20261123T020000Z-08b581ff073d1d79",
    "delivery_id": "6fd3ac5f-645a-42b6-9631-548b5b63338c",
    "trigger": "timer",
    "sender": "nightly",
}


@pytest.mark.parametrize("end", [Created, Joined, Skipped, Refused, Later, Failed, Available, Partly, Broken])
def test_every_end_can_be_told(end: type[Outcome]) -> None:
    message = compose(end(reason="why", message="What happened.", **ABOUT))
    assert "vault erp" in message.subject
    assert f"Outcome: {end.word} (why)" in message.text
    nameless = compose(end(reason="why", message="What happened.", vault_id="3b5816b5-f29c-4172-9d9a-76c719a659ce"))
    assert "3b5816b5-f29c-4172-9d9a-76c719a659ce" in nameless.subject
    assert "(why" in compose(end(reason="why", message="What happened.")).subject


@pytest.mark.parametrize("end", [Failed, Refused, Broken, Partly])
def test_what_is_bad_stands_out(end: type[Outcome]) -> None:
    assert any(word.isupper() and len(word) > 3 for word in compose(end(reason="why", message="What.")).subject.split())


HOSTILE = [
    "x\nOutcome: created (accepted)",  # H71, H73, H79
    "x\r\nBcc: everybody@example.com",
    "x\u2028Outcome: created",
    "\x1b[31mred\x1b[0m",
    "\u202ekcatta",
    "\x7f\x08\x00",
    "\ud800",
    "v\u0430ult",
    '"}{"level": "CRITICAL"}',
    "%s%n{{7*7}}${jndi:ldap://x}",
    "x" * 50_000,
]
FIELDS = ("message", "rule", "vault", "vault_id", "name", "checkpoint_id", "delivery_id", "sender", "request_id", "error_code")


def lines_of(outcome: Outcome) -> list[str]:
    """The lines of its text, all of which must be plain; the subject is checked on the way."""
    message = compose(outcome)
    assert message.subject.isascii()
    assert message.subject.isprintable()
    assert 0 < len(message.subject) <= 100
    assert message.text.endswith("\n")
    lines = message.text.removesuffix("\n").split("\n")
    assert all(reads(line) for line in lines)
    json.dumps(message.document).encode()
    return lines


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: ascii(value)[:30])
@pytest.mark.parametrize("field", FIELDS)
def test_a_word_from_outside_stays_one_line_of_text(field: str, value: str) -> None:
    plain = lines_of(Failed(**{"reason": "why", "message": "What happened."} | ABOUT | {field: "calm"}))
    lines = lines_of(Failed(**{"reason": "why", "message": "What happened."} | ABOUT | {field: value}))
    assert len(lines) == len(plain)
    assert sum(len(line) for line in lines) < 5_000
    assert [line.partition(":")[0] for line in lines[1:]] == [line.partition(":")[0] for line in plain[1:]]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: ascii(value)[:30])
def test_the_reasons_of_the_service_stay_one_line_each(value: str) -> None:
    skipped = (SkippedResource(id=value, name=value, code=value, reason=value),) * 30
    lines = lines_of(Partly(reason="why", message="What happened.", skipped_resources=skipped, cause_names=(value,) * 20))
    assert len([line for line in lines if line.startswith("Skipped: ")]) == 20
    assert sum(len(line) for line in lines) < 30_000  # SMN takes 256 kB


@given(st.text(max_size=50), st.text(max_size=50), st.text(max_size=50))
def test_any_words_make_a_plain_message(message: str, vault: str, cause: str) -> None:
    lines_of(Created(reason="accepted", message=message, vault=vault, cause_names=(cause,)))

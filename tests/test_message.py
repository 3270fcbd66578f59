"""An outcome as people and programs read it: golden texts, and words from outside that would like to be something else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.message import SCHEMA, compose
from handlers.outcome import Available, Broken, Created, Failed, Joined, Later, Outcome, Partly, Refused, Skipped
from handlers.vault_backup import SkippedResource

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

CREATED = Created(
    reason="accepted",
    message="CBR makes a restore point of vault erp from 2 resources.",
    checkpoint_id="bddc40c0-aa0e-4570-8a6b-f8f79e55ce48",
    request_id="f37ccf7adab742308379ec67be3b0db5",
    **ABOUT,
)
CREATED_TEXT = """\
CBR makes a restore point of vault erp from 2 resources.

Outcome: created (accepted)
Vault: erp 3b5816b5-f29c-4172-9d9a-76c719a659ce
Name: rp-timer-20261123T020000Z-08b581ff073d1d79
Restore point: bddc40c0-aa0e-4570-8a6b-f8f79e55ce48
Rule: nightly-erp
Asked by: timer nightly
Cause: nightly 2026-11-23T02:00:00+00:00
Delivery: 6fd3ac5f-645a-42b6-9631-548b5b63338c
Request id: f37ccf7adab742308379ec67be3b0db5
"""

FAILED = Failed(
    reason="rejected",
    message="CBR refused a restore point of vault erp: BackupService.6105: The vault does not exist.",
    error_code="BackupService.6105",
    request_id="f37ccf7adab742308379ec67be3b0db5",
    **ABOUT,
)
FAILED_TEXT = """\
CBR refused a restore point of vault erp: BackupService.6105: The vault does not exist.

Outcome: failed (rejected)
Vault: erp 3b5816b5-f29c-4172-9d9a-76c719a659ce
Name: rp-timer-20261123T020000Z-08b581ff073d1d79
Rule: nightly-erp
Asked by: timer nightly
Cause: nightly 2026-11-23T02:00:00+00:00
Delivery: 6fd3ac5f-645a-42b6-9631-548b5b63338c
Error code: BackupService.6105
Request id: f37ccf7adab742308379ec67be3b0db5
"""

PARTLY = Partly(
    reason="resources_missing",
    message="Restore point bddc40c0-aa0e-4570-8a6b-f8f79e55ce48 of vault erp is available, but without: erp-db.",
    checkpoint_id="bddc40c0-aa0e-4570-8a6b-f8f79e55ce48",
    skipped_resources=(
        SkippedResource(
            id="d7250ea3-4c19-46f8-95b7-83a1c6d2e04f", name="erp-db", code="BackupService.6203", reason="The server is busy."
        ),
        SkippedResource(id="1b8f4c60-93da-4e57-b2c1-f06d8e3a7952", code="BackupService.7202", reason="No."),
    ),
    **ABOUT,
)
PARTLY_TEXT = """\
Restore point bddc40c0-aa0e-4570-8a6b-f8f79e55ce48 of vault erp is available, but without: erp-db.

Outcome: partly (resources_missing)
Vault: erp 3b5816b5-f29c-4172-9d9a-76c719a659ce
Name: rp-timer-20261123T020000Z-08b581ff073d1d79
Restore point: bddc40c0-aa0e-4570-8a6b-f8f79e55ce48
Rule: nightly-erp
Asked by: timer nightly
Cause: nightly 2026-11-23T02:00:00+00:00
Delivery: 6fd3ac5f-645a-42b6-9631-548b5b63338c
Skipped: erp-db (BackupService.6203) The server is busy.
Skipped: 1b8f4c60-93da-4e57-b2c1-f06d8e3a7952 (BackupService.7202) No.
"""


@pytest.mark.parametrize(
    ("outcome", "subject", "text"),
    [
        (CREATED, "Restore point started: vault erp", CREATED_TEXT),
        (FAILED, "Restore point FAILED: vault erp", FAILED_TEXT),
        (PARTLY, "Restore point INCOMPLETE: vault erp", PARTLY_TEXT),
    ],
)
def test_the_message_word_for_word(outcome: Outcome, subject: str, text: str) -> None:
    message = compose(outcome)
    assert message.subject == subject
    assert message.text == text
    assert message.outcome == outcome.word
    assert message.document == {"schema": "restore-point/1", **outcome.to_dict()}
    assert SCHEMA == "restore-point/1"


@pytest.mark.parametrize("end", [Created, Joined, Skipped, Refused, Later, Failed, Available, Partly, Broken])
def test_every_end_can_be_told(end: type[Outcome]) -> None:
    message = compose(end(reason="why", message="What happened.", **ABOUT))
    assert "vault erp" in message.subject
    assert f"Outcome: {end.word} (why)" in message.text
    nameless = compose(end(reason="why", message="What happened.", vault_id="3b5816b5-f29c-4172-9d9a-76c719a659ce"))
    assert "3b5816b5-f29c-4172-9d9a-76c719a659ce" in nameless.subject
    assert "(why)" in compose(end(reason="why", message="What happened.")).subject


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
    assert all(line.isascii() and (line.isprintable() or not line) for line in lines)
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

"""No outcome makes a message larger than a topic takes, or one that looks like something else: a subject of at most 100
characters, lines of at most 2,100, 16 kB of text, 256 kB as SMN gets it (SMN API reference: a whole message).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.envelope import Envelope
from handlers.iam import Session
from handlers.message import Message, compose
from handlers.outcome import (
    Available,
    Broken,
    Created,
    Duplicate,
    Failed,
    Healed,
    Joined,
    Later,
    Missed,
    Outcome,
    Overdue,
    Partly,
    Refused,
    Skipped,
    Warned,
)
from handlers.topics.smn import smn_topic
from handlers.vault_backup import CheckpointResource, SkippedResource
from handlers.wire import Deadline
from handlers.wire.reply import Reply
from tests.messages.parts import OF_ALERT, OF_TIMER, VAULT_ID
from tests.messages.reading import reads
from tests.scripted import Clock, world_in

SUBJECT, LINE, TEXT, PUBLISHED = 100, 2100, 16 * 1024, 256 * 1024
KINDS: tuple[type[Outcome], ...] = (
    Created, Joined, Skipped, Refused, Later, Failed, Available, Partly, Broken, Overdue, Missed, Duplicate, Warned, Healed,
)  # fmt: skip
WORDS = ("rule", "vault", "vault_id", "cause", "link", "title", "name", "checkpoint_id", "delivery_id", "sender", "request_id",
         "error_code", "message", "reason", "trigger")  # fmt: skip
HOSTILE = {
    "a line break": "x\nOutcome: created (accepted)",
    "carriage return": "x\r\nBcc: everybody@example.com",
    "line separators": "x\u2028Now: nothing\u2029\x85\x0b\x0c",
    "control characters": "\x1b[31mred\x1b[0m\x00\x07\x7f\x9b",
    "quotes": '"}], "outcome": "created"}\' -- \\" \\',
    "right to left": "\u202ekcatta\u2066\u200f\u061c",
    "HTML": "<script>alert(1)</script>&lt;b&gt;<img src=x onerror=alert(1)>",
    "half a character": "\ud800",
    "private and unknown characters": "\ue000\U000f0000\u0378\ufdd0",
    "what takes no room": "a\u200bb\u200c\u2060\ufeff\u00ad\u034f\u3164\u2800\U000e0041\ufe00\U000e0100",
    "blanks": "\u00a0\u2007\u3000\u205f",
    "marks upon marks": "Z" + "\u0301" * 500,
    "another alphabet": "v\u0430ult \u00fcber \U0001f4be",
    "ten thousand pictures": "\U0001f4be" * 10_000,
    "ten thousand": "x" * 10_000,
    "ten thousand breaks": "\n" * 10_000,
    "ten thousand quotes": '"\\' * 5_000,
    "64 kB": "\u00e9" * 65_536,
}


class Taking:
    """A session that keeps what is asked of it, and answers as SMN does."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, str]] = []

    def request(self, method: str, url: str, deadline: Deadline, *, body: bytes = b"") -> Reply:
        self.bodies.append(json.loads(body))
        return Reply(200, {}, b'{"request_id": "1", "message_id": "2"}')


def published(message: Message) -> dict[str, str]:
    """The body of the publish call."""
    session, clock = Taking(), Clock()
    send = smn_topic(
        cast("Session", session), "https://smn.invalid", "urn:smn:sandbox-1:0:ops", lambda: datetime(2026, 11, 23, tzinfo=UTC)
    )
    send(message, Deadline.after(clock, 10))
    (body,) = session.bodies
    return body


def bounded(outcome: Outcome) -> list[str]:
    """The lines of its text, after everything else about its message was found to be within limits."""
    message = compose(outcome)
    assert message.subject.isascii()
    assert message.subject.isprintable()
    assert 0 < len(message.subject) <= SUBJECT
    assert message.subject.startswith("Restore point ")
    assert message.text.endswith("\n")
    assert len(message.text) <= TEXT
    lines = message.text.removesuffix("\n").split("\n")
    assert all(reads(line) and len(line) <= LINE for line in lines)
    assert [place for place, line in enumerate(lines) if not line] in ([1], [2]), "one empty line, before what is listed"
    body = published(message)
    assert body["subject"] == message.subject
    assert len(body["message_structure"].encode()) <= PUBLISHED
    said = json.loads(json.loads(body["message_structure"])["https"])
    assert (said["schema"], said["outcome"]) == ("restore-point/1", outcome.word)
    return lines


def labels(lines: Sequence[str]) -> list[str]:
    return [line.partition(":")[0] for line in lines[1:] if not line.startswith("Now: ")]


def resources(count: int, text: str = "server") -> dict[str, Any]:
    found = [CheckpointResource(id=f"{text} {n}", name=f"{text} {n}", type=text, resource_size=40, extra_info={"a": text})
             for n in range(count)]  # fmt: skip
    return {"resources": tuple(found)}


def skipped(count: int, text: str = "server") -> dict[str, Any]:
    found = [SkippedResource(id=f"{text} {n}", name=f"{text} {n}", type=text, code="7101", reason=text) for n in range(count)]
    return {"skipped_resources": tuple(found)}


@pytest.mark.parametrize("kind", KINDS)
def test_256_resources_and_256_skipped_ones_fit(kind: type[Outcome]) -> None:
    lines = bounded(kind(reason="why", message="What happened.", **resources(256), **skipped(256), **OF_TIMER))
    assert len([line for line in lines if line.startswith("Resource: ")]) == 20
    assert len([line for line in lines if line.startswith("Skipped: ")]) == 20
    assert lines.count("and 236 more resources") == 1
    assert lines[-1] == "and 236 more skipped"


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_256_resources_with_names_that_are_up_to_something_fit(text: str) -> None:
    clipped = text[:5_000]  # CBR's names are of 255 characters at most
    lines = bounded(Partly(reason="why", message="What.", **resources(256, clipped), **skipped(256, clipped), **OF_TIMER))
    assert len([line for line in lines if line.startswith("Skipped: ")]) == 20


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("field", WORDS)
def test_a_word_from_outside_stays_on_its_line(field: str, text: str) -> None:
    calm = {"reason": "why", "message": "What happened.", **OF_ALERT, "request_id": "1", "error_code": "1", "checkpoint_id": "1"}
    plain = bounded(Failed(**calm | {field: "calm"}))
    assert labels(bounded(Failed(**calm | {field: text}))) == labels(plain)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("kind", KINDS)
def test_all_words_from_outside_together_fit(kind: type[Outcome], text: str) -> None:
    everywhere: dict[str, Any] = dict.fromkeys(WORDS, text)
    bounded(kind(**everywhere, cause_names=(text,) * 20, causes=10**9, **skipped(3, text)))


def test_64_kilobytes_of_annotations_fit() -> None:
    much = "annotation " * 6_000
    told = {**OF_ALERT, "title": much, "link": f"https://example.com/{much}", "cause_names": (much,) * 20}
    lines = bounded(Created(reason="accepted", message="CBR makes it.", **told))
    alert, see = ([line for line in lines if line.startswith(label)] for label in ("Alert: ", "See: "))
    assert 100 <= len(alert[0]) <= len("Alert: ") + 200
    assert 300 <= len(see[0]) <= len("See: ") + 500


def test_words_from_outside_keep_their_letters_and_show_what_hides_in_them() -> None:
    title = 'disk "app"\nfull \u202eC:\\ \u00fcber 97 \u2013 \u78c1\u76d8'
    lines = bounded(Created(reason="accepted", message="CBR makes it.", **OF_ALERT | {"title": title}))
    assert 'Alert: disk "app"\\nfull \\u202eC:\\ \u00fcber 97 \u2013 \u78c1\u76d8' in lines


@pytest.mark.parametrize(("vault", "end"), [("v" * 64, ""), ("v" * 63, ""), ("v" * 90, ""), ("v" * 30, " (1 of 2 missing)")])
def test_a_subject_that_is_too_long_loses_its_reason_first_and_never_its_word(vault: str, end: str) -> None:
    partly = Partly(reason="why", message="What.", **resources(1), **skipped(1, "other"), **OF_TIMER | {"vault": vault})
    subject = compose(partly).subject
    whole = f"Restore point INCOMPLETE: vault {vault}"
    assert subject == whole + end if len(whole) <= SUBJECT else subject.startswith("Restore point INCOMPLETE: vault vvvvvvvvvv")
    assert len(subject) <= SUBJECT


def test_annotations_of_64_kilobytes_in_an_alert_that_came_fit_where_they_are_told(tmp_path: Path) -> None:
    """From the receiver's door to the topic."""
    rules = '[senders.am]\ndialect = "alertmanager"\nproof = "platform"\n'
    rules += '[[rules]]\nname = "disks"\nsender = "am"\nvaults = ["files"]\n'
    much = "annotation \u202e\n" * 5_000
    alert = {
        "status": "firing",
        "labels": {"alertname": "Disk", "host": "a"},
        "annotations": {"summary": much, "description": much},
        "generatorURL": "https://example.com/" + "x" * 65_536,
    }
    with world_in(tmp_path) as world:
        world.write_rules(more=rules)
        delivered = world.service().handle(Envelope("alert", "lambda", "d", {"alerts": [alert]}, 60.0))
        assert [each.word for each in delivered.outcomes] == ["created"]
        (message,) = world.sandbox.published
        assert len(world.posts()) == 1
    assert len(message["subject"]) <= SUBJECT
    assert len(message["message"]) <= TEXT


# ── any words at all ─────────────────────────────────────────────────────────────────────────────────────────────────

ANY = (
    st.text(st.characters(), max_size=60)
    | st.sampled_from([each for each in HOSTILE.values() if len(each) <= 10_000])
    | st.just("")
)
RESOURCES = st.builds(
    CheckpointResource, id=ANY, name=ANY, type=ANY, protect_status=ANY | st.just("error"), resource_size=st.none() | st.integers()
)
SKIPPED = st.builds(SkippedResource, id=ANY, name=ANY, type=ANY, code=ANY | st.just("BackupService.7101"), reason=ANY)


@given(
    kind=st.sampled_from(KINDS),
    words=st.fixed_dictionaries(dict.fromkeys(WORDS, ANY)),
    causes=st.integers(0, 10**12),
    names=st.lists(ANY, max_size=20),
    parts=st.lists(RESOURCES, max_size=5),
    left=st.lists(SKIPPED, max_size=5),
    degraded=st.booleans(),
)
def test_any_outcome_makes_a_message_within_limits(
    kind: type[Outcome],
    words: dict[str, str],
    causes: int,
    names: list[str],
    parts: list[CheckpointResource],
    left: list[SkippedResource],
    degraded: bool,
) -> None:
    said = {"reason": words["reason"] or "why", "message": words["message"] or "What happened."}  # neither is ever empty
    bounded(
        kind(
            **cast("dict[str, Any]", words | said),
            causes=causes,
            cause_names=tuple(names),
            resources=tuple(parts),
            skipped_resources=tuple(left),
            degraded=degraded,
        )
    )


@given(detail=ANY)
def test_any_detail_of_a_refusal_stays_on_its_line(detail: str) -> None:
    bounded(Refused(reason="bad_proof", message="No.", detail=detail, vault_id=VAULT_ID))

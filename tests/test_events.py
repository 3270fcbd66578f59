"""Every sample in events/ that can arrive at AWS Lambda, through its real entry function, against what its outcome file says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from handlers import aws_lambda
from handlers.errors import Redeliver
from handlers.outcome import Outcome
from handlers.sandbox import Sandbox
from handlers.service import Service
from handlers.settings import load
from tests.scripted import Clock

EVENTS = Path(__file__).parents[1] / "events"
JUDGED = ("outcome", "reason", "rule", "vault", "causes")
"""Keys of an outcome that must be equal where the sample names them; resources, exclude_volumes and message_has are looked up."""


@dataclass(frozen=True)
class Sample:
    """An event, and what must come of it."""

    name: str
    document: Any
    expected: Mapping[str, Any]

    @property
    def event(self) -> Any:
        """As Lambda gets it: what says so itself, or a bare body in a Function URL's request, as ``send`` wraps it."""
        if "lambda" in self.expected["platforms"]:
            return self.document
        path = self.expected["path"]
        return {
            "version": "2.0",
            "rawPath": path,
            "headers": {name.lower(): value for name, value in self.expected["headers"].items()},
            "requestContext": {"http": {"method": "POST", "path": path}},
            "body": json.dumps(self.document),
            "isBase64Encoded": False,
        }


class Context:
    aws_request_id = "8f5c2d1e-0000-4000-8000-000000000001"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def samples() -> Iterator[Sample]:
    for file in sorted(EVENTS.glob("*/*.json")):
        if file.name.endswith(".outcome.json"):
            continue
        outcome = file.with_suffix(".outcome.json")
        name = str(file.relative_to(EVENTS).with_suffix(""))
        if not outcome.exists():
            yield Sample(name, None, {"platforms": ["lambda"]})
            continue
        document, expected = json.loads(file.read_text("utf-8")), json.loads(outcome.read_text("utf-8"))
        if {"lambda", "web"} & set(expected["platforms"]):
            yield Sample(name, document, expected)


def environ(sandbox: Sandbox) -> dict[str, str]:
    lines = (EVENTS / "senders.env").read_text("utf-8").splitlines()
    secrets = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return sandbox.environment() | secrets | {
        "RESTORE_POINT_RULES": str(EVENTS / "rules.toml"),
        "RESTORE_POINT_LEDGER": "memory",
    }  # fmt: skip


@dataclass
class Arrived:
    """What one event came to: the function's answer, the outcomes themselves, and what CBR was asked."""

    answer: dict[str, Any]
    outcomes: list[Outcome]
    posts: list[dict[str, Any]]
    calls: int


def arrive(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> Arrived:
    clock, outcomes = Clock(datetime.fromisoformat(sample.expected["now"])), list[Outcome]()

    class Kept(Service):
        """What left the service, before a platform shortened it."""

        def _delivered(self, envelope: Any, settled: Any) -> Any:
            outcomes.extend(outcome for outcome, _ in settled)
            return super()._delivered(envelope, settled)

    with Sandbox(clock=clock, well_behaved=True) as sandbox:
        service = Kept(load(environ(sandbox)), clock)
        monkeypatch.setattr(aws_lambda, "service", lambda: service)
        try:
            answer = getattr(aws_lambda, sample.expected["as"])(sample.event, Context())
        except Redeliver as error:
            answer = error.answer
        finally:
            service.close()
        bodies = [each.body for each in sandbox.posts()]
        return Arrived(answer, outcomes, [body["checkpoint"] for body in bodies], len(sandbox.exchanges))


def excluded(post: Mapping[str, Any]) -> set[str]:
    details = post["parameters"].get("resource_details", [])
    return {volume for each in details for volume in each.get("extra_info", {}).get("exclude_volumes", [])}


def asked(post: Mapping[str, Any]) -> set[str]:
    parameters = post["parameters"]
    return {*parameters.get("resources", []), *(each["id"] for each in parameters.get("resource_details", []))}


def fits(outcome: Outcome, wanted: Mapping[str, Any], posts: list[dict[str, Any]]) -> bool:
    said = outcome.to_dict()
    if any(said[key] != wanted[key] for key in JUDGED if key in wanted):
        return False
    if wanted.get("message_has", "") not in outcome.message:
        return False
    if outcome.word != "created":
        return True
    (post,) = [post for post in posts if post["parameters"]["name"] == outcome.name]
    return asked(post) == set(wanted.get("resources", [])) and excluded(post) == set(wanted.get("exclude_volumes", []))


SAMPLES = list(samples())


def test_every_outcome_has_its_event() -> None:
    assert len(SAMPLES) > 100
    for outcome in EVENTS.glob("*/*.outcome.json"):
        assert outcome.with_name(outcome.name.replace(".outcome", "")).exists(), outcome


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_an_event_comes_to_what_its_outcome_file_says(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sample.document is not None, f"events/{sample.name}.outcome.json is missing: what must come of it?"
    arrived = arrive(sample, monkeypatch)
    expected = sample.expected
    over_http = "statusCode" in arrived.answer
    assert over_http == (isinstance(sample.event, dict) and "requestContext" in sample.event)
    status = arrived.answer["statusCode"] if over_http else arrived.answer["status"]
    assert status == expected["status"], [outcome.message for outcome in arrived.outcomes]
    left = list(expected["outcomes"])
    for outcome in arrived.outcomes:
        fitting = [each for each in left if fits(outcome, each, arrived.posts)]
        assert fitting, (outcome.to_dict(), left)
        left.remove(fitting[0])
    assert left == []
    assert len(arrived.posts) == sum(outcome.word == "created" for outcome in arrived.outcomes)
    if all(outcome.word == "refused" and outcome.reason != "resource_not_held" for outcome in arrived.outcomes):
        assert arrived.calls == 0
    if expected["sender"]:
        told = {outcome.sender for outcome in arrived.outcomes if outcome.reason != "bad_proof"}
        assert told <= {expected["sender"]}

"""Whose proof is missing or wrong is said to the operator, for each sender apart, and to nobody who is not proven."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from handlers.answers import http_response
from handlers.envelope import Envelope, Http
from handlers.service import Service
from tests.scripted import PUBLISH, World, world_in

SENDERS = """
[senders.am]
dialect = "alertmanager"
proof = "bearer"
secret = "env:AM"

[senders.hub]
dialect = "generic"
paths = { identity = ["id"] }
proof = "hmac"
scheme = "github"
secret = "env:HUB"
"""
SECRETS = {"AM": "a-secret-of-the-alertmanager", "HUB": "a-secret-of-the-repository-hub"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as made:
        made.write_rules(more=SENDERS)
        yield made


@pytest.fixture
def service(world: World) -> Service:
    return world.service(world.environ(**SECRETS))


def post(service: Service, name: str, number: int) -> bytes:
    """What the sender of that name hears, without the delivery's own id."""
    headers = {"content-type": "application/json", "authorization": "Bearer something-else-that-is-long"}
    http = Http("POST", f"/alert/{name}", headers, b"{}")
    answer = http_response(service.handle(Envelope("alert", "web", f"delivery-{number}", None, 25.0, http)))
    return str(answer).replace(f"delivery-{number}", "").encode()


def told(world: World) -> list[str]:
    return [json.loads(json.loads(seen.body)["message_structure"])["default"] for seen in world.door.came(PUBLISH)]


def test_a_stranger_who_probes_does_not_hide_a_sender_whose_secret_is_wrong(world: World, service: Service) -> None:
    for number in range(20):
        post(service, f"guessed-{number}", number)
    for name in ("am", "hub", "am", "hub"):
        post(service, name, 20)
    stranger, am, hub = told(world)
    assert "Came to: alert am\n" in am
    assert "Why: Authorization is not Bearer with its secret; see restore-point sign\n" in am
    assert "Came to: alert hub\n" in hub
    assert "Why: no signature of this body by one of its secrets is where its scheme says; see restore-point sign\n" in hub
    assert "Came to: alert\n" in stranger
    assert "Why: there is no [senders.…] of that name\n" in stranger
    assert "guessed" not in stranger


def test_its_message_says_in_its_subject_who_is_meant(world: World, service: Service) -> None:
    post(service, "am", 1)
    (seen,) = world.door.came(PUBLISH)
    assert json.loads(seen.body)["subject"] == "Restore point REFUSED (bad_proof, alert am)"


def test_who_is_not_proven_cannot_tell_a_name_that_exists_from_one_that_does_not(service: Service) -> None:
    assert len({post(service, name, number) for number, name in enumerate(("am", "hub", "no-such-sender"))}) == 1


def test_what_is_refused_before_the_proof_is_told_with_the_name_in_its_address(world: World, service: Service) -> None:
    http = Http("DELETE", "/alert/am", {}, b"")
    service.handle(Envelope("alert", "web", "delivery-1", None, 25.0, http))
    (message,) = told(world)
    assert "Outcome: refused (method)\nCame to: alert am\n" in message


def test_the_log_line_says_whom_it_was_for(world: World, service: Service) -> None:
    post(service, "am", 1)
    (line,) = world.deliveries()
    (refused,) = line["restore_points"]
    assert (refused["sender"], refused["reason"]) == ("am", "bad_proof")

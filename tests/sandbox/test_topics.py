"""Publishing to SMN: the limits and error codes of its API reference."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers.sandbox import estate

URN = estate.TOPIC_URN


def publish(client: Any, body: Any, urn: str = URN, **options: Any) -> Any:
    path = f"/v2/{estate.PROJECT_ID}/notifications/topics/{urn}/publish"
    return client.call("POST", path, body, **options)


@pytest.mark.parametrize("urn", [URN, URN.replace(":", "%3A")])
def test_a_message_is_taken_and_kept(client: Any, sandbox: Any, urn: str) -> None:
    answer = publish(client, {"subject": "done", "message": "Grüße", "time_to_live": "3600"}, urn)
    assert answer.status == 200
    assert answer.json.keys() == {"request_id", "message_id"}
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]
    (message,) = sandbox.published
    assert (message["topic_urn"], message["subject"], message["message"]) == (URN, "done", "Grüße")
    assert message["message_id"] == answer.json["message_id"]


def test_the_same_message_twice_is_two_messages(client: Any, sandbox: Any) -> None:
    ids = {publish(client, {"message": "m"}).json["message_id"] for _ in range(2)}
    assert len(ids) == len(sandbox.published) == 2


def test_a_structure_wins_over_template_and_message(client: Any, sandbox: Any) -> None:
    """As recorded from the official SDK, which sends all of them."""
    structure = json.dumps({"default": "d", "email": "e"})
    body = {
        "subject": "s",
        "message_structure": structure,
        "message_template_name": "t",
        "message": "m",
        "tags": {"k": "v"},
        "time_to_live": "60",
        "locale": "en-us",
    }
    assert publish(client, body).status == 200
    assert sandbox.published[0]["message"] == "d"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 403, "SMN.0009"),
        (b"", 403, "SMN.0009"),
        ({"message": ""}, 403, "SMN.0009"),
        ({"message": 7}, 403, "SMN.0009"),
        ({"message": "ü" * (128 * 1024 + 1)}, 403, "SMN.0009"),
        ({"message": "m", "subject": "ü" * 257}, 403, "SMN.0008"),
        ({"message": "m", "subject": 7}, 403, "SMN.0008"),
        ({"message_structure": "no json"}, 400, "SMN.0021"),
        ({"message_structure": json.dumps({"email": "e"})}, 400, "SMN.0021"),
        ({"message_structure": {"default": "d"}}, 400, "SMN.0021"),
        ({"message_structure": json.dumps({"default": "d" * 256 * 1024})}, 400, "SMN.0021"),
        ({"message_template_name": "t", "message": "m"}, 404, "SMN.0027"),
        ({"message": "m", "tags": {str(n): "v" for n in range(91)}}, 403, "SMN.0075"),
        ({"message": "m", "tags": {"k" * 22: "v"}}, 400, "SMN.0038"),
        ({"message": "m", "tags": {"k": 7}}, 400, "SMN.0038"),
        ({"message": "m", "tags": {"k": "v" * 1025}}, 403, "SMN.0047"),
        ({"message": "m", "time_to_live": 3600}, 403, "SMN.0009"),
        ({"message": "m", "time_to_live": "604801"}, 403, "SMN.0009"),
    ],
)
def test_a_bad_message_is_refused_and_not_kept(client: Any, sandbox: Any, body: Any, status: int, code: str) -> None:
    answer = publish(client, body)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.json.keys() == {"request_id", "code", "message"}
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]
    assert sandbox.published == []


@pytest.mark.parametrize(
    "body",
    [
        {"message": "m" * 256 * 1024},
        {"message": "m", "subject": "s" * 512},
        {"message": "m", "tags": {str(n) + "k" * 19: "v" * 1024 for n in range(90)}},
        {"message": "m", "time_to_live": "604800"},
        {"message": "\ud83d"},
    ],
)
def test_the_limits_themselves_are_good(client: Any, body: Any) -> None:
    assert publish(client, body).status == 200


@pytest.mark.parametrize(
    ("urn", "status", "code"),
    [
        (URN + "2", 404, "SMN.0006"),
        ("restore-points", 400, "SMN.0005"),
        ("urn:sns:sandbox-1:1:restore-points", 400, "SMN.0005"),
    ],
)
def test_other_topics(client: Any, urn: str, status: int, code: str) -> None:
    answer = publish(client, {"message": "m"}, urn)
    assert (answer.status, answer.json["code"]) == (status, code)


def test_nobody_publishes_without_credentials(client: Any, sandbox: Any) -> None:
    answer = publish(client, {"message": "m"}, signed=False)
    assert (answer.status, answer.json["error_code"]) == (401, "APIGW.0301")
    assert sandbox.published == []

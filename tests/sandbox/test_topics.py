"""Publishing to SMN: the limits and error codes of its API reference."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers.sandbox import estate
from handlers.sandbox.exchange import Request
from handlers.sandbox.topics import Topics

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


PATH = f"/v2/{estate.PROJECT_ID}/notifications"


def code(answer: Any) -> tuple[int, str]:
    assert answer.json.keys() == {"request_id", "code", "message"}
    return answer.status, answer.json["code"]


class TestATopic:
    def test_is_created_once(self, client: Any, sandbox: Any, clock: Any) -> None:
        first = client.call("POST", f"{PATH}/topics", {"name": "alarms", "display_name": "Alarms"})
        urn = f"urn:smn:{estate.REGION}:{estate.PROJECT_ID}:alarms"
        assert (first.status, first.json["topic_urn"]) == (201, urn)
        assert first.json["request_id"] == first.headers["X-Request-Id"]
        clock.forward(60)
        again = client.call("POST", f"{PATH}/topics", {"name": "alarms", "display_name": "another"})
        assert (again.status, again.json["topic_urn"]) == (200, urn)
        shown = client.call("GET", f"{PATH}/topics/{urn}").json
        del shown["request_id"]
        assert shown == {
            "topic_urn": urn,
            "name": "alarms",
            "display_name": "Alarms",
            "push_policy": 0,
            "create_time": "2026-11-23T07:04:51Z",
            "update_time": "2026-11-23T07:04:51Z",
        }
        assert publish(client, {"message": "m"}, urn).status == 200
        assert sandbox.published[0]["topic_urn"] == urn

    def test_stands_in_the_list_newest_first(self, client: Any) -> None:
        for number in range(3):
            client.call("POST", f"{PATH}/topics", {"name": f"t{number}"})
        whole = client.call("GET", f"{PATH}/topics").json
        assert [row["name"] for row in whole["topics"]] == ["t2", "t1", "t0", "restore-points"]
        assert whole["topics"][0].keys() == {"topic_urn", "name", "display_name", "push_policy", "enterprise_project_id"}
        page = client.call("GET", f"{PATH}/topics?offset=1&limit=2").json
        assert ([row["name"] for row in page["topics"]], page["topic_count"]) == (["t1", "t0"], 4)

    @pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "offset=-1", "offset=x"])
    def test_has_no_such_page(self, client: Any, query: str) -> None:
        assert code(client.call("GET", f"{PATH}/topics?{query}")) == (400, "SMN.0015")

    def test_is_gone_when_deleted(self, client: Any) -> None:
        answer = client.call("DELETE", f"{PATH}/topics/{URN}")
        assert (answer.status, answer.json.keys()) == (200, {"request_id"})
        for again in (
            client.call("DELETE", f"{PATH}/topics/{URN}"),
            client.call("GET", f"{PATH}/topics/{URN}"),
            client.call("GET", f"{PATH}/topics/{URN}/attributes"),
            publish(client, {"message": "m"}),
        ):
            assert code(again) == (404, "SMN.0006")

    def test_has_two_attributes(self, client: Any) -> None:
        path = f"{PATH}/topics/{URN}/attributes"
        assert client.call("GET", path).json["attributes"] == {"access_policy": "", "introduction": ""}
        assert client.call("GET", f"{path}?name=introduction").json["attributes"] == {"introduction": ""}
        assert code(client.call("GET", f"{path}?name=colour")) == (400, "SMN.0046")

    @pytest.mark.parametrize(
        ("body", "wanted"),
        [
            (b"", "SMN.0002"),
            ({}, "SMN.0002"),
            ({"name": ""}, "SMN.0002"),
            ({"name": "-a"}, "SMN.0002"),
            ({"name": "a b"}, "SMN.0002"),
            ({"name": "a" * 256}, "SMN.0002"),
            ({"name": 7}, "SMN.0002"),
            ({"name": "a", "display_name": "ü" * 97}, "SMN.0003"),
            ({"name": "a", "display_name": 7}, "SMN.0003"),
        ],
    )
    def test_is_not_created_of_nonsense(self, client: Any, body: Any, wanted: str) -> None:
        assert code(client.call("POST", f"{PATH}/topics", body)) == (400, wanted)
        assert client.call("GET", f"{PATH}/topics").json["topic_count"] == 1

    def test_may_have_the_longest_names(self, client: Any) -> None:
        body = {"name": "a" * 255, "display_name": "ü" * 96}
        assert client.call("POST", f"{PATH}/topics", body).status == 201


class TestATemplate:
    def create(self, client: Any, name: str = "done", **given: Any) -> Any:
        body = {"message_template_name": name, "content": "{vault} is {what}, {what}!"} | given
        return client.call("POST", f"{PATH}/message_template", body)

    def test_fills_a_message(self, client: Any, sandbox: Any) -> None:
        created = self.create(client)
        assert created.status == 201
        assert created.json.keys() == {"request_id", "message_template_id"}
        body = {"subject": "s", "message_template_name": "done", "message": "m", "tags": {"what": "{vault}"}}
        assert publish(client, body).status == 200
        assert sandbox.published[0]["message"] == "{vault} is {vault}, {vault}!"

    def test_needs_a_text_for_the_default_protocol(self, client: Any) -> None:
        self.create(client, protocol="email")
        assert code(publish(client, {"message_template_name": "done"})) == (404, "SMN.0076")
        assert code(publish(client, {"message_template_name": "another"})) == (404, "SMN.0027")
        assert code(publish(client, {"message_template_name": "-"})) == (400, "SMN.0042")

    def test_is_listed_shown_and_deleted(self, client: Any) -> None:
        ids = [self.create(client, protocol=protocol).json["message_template_id"] for protocol in ("default", "email")]
        other = self.create(client, "other").json["message_template_id"]
        listed = client.call("GET", f"{PATH}/message_template").json
        assert listed["message_template_count"] == 3
        assert [row["message_template_id"] for row in listed["message_templates"]] == [*ids, other]
        row = listed["message_templates"][0]
        assert (row["tag_names"], row["protocol"], "content" in row) == (["vault", "what"], "default", False)
        for query, found in (
            ("message_template_name=other", [other]),
            ("protocol=email", ids[1:]),
            ("limit=1&offset=2", [other]),
        ):
            rows = client.call("GET", f"{PATH}/message_template?{query}").json["message_templates"]
            assert [row["message_template_id"] for row in rows] == found
        shown = client.call("GET", f"{PATH}/message_template/{ids[0]}").json
        assert shown["content"] == "{vault} is {what}, {what}!"
        assert client.call("DELETE", f"{PATH}/message_template/{ids[0]}").status == 200
        for method in ("GET", "DELETE"):
            assert code(client.call(method, f"{PATH}/message_template/{ids[0]}")) == (404, "SMN.0027")

    def test_is_not_created_twice(self, client: Any) -> None:
        self.create(client)
        assert code(self.create(client)) == (400, "SMN.0025")

    @pytest.mark.parametrize(
        ("given", "wanted"),
        [
            ({"message_template_name": "a" * 65}, "SMN.0032"),
            ({"message_template_name": None}, "SMN.0032"),
            ({"content": ""}, "SMN.0024"),
            ({"content": "x" * (256 * 1024 + 1)}, "SMN.0024"),
            ({"protocol": "fax"}, "SMN.0011"),
            ({"protocol": ["email"]}, "SMN.0011"),
        ],
    )
    def test_is_not_created_of_nonsense(self, client: Any, given: Any, wanted: str) -> None:
        assert code(self.create(client, **given)) == (400, wanted)

    def test_is_one_of_a_hundred_at_most(self, client: Any) -> None:
        answers = [self.create(client, f"t{number}") for number in range(101)]
        assert [answer.status for answer in answers[:100]] == [201] * 100
        assert code(answers[100]) == (400, "SMN.0044")


def test_topics_survive_a_restart() -> None:
    def ask(topics: Topics, body: Any, **segments: str) -> Any:
        request = Request(1.5, "r", "POST", "/", (), {}, json.dumps(body).encode(), {"project_id": "p", **segments})
        return topics.publish(request) if segments else topics.create(request)

    first = Topics([], region="r-1")
    ask(first, {"name": "a"})
    urn = "urn:smn:r-1:p:a"
    ask(first, {"message": "m"}, topic_urn=urn)
    second = Topics([URN], region="r-1")
    second.load(json.loads(json.dumps(first.save())))
    assert second.topics == first.topics
    assert [*second.published] == [*first.published] != []
    assert ask(second, {"message": "m"}, topic_urn=urn).document == ask(first, {"message": "m"}, topic_urn=urn).document


def test_only_the_newest_messages_are_kept() -> None:
    topics = Topics([URN])
    body = json.dumps({"message": "m"}).encode()
    for number in range(10_010):
        topics.publish(Request(float(number), "r", "POST", "/", (), {}, body, {"topic_urn": URN}))
    assert len(topics.published) == 10_000
    assert topics.published[0]["at"] == 10.0

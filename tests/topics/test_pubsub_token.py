"""Pub/Sub's token: whose it is, how long it is kept, and that nothing is published without one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import pytest

from handlers.errors import Misconfigured, NotSent, NotTold
from handlers.settings.topics import METADATA_SERVER, TopicAccess
from handlers.topics import Reach
from handlers.topics.pubsub import Tokens, pubsub_topic
from handlers.wire import in_cluster
from tests.scripted import Clock as StillClock
from tests.sockets import Peer, Server, json_reply, reply
from tests.topics.stage import GOOGLE_TOKEN, TOPIC, failed, is_a_sentence, opened, soon

if TYPE_CHECKING:
    from handlers.wire import Deadline

TAKEN = json_reply({"messageIds": ["136969346945"]})
GIVEN = {"access_token": GOOGLE_TOKEN, "expires_in": 3599, "token_type": "Bearer"}


class Cloud:
    """Pub/Sub and the metadata server; what they answer is a parameter, the last one stays."""

    def __init__(self, tokens: Sequence[bytes], answers: Sequence[bytes]) -> None:
        self.tokens, self.answers = list(tokens), list(answers)
        self.metadata, self.pubsub = Server(self._next(self.tokens)), Server(self._next(self.answers))

    @staticmethod
    def _next(answers: list[bytes]) -> Any:
        def script(peer: Peer) -> None:
            while peer.request():
                peer.send(answers.pop(0) if len(answers) > 1 else answers[0])

        return script

    def __enter__(self) -> Self:
        self.metadata.__enter__()
        self.pubsub.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.metadata.__exit__()
        self.pubsub.__exit__()

    def environ(self) -> dict[str, str]:
        return {
            "GCE_METADATA_HOST": self.metadata.origin.removeprefix("http://"),
            "RESTORE_POINT_PUBSUB_ENDPOINT": self.pubsub.origin,
        }


def given(**more: Any) -> bytes:
    return json_reply(GIVEN | more)


def test_the_token_is_the_machines_and_kept_until_shortly_before_its_end() -> None:
    clock = StillClock()
    with (
        Cloud([given(), given(access_token="ya29.the-next-one")], [TAKEN]) as cloud,
        opened({"ops": {"kind": "pubsub", "topic": TOPIC}}, cloud.environ(), clock) as topics,
    ):
        for _ in range(3):
            topics["ops"].send(failed(), soon())
        clock.forward(3599 - 226)
        topics["ops"].send(failed(), soon())
        clock.forward(2)
        topics["ops"].send(failed(), soon())
    first, second = cloud.metadata.asked
    assert (first.method, first.target) == ("GET", "/computeMetadata/v1/instance/service-accounts/default/token")
    assert first.headers["metadata-flavor"] == second.headers["metadata-flavor"] == "Google"
    proofs = [each.headers["authorization"] for each in cloud.pubsub.asked]
    assert proofs == [f"Bearer {GOOGLE_TOKEN}"] * 4 + ["Bearer ya29.the-next-one"]
    assert {each.target for each in cloud.pubsub.asked} == {f"/v1/{TOPIC}:publish"}


def test_a_token_that_is_refused_is_not_used_again() -> None:
    refused = json_reply({"error": {"code": 401, "message": f"Bad {GOOGLE_TOKEN}", "status": "UNAUTHENTICATED"}}, 401)
    with (
        Cloud([given(), given(access_token="ya29.the-next-one")], [refused, TAKEN]) as cloud,
        opened({"ops": {"kind": "pubsub", "topic": TOPIC}}, cloud.environ()) as topics,
    ):
        with pytest.raises(NotTold, match=r"401 UNAUTHENTICATED Bad \*\*\*\. The token of this machine's") as caught:
            topics["ops"].send(failed(), soon())
        topics["ops"].send(failed(), soon())
    assert GOOGLE_TOKEN not in str(caught.value)
    assert cloud.pubsub.asked[1].headers["authorization"] == "Bearer ya29.the-next-one"
    assert len(cloud.pubsub.asked) == 2


@pytest.mark.parametrize(
    "answer",
    [
        reply(404, b"no service account", reason="Not Found"),
        reply(500, b"", reason="Trouble"),
        reply(307, b"", reason="Elsewhere", Location="http://metadata.example/token"),
        reply(200, b"<html>"),
        json_reply([GIVEN]),
        given(access_token=""),
        given(access_token=None),
        given(access_token="two words"),
        given(access_token="line\r\nX-Injected: 1"),
        given(access_token="x" * 10_000),
        given(expires_in="soon"),
        given(expires_in=True),
        json_reply({"access_token": GOOGLE_TOKEN}),
    ],
)
def test_without_a_token_nothing_is_published(answer: bytes) -> None:
    with (
        Cloud([answer], [TAKEN]) as cloud,
        opened({"ops": {"kind": "pubsub", "topic": TOPIC}}, cloud.environ()) as topics,
        pytest.raises(NotTold) as caught,
    ):
        topics["ops"].send(failed(), soon())
    text = str(caught.value)
    assert TOPIC in text
    assert "there is no token" in text
    assert "service account" in text
    assert is_a_sentence(text)
    assert GOOGLE_TOKEN not in text
    assert cloud.pubsub.asked == []


class Network:
    """What carries requests, where no name is resolved: the metadata server's is Google's own."""

    users, retired = 0, False
    seen: list[tuple[str, str, dict[str, str]]]

    def __init__(self, origins: frozenset[str]) -> None:
        (self.origin,) = origins

    def exchange(
        self, method: str, url: str, headers: dict[str, str], body: bytes, deadline: Deadline
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        self.seen.append((method, url, headers))
        if self.origin == "http://metadata.google.internal":
            return 200, [("Metadata-Flavor", "Google")], json.dumps(GIVEN).encode()
        if self.origin == "https://pubsub.googleapis.com":
            return 200, [], b'{"messageIds": ["1"]}'
        raise NotSent("nobody is there")

    def close(self) -> None:
        pass


def test_without_any_variable_it_is_google_that_is_asked() -> None:
    seen: list[tuple[str, str, dict[str, str]]] = []
    network = type("Seen", (Network,), {"seen": seen})
    with opened({"ops": {"kind": "pubsub", "topic": TOPIC}}, {}, network=network) as topics:
        topics["ops"].send(failed(), soon())
    (token, publish) = seen
    assert token[:2] == ("GET", "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token")
    assert "Authorization" not in token[2]
    assert publish[:2] == ("POST", f"https://pubsub.googleapis.com/v1/{TOPIC}:publish")
    assert publish[2]["Authorization"] == f"Bearer {GOOGLE_TOKEN}"


@pytest.mark.parametrize(
    "origin",
    ["http://metadata.google.internal:80", "http://metadata.google.internal.", "http://metadata.google.internal.example",
     "http://169.254.169.254", "http://a.b.svc"],
)  # fmt: skip
def test_the_metadata_server_is_one_origin_and_no_other(origin: str) -> None:
    with pytest.raises(Misconfigured):
        Tokens(origin, Reach(StillClock()))


def test_nothing_else_may_ask_the_metadata_server() -> None:
    for plain in ({}, {"plain": in_cluster}):
        with pytest.raises(Misconfigured, match="https"):
            Reach(StillClock()).wire(METADATA_SERVER, **plain)


def test_where_a_token_is_sent_plain_http_is_refused_even_within_a_cluster() -> None:
    access = TopicAccess("http://a.b.svc", f"http://a.b.svc/v1/{TOPIC}:publish", tokens=METADATA_SERVER)
    with pytest.raises(Misconfigured, match="https"):
        pubsub_topic(access, TOPIC, Reach(StillClock()))


def test_where_there_is_no_metadata_server_the_kind_says_where_it_works() -> None:
    class Nobody(Network):
        def exchange(self, method: str, url: str, headers: Any, body: bytes, deadline: Deadline) -> Any:
            raise NotSent("metadata.google.internal could not be reached (gaierror)")

    with opened({"ops": {"kind": "pubsub", "topic": TOPIC}}, {}, network=Nobody) as topics, pytest.raises(NotTold) as caught:
        topics["ops"].send(failed(), soon())
    assert "works on Google Cloud only" in str(caught.value)
    assert is_a_sentence(str(caught.value))

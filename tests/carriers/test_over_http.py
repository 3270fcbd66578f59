"""Over HTTP under the real functions-framework server: one POST for each scheduled time or message, however often it comes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.carriers.test_entries import AM, CI, CRON, FILES, OTHER, RULES, TOKENS, at
from tests.scripted import SCHEDULE, World, world_in
from tests.web_server import Answered, WebServer

PING = "/apis/v1/namespaces/backup/pingsources/nightly"
EXECUTED = "//cloudscheduler.googleapis.com/projects/p/locations/europe-west3/jobs/nightly"
TOPIC, SUBSCRIPTION = "projects/p/topics/nightly", "projects/p/subscriptions/nightly"
ARN = "arn:aws:scheduler:eu-central-1:123456789012:schedule/default/http"
SOURCES = {"ping": PING, "executed": EXECUTED, "topic": TOPIC, "pushed": SUBSCRIPTION, "cronjob": "nightly", "arn": ARN}
MORE = "".join(
    f"""
[timers.{name}]
source = "{source}"
sender = "cron"
[[rules]]
name = "http-{name}"
timer = "{name}"
vaults = ["files"]
"""
    for name, source in SOURCES.items()
)
Sent = tuple[dict[str, str], bytes]
"""Headers and body."""


def plain(document: object) -> Sent:
    return {"Content-Type": "application/json"}, json.dumps(document).encode()


def later(time: str, attempt: int) -> str:
    """Some seconds and nanoseconds after the minute, as senders are."""
    return f"{time[:17]}{attempt:02d}.{attempt}23456789Z"


def cloud_scheduler(time: str, attempt: int) -> Sent:
    headers = {"X-CloudScheduler": "true", "X-CloudScheduler-JobName": "job", "X-CloudScheduler-ScheduleTime": time}
    return headers | {"Content-Type": "application/octet-stream", "traceparent": str(attempt)}, b"anything" * (attempt - 1)


def ping_binary(time: str, attempt: int) -> Sent:
    event = {"ce-specversion": "1.0", "ce-type": "dev.knative.sources.ping", "ce-source": PING, "ce-id": str(attempt)}
    return {"Content-Type": "application/json", **event, "ce-time": later(time, attempt)}, b'{"note": "nightly"}'


def ping_bare(time: str, attempt: int) -> Sent:
    """Without a type of content and without a body."""
    headers, _ = ping_binary(time, attempt)
    del headers["Content-Type"]
    return headers, b""


def ping_structured(time: str, attempt: int) -> Sent:
    event = {"specversion": "1.0", "type": "dev.knative.sources.ping", "source": PING, "id": str(attempt)}
    _, body = plain(event | {"time": later(time, attempt), "data": {"attempt": attempt}})
    return {"Content-Type": "application/cloudevents+json; charset=UTF-8"}, body


def executed(time: str, attempt: int) -> Sent:
    event = {"specversion": "1.0", "type": "google.cloud.scheduler.job.v1.executed", "source": EXECUTED, "id": str(attempt)}
    return plain(event | {"time": later(time, attempt), "data": {"customData": base64.b64encode(b"x").decode()}})


def message(time: str, attempt: int) -> dict[str, object]:
    return {"message": {"messageId": str(attempt), "publishTime": later(time, attempt)}, "subscription": SUBSCRIPTION}


def pushed(time: str, attempt: int) -> Sent:
    return plain(message(time, attempt) | {"deliveryAttempt": attempt})


def published(time: str, attempt: int) -> Sent:
    source = f"//pubsub.googleapis.com/{TOPIC}"
    event = {"specversion": "1.0", "type": "google.cloud.pubsub.topic.v1.messagePublished", "source": source, "id": str(attempt)}
    return plain(event | {"time": later(time, attempt), "data": message(time, attempt)})


def cronjob(time: str, attempt: int) -> Sent:
    minutes = int(datetime.fromisoformat(time).timestamp()) // 60
    headers, body = plain({"job": f"nightly-{minutes}"})
    return headers | {"Idempotency-Key": str(attempt)}, body


def own(time: str, attempt: int) -> Sent:
    return plain({"schedule": "job", "scheduled_time": time, "attempt": attempt})


def scheduler_input(time: str, attempt: int) -> Sent:
    return plain({"schedule_arn": ARN, "scheduled_time": time, "execution_id": str(attempt), "attempt_number": str(attempt)})


FORMS = [cloud_scheduler, ping_binary, ping_bare, ping_structured, executed, pushed, published, cronjob, own, scheduler_input]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The server's clock is the machine's, so the sandbox's begins there."""
    with world_in(tmp_path, datetime.now(UTC)) as made:
        made.write_rules(more=RULES + MORE)
        yield made


@pytest.fixture
def server(world: World) -> Iterator[WebServer]:
    with WebServer(world.environ(**TOKENS), world.folder) as running:
        yield running


def post(server: WebServer, sent: Sent, sender: str = "cron", bearer: str = CRON, door: str = "timer") -> Answered:
    headers, body = sent
    return server.ask("POST", f"/{door}/{sender}", headers | {"Authorization": f"Bearer {bearer}"}, body)


@pytest.mark.parametrize("form", FORMS)
def test_a_scheduled_time_is_one_post_however_often_it_comes(
    server: WebServer, world: World, form: Callable[[str, int], Sent]
) -> None:
    """Two at once, and three one after the other; then the same for another time."""
    for count, time in enumerate((at(3), at(2)), 1):
        with ThreadPoolExecutor(2) as threads:
            together = [*threads.map(lambda attempt, time=time: post(server, form(time, attempt)), (1, 2))]
        assert min(each.outcomes[0][0] for each in together) == "created"
        assert {each.outcomes[0][0] for each in together} <= {"created", "joined", "later"}
        for attempt in (3, 4, 5):
            again = post(server, form(time, attempt))
            assert (again.status, again.outcomes) == (200, [("joined", "already_taken")])
        assert len(world.posts()) == count
        world.clock.forward(70)
    assert len(world.sandbox.restore_points()) == 2


def test_a_timer_is_whose_it_is(server: WebServer, world: World) -> None:
    time = at(2)
    for form in FORMS:
        answer = post(server, form(time, 1), "other", OTHER)
        assert (answer.status, answer.outcomes) == (403, [("refused", "unknown_timer")]), form.__name__
        assert post(server, form(time, 1), "am", AM).status == 401
        assert post(server, form(time, 1), "cron", OTHER).status == 401
    platforms = plain({"schedule": SCHEDULE, "scheduled_time": time})
    assert (post(server, platforms).status, post(server, platforms, "other", OTHER).status) == (403, 403)
    assert world.posts() == []


def test_headers_of_a_scheduler_alone_prove_nothing_and_say_when(server: WebServer, world: World) -> None:
    headers, body = cloud_scheduler(at(2), 1)
    assert server.ask("POST", "/timer/cron", headers, body).status == 401
    headers["Authorization"] = f"Bearer {CRON}"
    for missing in ("X-CloudScheduler-ScheduleTime", "X-CloudScheduler-JobName"):
        answer = server.ask("POST", "/timer/cron", {name: value for name, value in headers.items() if name != missing}, body)
        assert (answer.status, answer.outcomes) == (400, [("refused", "malformed")])
        assert missing in answer.json["outcomes"][0]["message"]
    assert server.ask("PUT", "/timer/cron", headers, body).status == 405
    assert world.posts() == []


def test_too_early_and_too_late_is_nothing(server: WebServer, world: World) -> None:
    now = datetime.now(UTC)
    for minutes, outcome in ((-60, ("refused", "from_the_future")), (25 * 60, ("skipped", "stale"))):
        time = (now - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:00Z")
        assert post(server, cronjob(time, 1)).outcomes == [outcome]
    assert world.posts() == []


def test_a_one_off_without_a_key_is_its_message(server: WebServer, world: World) -> None:
    """Pub/Sub delivers a message again under its own id, and counts the attempts."""
    data = base64.b64encode(json.dumps({"checkpoint": {"vault_id": FILES}}).encode()).decode()
    posts = []
    for message_id, attempt in (("a", 1), ("a", 2), ("b", 1), ("b", 2)):
        told = {"message": {"messageId": message_id, "data": data}, "subscription": SUBSCRIPTION, "deliveryAttempt": attempt}
        assert post(server, plain(told), "ci", CI, "once").status in (200, 202)
        posts.append(len(world.posts()))
        world.clock.forward(70 if (message_id, attempt) == ("a", 2) else 0)
    assert posts == [1, 1, 2, 2]
    assert len(world.sandbox.restore_points()) == 2

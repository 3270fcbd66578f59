"""How long anything takes: a request to come in, a cloud that hangs, a queue before busy threads."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from tests.scripted import BACKUPS, CREATE, Passing, World, passes, waits
from tests.server.stage import AM, CRON, HEALTH, PING, TOKENS, Client, firing, request, seconds
from tests.web_server import WebServer


def heard(port: int, first: bytes, then: bytes = b"") -> tuple[int, float]:
    """The last answer, and after how many seconds; 0: none."""
    client = Client(port, first)
    try:
        if then:
            assert client.answer()[0] == 200
            time.sleep(1)
            client.send(then)
            assert client.answer()[0] == 200
        began = time.monotonic()
        return client.answer()[0], time.monotonic() - began
    finally:
        client.close()


def test_who_is_too_late_is_cut_and_hears_it_where_it_said_something(shared: WebServer) -> None:
    starts = (b"", b"POST /alert/am HTTP/1.1\r\n", request(b"{", length=9), HEALTH.replace(b"Host", b"Connection: close\r\nHost"))
    with ThreadPoolExecutor(len(starts) + 1) as threads:
        second = threads.submit(heard, shared.port, HEALTH, HEALTH + HEALTH[:20])
        silent, head, body, good = threads.map(lambda each: heard(shared.port, each), starts)
    assert [silent[0], head[0], body[0], good[0], second.result()[0]] == [0, 408, 408, 200, 408]
    assert max(silent[1], head[1], second.result()[1]) < 7
    assert 9 < body[1] < 13
    assert shared.deliveries[-1]["restore_points"][0]["reason"] == "too_slow"  # a body's lateness has its line in the log


def test_a_cloud_that_hangs_is_no_reason_to_answer_a_webhook_late(server: WebServer, world: World) -> None:
    """SMN waits for five seconds. The timer has longer."""
    world.door.on(BACKUPS, waits, always=True)
    world.door.on(CREATE, waits, always=True)
    began = time.monotonic()
    answer = server.post("/alert/am", firing(), AM)
    assert time.monotonic() - began < 4.5
    assert (answer.status, answer.outcomes[0][0]) == (202, "later")
    world.door.calm()
    answer = server.post("/watch/ci", b"", TOKENS["CI_TOKEN"])
    assert answer.status == 200


def test_what_waited_for_a_thread_has_that_much_less_time(world: World) -> None:
    """Nine alerts to two threads and a cloud that hangs: the last begins when its sender has nearly given up."""
    world.door.on(BACKUPS, waits, always=True)
    with WebServer(world.environ(**TOKENS, THREADS="2"), world.folder) as server, ThreadPoolExecutor(9) as threads:
        before = time.monotonic()
        answers = [*threads.map(lambda number: server.post("/alert/am", firing(f"h{number}"), AM), range(9))]
        took = time.monotonic() - before
        assert {(each.status, each.outcomes[0][0]) for each in answers} == {(202, "later")}
        assert took < 11  # and not five times four seconds
        assert seconds(lambda: server.ask("GET", "/healthz")) < 3


def test_a_timer_has_no_webhooks_hurry(server: WebServer, world: World) -> None:
    """An answer after more than four seconds is taken, as CBR under load gives it."""

    def slowly(it: Passing) -> None:
        time.sleep(4.2)
        passes(it)

    world.door.on(CREATE, slowly)
    event = {"ce-specversion": "1.0", "ce-type": "dev.knative.sources.ping", "ce-source": PING, "ce-id": "1"}
    headers = {**event, "ce-time": world.clock.now().strftime("%FT%T.123456789Z"), "Authorization": f"Bearer {CRON}"}
    answer = server.ask("POST", "/timer/cron", headers, b"")
    assert (answer.status, answer.outcomes[0][0]) == (200, "created")
    assert len(world.posts()) == 1

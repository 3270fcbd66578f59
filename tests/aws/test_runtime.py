"""What Lambda does to a process: it freezes it between events, kills it at the deadline, and brings its event again.

The functions run under the real runtime client, against an emulated Runtime API; CBR is a sandbox behind a door, on real sockets.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from handlers.ledger import Ledger
from handlers.wire import IDLE_SECONDS
from tests.ledger.servers import open_at
from tests.many.cloud import Moving, environ_of, sandbox_of, vault_id
from tests.runtime_api import LambdaFunction
from tests.scripted import CREATE, PUBLISH, SCHEDULE, Passing, World, event, world_in

GONE = "00000000-0000-4000-8000-000000000000"
OTHER = f"""
[timers.other]
source = "{SCHEDULE}-other"
[[rules]]
name = "other"
timer = "other"
vaults = ["files"]
"""
MANY = """
[projects.cloud]
requests_per_second = 200
[timers.many]
source = "arn:aws:scheduler:eu-central-1:123456789012:schedule/default/nightly"
[[rules]]
name = "many"
timer = "many"
vaults = {names}
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The function's clock is the machine's, so the sandbox's begins there."""
    with world_in(tmp_path, datetime.now(UTC)) as made:
        yield made


def at(minutes: int) -> dict[str, str]:
    return event(datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=minutes))


@pytest.mark.parametrize("seconds", [0.5, IDLE_SECONDS + 0.3])
def test_what_was_frozen_uses_no_connection_of_before(world: World, seconds: float) -> None:
    """Closed by the other side meanwhile, or so old that it will be: a POST on such a connection would be unclear."""
    came: list[int] = []

    def noted(it: Passing) -> None:
        it.say(*it.forward())
        came.append(it.connection)

    def last(it: Passing) -> None:
        noted(it)
        if seconds < IDLE_SECONDS:
            it.hang_up()

    world.write_rules("erp", more=OTHER)
    world.door.on(CREATE, noted, noted)
    world.door.on(PUBLISH, last, last)
    with LambdaFunction("handlers.aws_lambda.timer", env=world.environ()) as timer:
        answers = [timer.invoke(at(0))]
        timer.freeze()
        time.sleep(seconds)
        timer.thaw()
        answers.append(timer.invoke(at(0) | {"schedule_arn": SCHEDULE + "-other"}))
    assert [each["outcome"] for answer in answers for each in answer.payload["outcomes"]] == ["created", "created"]
    assert len(world.posts()) == 2
    assert len(came) == 4
    assert not {*came[:2]} & {*came[2:]}


def test_a_run_killed_at_its_deadline_is_joined_by_lambdas_next_try(world: World) -> None:
    """It stood still from the POST on, as a process does that gets no processor any more, and so could not end in time."""
    with LambdaFunction("handlers.aws_lambda.timer", env=world.environ(RESTORE_POINT_SETTLE_SECONDS="0")) as timer:

        def stands_still(it: Passing) -> None:
            answer = it.forward()
            timer.freeze()
            it.say(*answer)

        world.door.on(CREATE, stands_still)
        fired = at(0)
        killed = timer.invoke(fired, timeout=8)
        assert killed.error is not None
        assert killed.error["errorType"] == "Sandbox.Timedout"
        with closing(open_at(world.environ(), time.time)) as ledger:
            time.sleep(max(claim_ends(ledger) - time.time(), 0))
        again = timer.invoke(fired, timeout=8, request_id=killed.request_id)
        warm = timer.invoke(fired, timeout=8, request_id=killed.request_id)
    assert [answer.payload["outcomes"][0]["outcome"] for answer in (again, warm)] == ["joined", "joined"]
    assert again.payload["outcomes"][0]["checkpoint_id"] == world.sandbox.restore_points()[0]["id"]
    assert len(world.posts()) == 1


def claim_ends(ledger: Ledger) -> float:
    (record,) = ledger.since("wish", 0)
    return float(json.loads(record.body)["claim_ends"])


class _Queue(BaseHTTPRequestHandler):
    """As SQS answers SendMessageBatch; it keeps the bodies."""

    server: Queue

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies += [each["MessageBody"] for each in asked["Entries"]]
        body = json.dumps({"Successful": [{"Id": each["Id"]} for each in asked["Entries"]]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Queue(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Queue)
        self.bodies: list[str] = []
        self._serving = Thread(target=self.serve_forever, args=(0.02,))
        self._serving.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/000000000000/wishes"

    def stop(self) -> None:
        self.shutdown()
        self._serving.join()
        self.server_close()


def batch(bodies: list[str], first: int = 0) -> dict[str, Any]:
    """As Lambda hands it over."""
    about = {
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:wishes",
        "awsRegion": "eu-central-1",
    }
    return {"Records": [{"messageId": f"m-{first + number}", "body": body, **about} for number, body in enumerate(bodies)]}


def test_a_batch_of_ten_with_one_poison_hands_back_the_poison_alone(tmp_path: Path) -> None:
    """Under the runtime client: cold, then warm with the same batch again, then in a process of its own."""
    vaults = {f"v{number}": vault_id(number) for number in range(39)} | {"gone": GONE}
    tables = "".join(f'[vaults.{name}]\nid = "{each}"\n' for name, each in vaults.items())
    sandbox, queue = sandbox_of(39, Moving()).start(), Queue()
    try:
        environ = environ_of(sandbox, tmp_path, tables + MANY.format(names=json.dumps([*vaults])))
        environ |= {"RESTORE_POINT_LEDGER": f"sqlite:{tmp_path / 'ledger.sqlite3'}", "RESTORE_POINT_QUEUE": f"sqs:{queue.url}"}
        with (
            LambdaFunction("handlers.aws_lambda.timer", env=environ) as timer,
            LambdaFunction("handlers.aws_lambda.worker", env=environ) as worker,
            LambdaFunction("handlers.aws_lambda.worker", env=environ) as other,
        ):
            queued = timer.invoke(at(0)).payload["outcomes"]
            assert (len(queued), len(queue.bodies), sandbox.posts()) == (40, 40, [])
            ten = [json.dumps({"wishes": [each["cause"]]}) for each in queued[-10:]]
            poison = f"m-{[each['vault_id'] for each in queued[-10:]].index(GONE)}"
            assert worker.invoke(batch(ten)).payload == {"batchItemFailures": [{"itemIdentifier": poison}]}
            made = [each["vault_id"] for each in sandbox.restore_points()]
            assert len(made) == len(set(made)) == 9
            for again in (worker, other):
                answer = again.invoke(batch(ten, 10))
                assert answer.error is None
                assert len(answer.payload["batchItemFailures"]) <= 1
        assert [each["vault_id"] for each in sandbox.restore_points()] == made
        assert sum(each.body["checkpoint"]["vault_id"] != GONE for each in sandbox.posts()) == 9
    finally:
        queue.stop()
        sandbox.stop()

"""Several faults at once, and what is left when something fails that should not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers.sandbox import Sandbox, estate
from handlers.sandbox.doors import Doors
from handlers.sandbox.exchange import Reply, Request
from handlers.sandbox.front import Front
from handlers.sandbox.routes import Route, Table
from tests.sandbox.plain import PROJECT, Plain


def test_an_answer_that_is_no_json_any_more_has_no_id_to_lose(sandbox: Sandbox, plain: Plain) -> None:
    sandbox.faults.add("no_id", "status:when=after")
    assert plain.create().status == 502
    (post,) = sandbox.posts()
    assert (post.fault, post.status, post.done, post.applied) == ("no_id+status", 502, 200, True)
    assert len(sandbox.restore_points()) == sandbox.counts.applied == 1


def test_nor_has_one_with_something_else_in_it(sandbox: Sandbox, plain: Plain) -> None:
    sandbox.faults.add("no_id", "envelope:when=after")
    assert plain.create().status == 400
    assert sandbox.posts()[0].applied


@pytest.mark.parametrize("wire", ["delay:seconds=0", "drip:seconds=0", "close_idle", "truncate", "wrong_length"])
@pytest.mark.parametrize(("answer", "end"), [("reset", "reset"), ("hang", "silent")])
def test_of_two_faults_the_worse_shows(sandbox: Sandbox, plain: Plain, wire: str, answer: str, end: str) -> None:
    sandbox.faults.add(f"{wire}{',' if ':' in wire else ':'}method=POST", f"late_apply:answer={answer}")
    came = plain.create(patience=0.2)
    assert (came.raw, came.end) == (b"", end)
    assert sandbox.exchanges[-1].status == 0


def test_a_page_in_place_of_an_answer_that_is_lost_is_lost(sandbox: Sandbox, plain: Plain) -> None:
    sandbox.faults.add("html", "late_apply:answer=reset")
    assert plain.create().end == "reset"


def test_a_reset_is_worse_than_a_page_late(sandbox: Sandbox, plain: Plain) -> None:
    sandbox.faults.add("reset_after", "late_apply")
    assert plain.create().end == "reset"


def test_a_service_that_fails_is_a_500_and_on_record(clock: Any) -> None:
    def fail(_: Request) -> Reply:
        raise ZeroDivisionError

    front = Front(Doors(estate.PROJECT_ID, {}), clock)
    front.table = Table([Route("POST", f"{PROJECT}/checkpoints", fail, guarded=False)])
    answer = front.answer("POST", f"{PROJECT}/checkpoints?a=b", {}, b"{}")
    assert (answer.status, json.loads(answer.payload)["error_code"]) == (500, "APIGW.0601")
    (seen,) = front.record
    assert (seen.status, seen.done, seen.path, seen.query) == (500, 500, f"{PROJECT}/checkpoints", (("a", "b"),))
    assert (front.record.counts.posts, front.record.counts.applied) == (1, 0)


BODILESS = ["array", "gzip_bomb:megabytes=1", "html:code=204", "not_json:code=304", "html:code=205", "status:code=204,when=after"]


@pytest.mark.parametrize("fault", BODILESS)
def test_nothing_follows_an_answer_that_can_have_no_body(sandbox: Sandbox, plain: Plain, clock: Any, fault: str) -> None:
    plain.create()
    clock.forward(60)
    (backup,) = plain.list().json["backups"]
    sandbox.faults.add(f"{fault}{',' if ':' in fault else ':'}method=DELETE")
    came = plain.call("DELETE", f"{PROJECT}/backups/{backup['id']}")
    assert (came.status in {204, 205, 304}, came.body) == (True, b"")
    assert not {"content-type", "content-encoding"} & came.headers.keys()
    assert plain.list("vaults").status == 200  # the next answer begins where it should


def test_an_array_around_nothing_is_an_answer(sandbox: Sandbox, plain: Plain) -> None:
    sandbox.faults.add("array:when=before")
    came = plain.create()
    assert (came.status, came.json) == (200, [None])
    assert (sandbox.exchanges[-1].status, sandbox.exchanges[-1].done) == (200, 0)

"""Faults of the gateway, how a fault is asked for, how often it strikes, and the control path."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers.errors import Misconfigured
from handlers.sandbox import Sandbox
from handlers.sandbox.faults import KINDS, Faults, read
from tests.sandbox.plain import CREATE, PROJECT, Plain


def last(sandbox: Sandbox) -> tuple[str, int, int]:
    seen = sandbox.exchanges[-1]
    return seen.fault, seen.status, seen.done


class TestTheGateway:
    @pytest.mark.parametrize("code", [502, 503, 504])
    @pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
    def test_a_proxys_page(self, sandbox: Sandbox, plain: Plain, code: int, when: str, made: int) -> None:
        sandbox.faults.add(f"status:code={code},when={when}")
        came = plain.create()
        assert (came.status, came.headers["content-type"]) == (code, "text/html")
        assert came.body.startswith(b"<html>")
        assert "x-request-id" not in came.headers
        assert (last(sandbox), len(sandbox.restore_points())) == (("status", code, 200 * made), made)

    @pytest.mark.parametrize(
        ("fault", "status", "code"),
        [
            ("unauthorized", 401, "APIGW.0301"),
            ("token_expired", 401, "APIGW.0307"),
            ("forbidden", 403, "APIGW.0302"),
            ("throttle", 429, "APIGW.0308"),
        ],
    )
    def test_refusals_in_its_envelope(self, sandbox: Sandbox, plain: Plain, fault: str, status: int, code: str) -> None:
        sandbox.faults.add(fault)
        came = plain.create()
        assert (came.status, came.json["error_code"]) == (status, code)
        assert came.body.endswith(b"}\n")
        assert came.json["request_id"] == came.headers["x-request-id"]
        assert (last(sandbox), sandbox.restore_points()) == ((fault, status, 0), [])
        assert plain.create().status == 200  # once

    def test_the_401_that_means_not_found(self, sandbox: Sandbox, plain: Plain) -> None:
        sandbox.faults.add("malformed_url")
        came = plain.list("backups")
        assert (came.status, came.json) == (401, {"unauthorized": {"code": "401", "message": "Malformed request url"}})

    @pytest.mark.parametrize(
        ("style", "keys"),
        [
            ("cbr", {"error_code", "error_msg"}),
            ("gateway", {"error_code", "error_msg", "request_id"}),
            ("iam", {"error"}),
            ("smn", {"code", "message", "request_id"}),
        ],
    )
    def test_each_envelope(self, sandbox: Sandbox, plain: Plain, style: str, keys: set[str]) -> None:
        sandbox.faults.add(f"envelope:style={style},code=418")
        came = plain.create()
        assert (came.status, set(came.json)) == (418, keys)
        if style == "iam":
            assert came.json["error"]["code"] == 418

    @pytest.mark.parametrize(
        ("style", "status", "code"),
        [
            ("cbr", 400, "BackupService.9900"),
            ("cbr", 500, "BackupService.9910"),
            ("cbr", 404, "BackupService.4001"),
            ("gateway", 400, "APIGW.0201"),
            ("gateway", 504, "APIGW.0201"),
            ("gateway", 503, "APIGW.0613"),
            ("smn", 400, "SMN.0002"),
            ("smn", 500, "SMN.0018"),
        ],
    )
    def test_the_code_goes_with_the_status(self, sandbox: Sandbox, plain: Plain, style: str, status: int, code: str) -> None:
        sandbox.faults.add(f"envelope:style={style},code={status}")
        came = plain.create()
        assert (came.status, came.json.get("error_code", came.json.get("code"))) == (status, code)

    def test_a_huge_error(self, sandbox: Sandbox, plain: Plain) -> None:
        sandbox.faults.add("huge_error:bytes=65536")
        came = plain.create()
        assert (came.status, len(came.json["error_msg"])) == (500, 65536)

    def test_an_error_in_chinese(self, sandbox: Sandbox, plain: Plain) -> None:
        sandbox.faults.add("chinese_error")
        assert any("\u4e00" <= letter <= "\u9fff" for letter in plain.create().json["error_msg"])

    @pytest.mark.parametrize(
        ("how", "expected"),
        [
            ("none", None),
            ("seconds", "30"),
            ("date", "Mon, 23 Nov 2026 07:05:21 GMT"),
            ("negative", "-30"),
            ("huge", "1000000000"),
        ],
    )
    def test_when_to_come_again(self, sandbox: Sandbox, plain: Plain, how: str, expected: str | None) -> None:
        sandbox.faults.add(f"throttle:retry_after={how}")
        assert plain.create().headers.get("retry-after") == expected

    def test_so_many_a_minute_by_one_user(self, sandbox: Sandbox, plain: Plain, another: Any, clock: Any) -> None:
        sandbox.faults.add("throttle:limit=3")
        assert [plain.list("vaults").status for _ in range(5)] == [200, 200, 200, 429, 429]
        assert another().cbr("GET", "/vaults").status == 429  # by their access key they are the same user
        text = plain.list("vaults").json["error_msg"]
        assert text == "The throttling threshold has been reached: policy user over ratelimit,limit:3,time:1 minute"
        clock.forward(60)
        assert [plain.list("vaults").status for _ in range(4)] == [200, 200, 200, 429]
        assert sandbox.faults.rows()[0]["struck"] == 5

    def test_nobody_is_counted_who_was_not_let_in(self, sandbox: Sandbox, plain: Plain) -> None:
        sandbox.faults.add("throttle:limit=1")
        stranger = Plain(sandbox)
        assert [stranger.list("vaults").status for _ in range(3)] == [401] * 3
        assert plain.list("vaults").status == 200
        stranger.close()


class TestAsking:
    def test_by_text_and_by_document_it_is_the_same(self) -> None:
        text = read("late_apply:after=90,answer=reset,times=2,chance=0.5,method=post,path=/checkpoints", "--fault")
        document = {"kind": "late_apply", "after": 90, "answer": "reset", "times": 2, "chance": 0.5}
        assert text == read(document | {"method": "POST", "path": "/checkpoints"}, "faults")

    @pytest.mark.parametrize("kind", KINDS)
    def test_every_kind_can_be_asked_for_with_nothing_more(self, kind: str) -> None:
        assert read(kind, "--fault") == read({"kind": kind}, "--fault")

    @pytest.mark.parametrize("asked", [{}, {"fault": "drip"}, [{"kind": "drip"}, {}], ""])
    def test_without_a_kind(self, sandbox: Sandbox, plain: Plain, asked: Any) -> None:
        came = plain.control("POST", "/faults", asked)
        assert (came.status, came.json["error"]) == (400, "kind is missing; --fault list shows all kinds")
        assert sandbox.faults.rows() == []

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ("reset_aftr", "'reset_aftr' is no kind of fault (did you mean 'reset_after'?); --fault list shows them all"),
            ("", "kind is missing; --fault list shows all kinds"),
            ("drip:second=1", "drip has no 'second' (did you mean 'seconds'?)"),
            ("drip:seconds=soon", "drip:seconds must be a number"),
            ("drip:seconds=nan", "drip:seconds must be between 0 and 1e+09"),
            ("drip:times=2.5", "drip:times must be a whole number"),
            ("drip:times=-1", "drip:times must be between 0 and 1e+09"),
            ("drip:chance=2", "drip:chance must be between 0 and 1"),
            ("status:code=99", "status:code must be a status between 200 and 599"),
            ("redirect:code=300", "redirect:code must be one of 302, 301, 307, 308"),
            ("redirect:to=http://example.com/", "redirect:to must be an address on loopback"),
            ("redirect:to=http://[::1", "redirect:to must be an address on loopback"),
            ("throttle:retry_after=later", "throttle:retry_after must be one of none, seconds, date, negative, huge"),
            ("hang:when=now", "hang:when must be one of after, before"),
            ("gzip_bomb:megabytes=99999", "gzip_bomb:megabytes must be between 1 and 2000"),
        ],
    )
    def test_what_is_wrong_is_named_with_what_is_nearest(self, wrong: str, said: str) -> None:
        with pytest.raises(Misconfigured) as caught:
            Sandbox(faults=[wrong])
        assert str(caught.value).startswith(f"faults: {said}")

    @pytest.mark.parametrize("wrong", [{"kind": "drip", "seconds": True}, {"kind": "drip", "times": 1.5}, {"kind": ["drip"]}, {}])
    def test_documents_are_read_as_strictly(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(Misconfigured):
            Faults().add(wrong)

    def test_of_several_none_is_added_if_one_is_wrong(self) -> None:
        faults = Faults()
        with pytest.raises(Misconfigured):
            faults.add("drip", "dripp")
        assert faults.rows() == []


class TestHowOften:
    def test_once_unless_told_otherwise(self, sandbox: Sandbox, plain: Plain) -> None:
        sandbox.faults.add("unauthorized")
        assert [plain.list("vaults").status for _ in range(3)] == [401, 200, 200]

    def test_so_many_times_and_for_ever(self, sandbox: Sandbox, plain: Plain) -> None:
        sandbox.faults.add("unauthorized:times=2", "forbidden:times=0")
        assert [plain.list("vaults").status for _ in range(5)] == [401, 401, 403, 403, 403]
        assert [row["struck"] for row in sandbox.faults.rows()] == [2, 3]
        sandbox.faults.clear()
        assert plain.list("vaults").status == 200

    def test_only_what_it_is_meant_for(self, sandbox: Sandbox, plain: Plain) -> None:
        sandbox.faults.add("status:method=POST,path=/checkpoints,times=0")
        assert (plain.list("vaults").status, plain.create().status) == (200, 502)

    def test_one_of_each_group_at_a_time(self, sandbox: Sandbox, plain: Plain) -> None:
        sandbox.faults.add("truncate:bytes=3", "status:code=504")
        came = plain.create()
        assert (came.status, came.body) == (504, b"<ht")
        assert last(sandbox) == ("truncate+status", 504, 0)

    def test_the_seed_decides_and_the_same_requests_meet_the_same_again(self, clock: Any) -> None:
        def met(seed: int) -> list[int]:
            with Sandbox(clock=clock, seed=seed, faults=["unauthorized:chance=0.5,times=0,path=/vaults"]) as sandbox:
                plain = Plain(sandbox).sign_in()
                found = [plain.list("vaults").status for _ in range(40)]
                plain.close()
            return found

        first, again, other = met(7), met(7), met(8)
        assert first == again != other
        assert 8 < first.count(401) < 32


class TestTheControlPath:
    def test_faults_come_and_go(self, sandbox: Sandbox, plain: Plain) -> None:
        asked = {"kind": "status", "code": 503, "times": 2, "path": "/vaults"}
        added = plain.control("POST", "/faults", asked)
        assert added.status == 200
        assert added.json["faults"] == [asked | {"method": "", "chance": 1.0, "when": "before", "struck": 0}]
        assert plain.list("vaults").status == 503
        assert plain.control("POST", "/faults", ["unauthorized", {"kind": "drip"}]).status == 200
        rows = plain.control("GET", "/faults").json["faults"]
        assert [(row["kind"], row["struck"]) for row in rows] == [("status", 1), ("unauthorized", 0), ("drip", 0)]
        assert plain.control("DELETE", "/faults").json == {"faults": []}
        assert plain.list("vaults").status == 200

    def test_it_needs_no_proof_and_is_not_counted(self, sandbox: Sandbox) -> None:
        stranger = Plain(sandbox)
        sandbox.faults.add("reset_before:times=0")
        assert stranger.control("GET", "/faults").status == 200
        assert stranger.control("GET", "/nothing").status == 404
        assert (sandbox.exchanges, sandbox.counts.requests, sandbox.faults.rows()[0]["struck"]) == ([], 0, 0)
        stranger.close()

    @pytest.mark.parametrize(
        ("path", "body", "said"),
        [
            ("/faults", {"kind": "statis"}, "'statis' is no kind of fault (did you mean 'status'?)"),
            ("/faults", 5, "must be one"),
            ("/faults", None, "must be one"),
            ("/habits", {"list_lagg": 3}, "is no habit; there are list_lag, "),
            ("/habits", {"list_lag": "long"}, "must be a number of seconds"),
            ("/habits", {"unordered": 1}, "must be true or false"),
            ("/habits", {"busy": "409"}, "must be one of 400, 500"),
            ("/habits", [], "must be an object"),
        ],
    )
    def test_what_is_wrong_is_said(self, sandbox: Sandbox, plain: Plain, path: str, body: Any, said: str) -> None:
        before = sandbox.habits
        came = plain.control("POST", path, body)
        assert came.status == 400
        assert said in came.json["error"]
        assert sandbox.habits == before

    def test_habits_change_at_once(self, sandbox: Sandbox, plain: Plain) -> None:
        assert plain.control("GET", "/habits").json["name_filter"] == "exact"
        changed = plain.control("POST", "/habits", {"name_filter": "fuzzy", "list_lag": 60}).json
        assert (changed["name_filter"], changed["list_lag"]) == ("fuzzy", 60)
        assert (sandbox.habits.name_filter, sandbox.habits.list_lag) == ("fuzzy", 60)

    def test_the_record(self, sandbox: Sandbox, plain: Plain) -> None:
        sandbox.faults.add("reset_after:path=/checkpoints")
        plain.create()
        plain.connect()
        plain.call("POST", PROJECT + "/checkpoints", {"checkpoint": {}})
        found = plain.control("GET", "/record?exchanges=2").json
        assert found["counts"] == {"requests": 3, "posts": 2, "applied": 1, "names": {"nightly": 1}}
        assert found["restore_points"] == json.loads(json.dumps(sandbox.restore_points()))
        assert [(row["status"], row["done"], row["fault"]) for row in found["exchanges"]] == [
            (0, 200, "reset_after"),
            (400, 400, ""),
        ]
        assert found["exchanges"][0]["body"] == CREATE
        assert plain.control("GET", "/record?exchanges=0").json["exchanges"] == []
        assert plain.control("GET", "/record?exchanges=x").status == 400

    def test_a_page_in_a_browser_may_not(self, sandbox: Sandbox, plain: Plain) -> None:
        body = b'{"kind": "status"}'
        head = b"POST /_sandbox/faults HTTP/1.1\r\nOrigin: http://evil.example\r\nContent-Length: %d\r\n\r\n" % len(body)
        assert plain.send(head + body).status == 403
        assert sandbox.faults.rows() == []


class TestTheRecordIsBounded:
    def test_and_the_counts_are_exact(self, clock: Any) -> None:
        with Sandbox(clock=clock, keep=10) as sandbox:
            plain = Plain(sandbox).sign_in()
            for _ in range(25):
                plain.create()
            assert (len(sandbox.exchanges), len(sandbox.posts())) == (10, 10)
            assert (sandbox.counts.posts, sandbox.counts.requests, sandbox.counts.names["nightly"]) == (25, 26, 25)
            plain.close()

    def test_by_bytes_too(self, sandbox: Sandbox, plain: Plain) -> None:
        for _ in range(8):
            plain.send(b"POST /v3/x HTTP/1.1\r\nContent-Length: 11000000\r\n\r\n" + b"x" * 11_000_000)
        assert len(sandbox.exchanges) == 6
        assert sandbox.counts.requests == 9

"""What a sandbox that runs for months keeps in memory: no client can make it more than so much."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from handlers.sandbox import Sandbox, estate
from handlers.sandbox.doors import Doors
from handlers.sandbox.exchange import Exchange
from handlers.sandbox.record import Record
from handlers.sandbox.topics import Topics
from tests.sandbox.plain import PROJECT, Plain

PUBLISH = f"/v2/{estate.PROJECT_ID}/notifications/topics/{estate.TOPIC_URN}/publish"


def create(plain: Plain, name: str) -> int:
    body = {"checkpoint": {"vault_id": estate.FILES_VAULT_ID, "parameters": {"name": name}}}
    return plain.call("POST", PROJECT + "/checkpoints", body).status


class TestNames:
    def test_of_strangers_are_not_counted(self, sandbox: Sandbox) -> None:
        stranger = Plain(sandbox)
        assert create(stranger, "nightly") == 401
        stranger.close()
        assert (sandbox.counts.posts, sandbox.counts.names) == (1, {})

    def test_that_are_none_are_not_counted(self, sandbox: Sandbox, plain: Plain) -> None:
        assert {create(plain, name) for name in ("x" * 65, "a b", "")} == {400}
        assert (sandbox.counts.posts, sandbox.counts.names) == (3, {})

    def test_of_refused_creates_are(self, sandbox: Sandbox, plain: Plain) -> None:
        assert [create(plain, "n" * 64), create(plain, "n" * 64)] == [200, 400]
        assert sandbox.counts.names == {"n" * 64: 2}

    def test_the_newest_are_kept(self) -> None:
        record = Record(most_names=2)
        for name in ("a", "b", "a", "c"):
            body = json.dumps({"checkpoint": {"parameters": {"name": name}}}).encode()
            record.add(Exchange(0, "POST", "/", body, 200, b""), creates=True, known=True)
        assert record.counts.names == {"a": 2, "c": 1}


def test_long_targets_weigh_and_are_kept_as_they_came(sandbox: Sandbox, plain: Plain) -> None:
    target = "/v3/x?" + "&".join("a=%20b" for _ in range(4500))
    size = len(target)
    record = Record(most=10**9)
    for _ in range(3 * 64 * 1024 * 1024 // size):
        record.add(Exchange(0, "GET", target, b"", 404, b""), creates=False, known=False)
    assert len(list(record)) < 64 * 1024 * 1024 // size
    plain.call("GET", target)
    assert sandbox.exchanges[-1].target == target
    assert sandbox.exchanges[-1].query == (("a", " b"),) * 4500


class TestMessages:
    def test_are_bounded_by_their_bytes(self, sandbox: Sandbox, plain: Plain) -> None:
        for number in range(300):
            assert plain.call("POST", PUBLISH, {"subject": str(number), "message": "m" * 256 * 1024}).status == 200
        published = sandbox.published
        assert 250 <= len(published) <= 256
        assert published[-1]["subject"] == "299"

    def test_follow_keep(self, clock: Any) -> None:
        with Sandbox(clock=clock, keep=3) as sandbox:
            plain = Plain(sandbox).sign_in()
            for number in range(5):
                plain.call("POST", PUBLISH, {"message": str(number)})
            plain.close()
            assert [message["message"] for message in sandbox.published] == ["2", "3", "4"]

    def test_a_state_with_more_of_them_is_cut_short(self) -> None:
        many, few = Topics([estate.TOPIC_URN]), Topics([estate.TOPIC_URN], keep=2)
        messages = [
            {"topic_urn": "u", "subject": "", "message": str(number), "message_id": "i", "at": 0.0} for number in range(4)
        ]
        few.load(many.save() | {"published": messages})
        assert [message["message"] for message in few.published] == ["2", "3"]


class TestTokens:
    def test_the_newest_hundred_are_known_with_keep(self, clock: Any) -> None:
        with Sandbox(clock=clock, keep=1) as sandbox:
            plain = Plain(sandbox)
            tokens = [plain.sign_in().token for _ in range(101)]
            statuses = []
            for token in (tokens[0], tokens[1], tokens[-1]):
                plain.token = token
                statuses.append(plain.list("vaults").status)
            assert statuses == [401, 200, 200]
            plain.close()

    def test_one_that_expires_never_keeps_no_others(self, clock: Any) -> None:
        always = replace(estate.DEFAULT, account=replace(estate.ACCOUNT, tokens=("always",)))
        with Sandbox(clock=clock, estate=always) as sandbox:
            plain = Plain(sandbox)
            first = plain.sign_in().token
            clock.forward(3 * 86_400)
            plain.sign_in()
            plain.token = "always"
            assert plain.list("vaults").status == 200
            plain.token = first
            assert b"decrypt token fail" in plain.list("vaults").body  # forgotten
            plain.close()

    def test_of_temporary_keys_the_newest_are_known(self) -> None:
        doors = Doors(estate.PROJECT_ID, {}, most=2)
        names = [doors.issue_key(now=0, expires_at=900)[0] for _ in range(3)]
        assert [*doors.save()["keys"]] == names[1:]

"""``state``: what outlives a sandbox, what a kill may cost, and files that are not touched."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from handlers.errors import Misconfigured
from handlers.sandbox import Sandbox, estate
from handlers.sandbox.saving import EVERY_SECONDS
from tests.sandbox.plain import PROJECT, Plain

FILES = estate.FILES_VAULT_ID
SERVE = """
import sys
from handlers.sandbox import Sandbox
with Sandbox(state=sys.argv[1]) as sandbox:
    print(sandbox.endpoint, flush=True)
    sys.stdin.read()
"""


def told(plain: Plain) -> dict[str, Any]:
    """Everything a client can see."""
    return {what: plain.list(what).json for what in ("backups", "vaults", "operation-logs")}


@pytest.mark.parametrize("well_behaved", [True, False])
def test_everything_is_there_again(tmp_path: Path, clock: Any, well_behaved: bool) -> None:
    file = tmp_path / "state"
    with Sandbox(clock=clock, state=file, well_behaved=well_behaved, seed=5) as sandbox:
        plain = Plain(sandbox).sign_in()
        for _ in range(3):
            plain.create()
            clock.forward(100)
        plain.call("POST", f"/v2/{estate.PROJECT_ID}/notifications/topics/{sandbox.topic_urn}/publish", {"message": "m"})
        plain.create()  # still running when it stops
        before, points, published, counts = told(plain), sandbox.restore_points(), sandbox.published, sandbox.counts
        token = plain.token
        plain.close()
    assert json.loads(file.read_text())["format"] == "restore-point sandbox"
    with Sandbox(clock=clock, state=file, well_behaved=well_behaved, seed=5) as again:
        assert (again.restore_points(), again.published) == (points, published)
        assert (again.counts.posts, again.counts.names) == (counts.posts, counts.names) == (4, {"nightly": 4})
        plain = Plain(again, token)  # the old token is still good
        assert told(plain) == before
        clock.forward(100)
        assert {backup["status"] for backup in plain.list("backups").json["backups"]} == {"available"}
        new = plain.create().json["checkpoint"]["id"]
        assert new not in {point["id"] for point in points}
        plain.close()
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_nothing_is_written_while_nothing_changes(tmp_path: Path, clock: Any) -> None:
    file = tmp_path / "state"
    with Sandbox(clock=clock, state=file) as sandbox:
        plain = Plain(sandbox)
        plain.control("GET", "/record")
        plain.close()
        first = file.stat()
        time.sleep(EVERY_SECONDS + 0.5)  # the writer goes by real time
        assert file.stat().st_mtime_ns == first.st_mtime_ns


def test_what_is_only_read_is_counted_and_bad_tries_lock_beyond_the_end(tmp_path: Path, clock: Any) -> None:
    file = tmp_path / "state"
    bad = f"SDK-HMAC-SHA256 Access={estate.ACCESS_KEY}, SignedHeaders=x-sdk-date, Signature={'0' * 64}"
    headers = {"authorization": bad, "x-sdk-date": "20261123T070451Z"}
    with Sandbox(clock=clock, state=file) as sandbox:
        sandbox.answer("POST", "/v3/auth/tokens", {}, b"")  # something else, so that all that follows is reading
    with Sandbox(clock=clock, state=file) as sandbox:
        for _ in range(5):
            sandbox.answer("GET", f"{PROJECT}/vaults", headers, b"")
    with Sandbox(clock=clock, state=file) as again:
        assert again.counts.requests == 6
        assert b"AK access failed to reach the limit" in again.answer("GET", f"{PROJECT}/vaults", headers, b"").payload


def test_after_a_kill_nothing_is_given_out_twice(tmp_path: Path, clock: Any) -> None:
    """What was written while it ran knows nothing of what came later; a client may know it."""
    file, killed = tmp_path / "state", tmp_path / "killed"

    def given(sandbox: Sandbox) -> tuple[str, str, str]:
        plain = Plain(sandbox).sign_in()
        point = plain.create().json["checkpoint"]["id"]
        topic = f"/v2/{estate.PROJECT_ID}/notifications/topics/{sandbox.topic_urn}/publish"
        message = plain.call("POST", topic, {"message": "m"}).json["message_id"]
        plain.close()
        return plain.token, point, message

    with Sandbox(clock=clock, state=file) as sandbox:
        shutil.copy(file, killed)
        lost = given(sandbox)
    with Sandbox(clock=clock, state=killed) as again:
        assert not set(lost) & set(given(again))


def test_an_orderly_end_changes_no_id(tmp_path: Path, clock: Any) -> None:
    def points(*, ends: bool) -> list[str]:
        file = tmp_path / f"state-{ends}"
        sandbox = Sandbox(clock=clock, state=file, seed=3).start()
        plain = Plain(sandbox).sign_in()
        made = [plain.create().json["checkpoint"]["id"]]
        clock.forward(100)
        if ends:
            plain.close()
            sandbox.stop()
            sandbox = Sandbox(clock=clock, state=file, seed=3).start()
            plain = Plain(sandbox, plain.token)
        made.append(plain.create().json["checkpoint"]["id"])
        plain.close()
        sandbox.stop()
        return made

    start = clock.now
    first = points(ends=False)
    clock.now = start
    assert points(ends=True) == first


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_kill_costs_the_last_seconds_at_most(tmp_path: Path, end: signal.Signals) -> None:
    file = tmp_path / "state"

    def serve() -> tuple[subprocess.Popen[str], Plain]:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert process.stdout is not None
        endpoint = process.stdout.readline().strip()
        return process, Plain(_At(endpoint))  # type: ignore[arg-type]  # all it needs is the endpoint

    process, plain = serve()
    created = plain.sign_in().create().json["checkpoint"]["id"]
    until = time.monotonic() + EVERY_SECONDS + 5
    while created not in file.read_text() and created.encode() and time.monotonic() < until and not _has(file, 1):
        time.sleep(0.05)
    assert time.monotonic() < until
    process.send_signal(end)
    process.communicate(timeout=10)
    token = plain.token
    plain.close()

    process, plain = serve()
    plain.token = token
    assert plain.call("GET", f"{PROJECT}/checkpoints/{created}").json["checkpoint"]["id"] == created
    plain.close()
    process.communicate(input="", timeout=10)
    assert process.returncode == 0


def _has(file: Path, posts: int) -> bool:
    return bool(json.loads(file.read_text())["counts"]["posts"] >= posts)


class _At:
    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint


BAD = {
    "half of one": b'{"format": "restore-point sandbox", "version": 1, "vaul',
    "no text": b"\xff\xfe\x00",
    "another document": b'{"vaults": []}',
    "a list": b"[]",
    "of another version": b'{"format": "restore-point sandbox", "version": 99}',
    "without its parts": b'{"format": "restore-point sandbox", "version": 1, "project_id": "%s"}' % estate.PROJECT_ID.encode(),
    "of another project": b'{"format": "restore-point sandbox", "version": 1, "project_id": "x"}',
    "with nonsense in it": b'{"format": "restore-point sandbox", "version": 1, "project_id": "%s", '
    b'"vaults": [], "doors": 5, "topics": null, "counts": {}}' % estate.PROJECT_ID.encode(),
}


@pytest.mark.parametrize("what", BAD)
def test_a_file_it_cannot_use_is_left_alone(tmp_path: Path, what: str) -> None:
    file = tmp_path / "state"
    file.write_bytes(BAD[what])
    with pytest.raises(Misconfigured, match=r"^state: /\S*/state (.*left as it is|cannot be read)"):
        Sandbox(state=file)
    assert file.read_bytes() == BAD[what]


def test_a_place_it_cannot_write_to_is_known_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"^state: /\S*/state cannot be written: No such file or directory"):
        Sandbox(state=tmp_path / "nowhere" / "state").start()


def test_two_do_not_overwrite_each_others_state(tmp_path: Path, clock: Any) -> None:
    file = tmp_path / "state"
    first = Sandbox(clock=clock, state=file).start()
    with pytest.raises(Misconfigured, match="/state is in use by another sandbox"):
        Sandbox(clock=clock, state=file).start()
    plain = Plain(first).sign_in()
    plain.create()
    plain.close()
    file.write_bytes(b"mine")
    with pytest.raises(Misconfigured, match="/state was written by somebody else meanwhile, and was left as it is"):
        first.stop()
    assert file.read_bytes() == b"mine"
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_an_empty_file_is_a_new_state(tmp_path: Path, clock: Any) -> None:
    file = tmp_path / "state"
    file.touch()
    with Sandbox(clock=clock, state=file) as sandbox:
        assert sandbox.restore_points() == []
    assert json.loads(file.read_text())["format"] == "restore-point sandbox"

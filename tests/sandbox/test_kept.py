"""How much is kept, for how long, and that it survives a restart."""

from __future__ import annotations

import gc
import json
import random
import sys
import tracemalloc
import uuid
from contextlib import suppress
from types import FrameType
from typing import Any

import pytest

from handlers.sandbox import asking, estate, ids, replies
from handlers.sandbox.habits import Habits
from handlers.sandbox.problems import Problem
from handlers.sandbox.vaults import Harm, Vaults
from tests.sandbox.cloud import APP, DB, DISKS, EMPTY, ERP, FILES, SHARE, START, Cloud, Refused, roomy

POINTS = 10_000


class TestIds:
    def test_look_like_any_other_and_tell_what_they_are_of(self) -> None:
        made = ids.Ids(3)
        seen = set()
        for number in (1, 2, 3, 1000, 2**35):
            for kind in (ids.CHECKPOINT, ids.BACKUP, ids.DISK, ids.LOG):
                for index in (0, 1, 255 * 1024 + 1023):
                    text = made.of(kind, number, index)
                    assert (uuid.UUID(text).version, str(uuid.UUID(text))) == (4, text)
                    assert made.read(text) == (kind, number, index)
                    seen.add(text)
        assert len({text[:8] for text in seen}) == len(seen) == 60
        assert not seen & {ids.Ids(4).of(ids.CHECKPOINT, number) for number in range(100)}

    def test_what_was_never_given_out_is_nothing(self) -> None:
        made = ids.Ids(0)
        text = made.of(ids.BACKUP, 7)
        for place in range(36):
            if text[place] != "-":
                other = "0" if text[place] != "0" else "1"
                assert made.read(text[:place] + other + text[place + 1 :]) is None
        for never in ("", "x", text.upper(), text.replace("-", ""), "f" * 400, str(uuid.uuid4())):
            assert made.read(never) is None

    def test_chance_is_spread_evenly(self) -> None:
        made = ids.Ids(0)
        shares = [made.chance(ids.LAG, number) for number in range(1000)]
        assert 0.45 < sum(shares) / 1000 < 0.55
        assert all(0 <= share < 1 for share in shares)


def asked(name: str) -> asking.Asked:
    """Every text in it is its own, as if just read from a socket."""
    body = {"checkpoint": {"vault_id": ERP, "parameters": {"name": name, "description": "before the update"}}}
    return asking.read(json.loads(json.dumps(body)))


def test_a_restore_point_of_two_servers_with_two_disks_each_takes_two_kilobytes_at_most() -> None:
    state = Vaults(estate.PROJECT_ID, roomy(), speed=1e9)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for place in range(POINTS):
            state.take(asked(f"nightly-erp-{place:08}"), START + place)
        state.advance(START + POINTS + 60)
        gc.collect()
        each = (tracemalloc.get_traced_memory()[0] - before) / POINTS
    finally:
        tracemalloc.stop()
    assert len(state.checkpoints) == POINTS
    assert each < 2000


def test_no_request_looks_at_all_restore_points() -> None:
    """Taking, showing and finding by id run through no more lines among ten thousand than among a hundred."""

    def lines(points: int) -> int:
        state = Vaults(estate.PROJECT_ID, roomy(), speed=1e9)
        for place in range(points):
            state.take(asked("n"), START + place)
        count = 0

        def trace(_: FrameType, event: str, __: object) -> Any:
            nonlocal count
            count += event == "line"
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            taken = state.take(asked("n"), START + points)
            replies.checkpoint(state, state.checkpoint(taken.id), START + points)
            state.backup(taken.backups[1].parts[1].id)
            state.log(taken.id)
        finally:
            sys.settrace(before)
        return count

    few = lines(100)
    assert few > 100
    assert lines(POINTS) < few + 100


def test_keep_drops_the_oldest_that_have_ended() -> None:
    cloud = Cloud(keep=3, of=roomy(), speed=60)
    slow = cloud.create(FILES, Harm(seconds=6_000), name="slow")
    made = []
    for place in range(5):
        made.append(cloud.create(ERP, name=f"n{place}"))
        cloud.forward(2)
    assert [row["name"] for row in cloud.backups(f"resource_id={APP}&sort=created_at:asc")] == ["n3", "n4"]
    assert cloud.show(slow)["status"] == "protecting"
    with pytest.raises(Refused) as refused:
        cloud.show(made[0])
    assert (refused.value.status, refused.value.code) == (404, "6217")
    assert {log["extra_info"]["backup"]["backup_name"] for log in cloud.logs()} == {"slow", "n3", "n4"}
    used = sum(row["backup_size"] for row in cloud.vault(ERP)["resources"])
    assert cloud.vault(ERP)["billing"]["used"] == used > 0
    assert [row["backup_count"] for row in cloud.vault(ERP)["resources"]] == [2, 2]
    cloud.forward(1000)
    cloud.create(DISKS, name="last")
    assert "slow" in {row["name"] for row in cloud.backups()}  # it has ended last
    assert len(cloud.state.checkpoints) == 3


def test_keep_is_exact_among_many() -> None:
    state = Vaults(estate.PROJECT_ID, roomy(), speed=1e9, keep=10)
    for place in range(1000):
        state.take(asked("n"), START + place)
    assert len(state.checkpoints) <= 11
    assert len(state.ended) <= 11
    assert len(state.due) <= 2


def test_nothing_else_grows_where_restore_points_are_kept_few() -> None:
    cloud = Cloud(of=roomy(), speed=1e9, keep=10)
    for place in range(1500):
        cloud.create(FILES, retention_duration_days=36500)
        cloud.forward(1)
        if place % 2:
            cloud.ask("DELETE", f"/backups/{cloud.backups('limit=1&status=available')[0]['id']}")
    assert len(cloud.state.deeds) <= 10
    assert len(cloud.state.due) <= 2000
    assert len(cloud.state.vaults[FILES].held[SHARE].backups) <= 10
    assert cloud.vault(FILES)["resources"][0]["backup_count"] == len(cloud.backups("status=available"))


def random_step(cloud: Cloud, chance: random.Random) -> None:
    """Anything that can happen, refused or not."""
    vault_id = chance.choice([ERP, ERP, FILES, DISKS, EMPTY])
    resource_id = chance.choice([APP, DB, SHARE, estate.MAIL_DISK_ID])
    rows = cloud.backups("limit=50")
    spare = {"id": chance.choice([estate.UNBOUND_SERVER_ID, APP]), "type": "OS::Nova::Server"}
    made = {"consistent_level": "crash_consistent", "object_type": "server", "protect_type": "backup", "size": 100}
    asked_ = asking.read({"checkpoint": {"vault_id": vault_id, "parameters": {"name": "late"}}})
    harm = Harm(fail=frozenset({DB, SHARE}), fail_after=chance.choice([None, 500.0]))
    steps: list[Any] = [
        lambda: cloud.create(vault_id),
        lambda: cloud.create(vault_id, harm, retention_duration_days=1, description="d"),
        lambda: cloud.create(vault_id, Harm(skip="all")),
        lambda: cloud.create(
            resource_details=[
                {"id": DB, "type": "OS::Nova::Server", "extra_info": {"exclude_volumes": [estate.ERP_DB_DATA_DISK_ID]}}
            ]
        ),
        lambda: rows and cloud.ask("DELETE", f"/backups/{chance.choice(rows)['id']}"),
        lambda: cloud.ask("POST", f"/vaults/{EMPTY}/addresources", {"resources": [spare]}),
        lambda: cloud.ask("POST", f"/vaults/{vault_id}/removeresources", {"resource_ids": [resource_id]}),
        lambda: cloud.ask("POST", "/vaults", {"vault": {"name": "made", "billing": made, "resources": []}}),
        lambda: cloud.ask("PUT", f"/vaults/{vault_id}", {"vault": {"billing": {"size": chance.randrange(400, 2000)}}}),
        lambda: chance.random() < 0.1 and cloud.ask("DELETE", f"/vaults/{vault_id}"),
        lambda: cloud.state.later(asked_, cloud.now + chance.uniform(0, 300), harm),
        lambda: cloud.state.foreign(vault_id, cloud.now, 100.0),
        lambda: cloud.state.fill(vault_id, chance.choice([0, 50])),
        lambda: cloud.state.set_resource_state(resource_id, chance.choice(["", "error"])),
        lambda: cloud.state.set_protect_status(resource_id, chance.choice(["available", "available", "restoring"])),
        lambda: cloud.forward(chance.choice([1, 7, 30, 90, 90, 3600, 90_000])),
        lambda: cloud.forward(chance.choice([1, 7, 30, 90])),
    ]
    with suppress(Refused, Problem):
        chance.choice(steps)()


def everything(cloud: Cloud) -> Any:
    rows = [cloud.ask("GET", f"/{what}") for what in ("backups", "vaults", "operation-logs")]
    return rows, [replies.checkpoint(cloud.state, taken, cloud.now) for taken in cloud.state.checkpoints.values()]


@pytest.mark.parametrize("seed", range(6))
def test_a_loaded_state_goes_on_exactly_where_it_was(seed: int) -> None:
    cloud, chance = Cloud(habits=Habits(), seed=seed), random.Random(seed)
    for _ in range(15):
        for _ in range(10):
            random_step(cloud, chance)
        second = Cloud(habits=Habits(), seed=99)
        second.state.load(json.loads(json.dumps(cloud.state.save())))
        second.now = cloud.now
        assert everything(second) == everything(cloud)
        here, there = random.Random(seed), random.Random(seed)
        for _ in range(5):
            random_step(cloud, here)
            random_step(second, there)
        assert everything(second) == everything(cloud)
        cloud = second


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_the_sums_are_right(seed: int) -> None:
    """What is counted as it goes is what there is when counted anew."""
    cloud, chance = Cloud(habits=Habits.well_behaved(), seed=seed, keep=[None, 8][seed % 2]), random.Random(seed + 100)
    for _ in range(250):
        random_step(cloud, chance)
        cloud.state.advance(cloud.now)
        for vault in cloud.state.vaults.values():
            left = [
                backup
                for taken in cloud.state.checkpoints.values()
                for backup in taken.backups
                if taken.vault is vault and backup.gone_at is None
            ]
            takes = [backup for backup in left if backup.running(cloud.now) or not backup.code]
            assert vault.used_mb == sum(backup.size_mb for backup in takes)
            for held in vault.held.values():
                own = [backup for backup in left if backup.resource is held.resource]
                good = [backup for backup in own if not backup.running(cloud.now) and not backup.code]
                assert list(held.backups.values()) == own
                assert (held.count, held.size_mb) == (len(good), sum(backup.size_mb for backup in good))
                assert held.whole == sum(1 for backup in own if backup in takes)


def test_a_state_of_another_version_is_refused() -> None:
    state = Cloud().state
    with pytest.raises(ValueError, match="version 2"):
        state.load(state.save() | {"version": 2})

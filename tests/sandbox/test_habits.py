"""What this CBR does or leaves out as a matter of habit, each on and off, and the same for the same seed."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace
from typing import Any

import pytest

from handlers.sandbox.habits import Habits
from handlers.sandbox.vaults import Harm
from tests.sandbox.cloud import APP, DB, ERP, FILES, Cloud, Refused, roomy

WELL = Habits.well_behaved()


def test_out_of_itself_it_misbehaves_and_well_behaved_it_does_not() -> None:
    assert (Habits().list_lag, Habits().unordered, Habits().suffixes) == (2.0, True, True)
    differing = {each.name for each in fields(Habits) if getattr(Habits(), each.name) != getattr(WELL, each.name)}
    assert differing == {"list_lag", "unordered", "suffixes", "waiting", "settling"}


@pytest.mark.parametrize(("on", "names"), [(True, ["n-0001", "n-0002"]), (False, ["n", "n"])])
def test_suffixes(on: bool, names: list[str]) -> None:
    cloud = Cloud(habits=replace(WELL, suffixes=on))
    assert cloud.create(name="n")["extra_info"]["name"] == "n"
    assert [row["name"] for row in cloud.backups()] == names
    cloud.create(FILES, name="alone")
    assert cloud.backups("name=alone")


def test_a_list_lags_and_looking_does_not() -> None:
    cloud = Cloud(habits=replace(WELL, list_lag=60.0), of=roomy(), speed=1e9)
    made = []
    for _ in range(20):
        made.append(cloud.create(FILES))
        assert cloud.show(made[-1])["id"] == made[-1]["id"]
    begun = cloud.now
    at_once = len(cloud.backups()), len(cloud.logs())
    cloud.now = begun + 30
    later = len(cloud.backups()), len(cloud.logs())
    cloud.now = begun + 60
    assert (len(cloud.backups()), len(cloud.logs())) == (20, 20)
    assert at_once == (0, 0)
    assert 3 < later[0] < 17  # each has a share of its own
    assert later[0] == later[1]
    assert cloud.vault(FILES)["resources"][0]["backup_count"] == 20


def test_without_lag_a_list_knows_at_once() -> None:
    cloud = Cloud()
    cloud.create(FILES)
    assert len(cloud.backups()) == len(cloud.logs()) == 1


def made(cloud: Cloud) -> list[str]:
    for place in range(12):
        cloud.create(FILES, name=f"n{place:02}")
        cloud.forward(60)
    return [f"n{place:02}" for place in range(12)]


def test_a_list_without_sort_comes_in_an_order_of_its_own_that_pages_keep_to() -> None:
    cloud = Cloud(habits=replace(WELL, unordered=True), of=roomy())
    names = made(cloud)
    seen = [row["name"] for row in cloud.backups("")]
    assert sorted(seen) == names
    assert seen not in (names, names[::-1])
    assert [row["name"] for row in cloud.backups("")] == seen
    pages = [row["name"] for offset in (0, 5, 10) for row in cloud.backups(f"limit=5&offset={offset}")]
    assert pages == seen
    first = cloud.backups("limit=5")
    assert [row["name"] for row in cloud.backups(f"limit=5&marker={first[-1]['id']}")] == seen[5:10]
    assert [row["name"] for row in cloud.backups("sort=name:asc")] == names
    vaults = [row["name"] for row in cloud.ask("GET", "/vaults")["vaults"]]
    assert sorted(vaults) == ["disks", "empty", "erp", "files"]
    assert vaults not in (["erp", "files", "empty", "disks"], ["disks", "empty", "files", "erp"])


def test_well_behaved_the_newest_comes_first() -> None:
    cloud = Cloud(of=roomy())
    names = made(cloud)
    assert [row["name"] for row in cloud.backups("")] == names[::-1]


@pytest.mark.parametrize(
    ("habit", "found"),
    [
        ("exact", ["nightly"]),
        ("fuzzy", ["nightly", "nightly-2", "NIGHTLY"]),
        ("ignored", ["nightly", "nightly-2", "NIGHTLY", "x"]),
    ],
)
def test_how_a_name_is_looked_for(habit: Any, found: list[str]) -> None:
    cloud = Cloud(habits=replace(WELL, name_filter=habit), of=roomy())
    for name in ("nightly", "nightly-2", "NIGHTLY", "x"):
        cloud.create(FILES, name=name)
        cloud.forward(60)
    assert [row["name"] for row in cloud.backups("name=nightly&sort=created_at:asc")] == found


@pytest.mark.parametrize(("on", "plain", "both"), [(True, 1, 2), (False, 2, 2)])
def test_full_backups_may_be_hidden(on: bool, plain: int, both: int) -> None:
    cloud = Cloud(habits=replace(WELL, hide_full=on))
    for _ in range(2):
        cloud.create(FILES)
        cloud.forward(60)
    assert len(cloud.backups("")) == plain
    assert len(cloud.backups("incremental=true&incremental=false")) == both
    assert [row["incremental"] for row in cloud.backups("incremental=false")] == [False]


@pytest.mark.parametrize(("habit", "status", "code"), [("400", 400, "6125"), ("500", 500, "0002")])
def test_busy_has_two_forms(habit: Any, status: int, code: str) -> None:
    cloud = Cloud(habits=replace(WELL, busy=habit))
    cloud.create(resources=[APP])
    with pytest.raises(Refused) as refused:
        cloud.create(resources=[APP])
    assert (refused.value.status, refused.value.code) == (status, code)
    (skipped,) = cloud.create()["vault"]["skipped_resources"]
    assert skipped["code"] == f"BackupService.{code}"


def test_the_documents_forms_have_numbers_and_objects() -> None:
    cloud = Cloud(habits=replace(WELL, forms="documents"))
    (resource,) = cloud.create(FILES)["vault"]["resources"]
    assert (resource["resource_size"], resource["backup_size"], resource["backup_count"]) == (500, 0, 0)
    assert resource["extra_info"] == {}


@pytest.mark.parametrize(("on", "keys"), [(True, {"retention_duration"}), (False, {"name", "description", "retention_duration"})])
def test_open_telekom_cloud_shows_no_name(on: bool, keys: set[str]) -> None:
    cloud = Cloud(habits=replace(WELL, otc=on))
    made = cloud.create(name="n", description="d")
    assert made["extra_info"]["name"] == "n"
    assert cloud.show(made)["extra_info"].keys() == keys


@pytest.mark.parametrize(("habit", "status"), [("available", "available"), ("error", "error")])
def test_a_restore_point_of_which_one_backup_failed(habit: Any, status: str) -> None:
    cloud = Cloud(habits=replace(WELL, partial=habit))
    made = cloud.create(harm=Harm(fail=frozenset({DB})))
    cloud.forward(60)
    shown = cloud.show(made)
    assert shown["status"] == status
    assert {each["id"]: each["protect_status"] for each in shown["vault"]["resources"]} == {APP: "available", DB: "error"}


def test_a_backup_waits_before_it_begins_and_its_resource_settles_after_it_has_ended() -> None:
    cloud = Cloud(habits=replace(WELL, waiting=30.0, settling=30.0), of=roomy(), speed=2.0)
    made = cloud.create()
    seen: Counter[tuple[str, str, str]] = Counter()
    for _ in range(480):
        shown, (row, *_), (log, *_) = cloud.show(made), cloud.backups(f"resource_id={APP}"), cloud.logs(f"resource_id={APP}")
        protect = next(each["protect_status"] for each in shown["vault"]["resources"] if each["id"] == APP)
        assert (log["started_at"] is None) == (row["status"] == "waiting_protect") == (log["status"] == "waiting")
        seen[shown["status"], row["status"], protect] += 1
        cloud.forward(0.1)
    assert list(seen) == [
        ("protecting", "waiting_protect", "protecting"),
        ("protecting", "protecting", "protecting"),
        ("available", "available", "protecting"),
        ("available", "available", "available"),
    ]
    assert seen["protecting", "waiting_protect", "protecting"] <= 150
    assert seen["available", "available", "protecting"] <= 150


def story(seed: int) -> list[Any]:
    cloud = Cloud(habits=Habits(), seed=seed, of=roomy())
    told: list[Any] = []
    for place in range(6):
        told += [cloud.create(), cloud.create(FILES, name=f"n{place}", incremental=place % 2 == 0)]
        cloud.forward(1.0)
        told += [cloud.backups(""), cloud.logs(""), cloud.vault(ERP)]
        cloud.forward(61.7)
    return told


def test_the_same_seed_and_the_same_requests_have_the_same_answers() -> None:
    assert story(7) == story(7)
    assert story(7) != story(8)

"""What ``status`` finds, over hours and days: by a clock that is moved, a cloud that fails, a ledger that is not there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from handlers.cli.status import look
from handlers.errors import Misconfigured
from handlers.ledger import Record
from handlers.overview import Overview, VaultView
from handlers.overview.printed import printed
from handlers.sandbox import estate
from handlers.service import Service
from tests.scripted import BACKUPS, CREATE, PUBLISH, START, World, answers, fails, only, world_in
from tests.test_freshness import DAY, HOUR, MADE, OLD, TIMELY, made, write

VAULTS = ("GET", r"/vaults\?")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as running:
        yield running


def files(service: Service) -> VaultView:
    (view,) = look(service).vaults
    assert view.name == "files"
    return view


def problems(view: VaultView) -> list[str]:
    return [each.word for each in view.problems]


def test_all_is_well(world: World) -> None:
    service = write(world, OLD, TIMELY)
    made(world, service)
    world.clock.forward(HOUR)
    found = look(service)
    (view,) = found.vaults
    assert (found.verdict, found.headline) == ("well", "All is well: 1 vault, none overdue, failed or missed.")
    assert (view.word, view.max_age, view.resources) == ("well", 26 * HOUR, 1)
    assert view.age == pytest.approx(HOUR + MADE, abs=5)
    (point,) = view.points
    assert (point.state, point.asked, point.holds, point.left_out) == (
        "good", "timer nightly, rule nightly-backup", ("files-share",), ()
    )  # fmt: skip
    assert view.next is not None
    assert (view.next.name, view.next.last, view.next.next) == ("nightly", START, START + timedelta(days=1))


def test_nothing_is_written_and_nothing_is_asked_but_to_look(world: World) -> None:
    service = write(world, OLD, TIMELY)
    look(service)
    assert [service.ledger.since(kind, 0.0) for kind in ("timer", "look", "notice", "wish")] == [[], [], [], []]
    assert {seen.method for seen in world.door.seen} == {"GET"}


def test_overdue_is_what_the_watch_calls_so(world: World) -> None:
    service = write(world, OLD)
    made(world, service)
    world.clock.forward(26.1 * HOUR)
    view = files(service)
    (told,) = world.sweep(service).outcomes
    assert (told.word, problems(view)) == ("overdue", ["overdue"])
    assert view.problems[0].sentence == told.message
    found = look(service)
    assert (found.verdict, found.headline) == ("wrong", "1 of 1 vault needs attention: 1 overdue.")
    (notice,) = found.notices
    assert (notice.word, notice.vault, notice.message, notice.heard) == ("overdue", "files", told.message, True)


def test_it_is_overdue_where_no_watch_ever_ran_and_nothing_was_ever_made(world: World) -> None:
    view = files(write(world, OLD))
    assert (problems(view), view.age, view.newest) == (["overdue"], None, None)


def test_a_timer_that_does_not_come_is_missed_without_any_watch(world: World) -> None:
    service = write(world, timer=TIMELY)
    made(world, service)
    world.clock.forward(24.5 * HOUR)
    assert not look(service).missed
    world.clock.forward(HOUR)
    found = look(service)
    assert [each.name for each in found.missed] == ["nightly"]
    assert (problems(found.vaults[0]), found.verdict) == (["missed"], "wrong")
    assert "it came last for 2026-11-23 02:00 UTC" in found.vaults[0].problems[0].sentence


def test_a_wish_that_failed_is_shown_until_there_is_a_good_one(world: World) -> None:
    service = write(world)
    world.door.on(CREATE, fails("6114"))
    assert only(world.fire(service)).word == "failed"
    view = files(service)
    assert problems(view) == ["failed"]
    assert "Wanted by timer nightly, rule nightly-backup, 2026-11-23 02:00 UTC" in view.problems[0].sentence
    world.clock.forward(DAY)
    made(world, service, timedelta(days=1))
    assert problems(files(service)) == []


def test_a_restore_point_that_broke_is_failed(world: World) -> None:
    service = write(world)
    world.sandbox.faults.add("fail:after=30,times=0")
    world.fire(service)
    world.clock.forward(MADE)
    assert "broken" in [each.word for each in world.sweep(service).outcomes]
    world.clock.forward(MADE)
    world.sweep(service)
    world.clock.forward(10 * MADE)
    world.sweep(service)
    view = files(service)
    assert problems(view) == ["failed"]
    assert [each.state for each in view.points] == ["failed", "failed"]


def test_one_that_is_being_made_is_running(world: World) -> None:
    service = write(world)
    world.fire(service)
    view = files(service)
    assert [each.state for each in view.points] == ["running"]
    assert (view.newest_good, problems(view)) == (None, [])


def test_what_was_left_out_is_named_with_the_reason(world: World) -> None:
    world.write_rules("erp")
    service = world.service()
    world.sandbox.faults.add("skip:which=one,code=6302")
    assert only(world.fire(service)).reason == "partly_skipped"
    world.clock.forward(2 * MADE)
    (view,) = look(service).vaults
    (point,) = view.points
    (left,) = point.left_out
    assert (point.state, problems(view), look(service).verdict) == ("partial", ["partly"], "partly")
    assert left.code.endswith("6302")
    assert "It does not exist any more: take it out of the vault and of the rule." in left.why
    assert left.name in view.problems[0].sentence


def test_what_waits_is_shown_with_its_reason_and_its_end(world: World) -> None:
    service = write(world)
    world.door.on(CREATE, fails("6125"))
    assert only(world.fire(service)).word == "later"
    (waiting,) = files(service).waiting
    assert (waiting.word, waiting.reason, waiting.asked) == ("later", "busy", "timer nightly, rule nightly-backup")
    assert waiting.gives_up == START + timedelta(hours=6)
    assert waiting.says == (
        "CBR could not take it yet (busy), tried again at 2026-11-23 02:01 UTC; given up 2026-11-23 08:00 UTC"
    )


def test_a_good_one_is_found_however_old(world: World) -> None:
    service = write(world)
    made(world, service)
    world.clock.forward(40 * DAY)
    view = files(service)
    assert view.newest_good is not None
    assert view.age == pytest.approx(40 * DAY + MADE, abs=5)


def test_a_vault_without_any_restore_point_and_without_max_age_is_said_to_be_so(world: World) -> None:
    found = look(write(world))
    assert (found.vaults[0].word, found.verdict) == ("empty", "well")
    assert "1 without any restore point yet" in found.headline


def test_a_vault_that_fills_up_is_said_from_eighty_percent_on(world: World) -> None:
    service = write(world, OLD)
    made(world, service)
    for percent, words in ((80, []), (81, ["filling"])):
        fill(world, percent)
        world.clock.forward(61.0)  # what was seen of vaults is remembered so long
        assert problems(files(service)) == words
    assert look(service).verdict == "well"


def fill(world: World, percent: int) -> None:
    from tests.cli.test_status_growth import set_state

    set_state(world.sandbox.endpoint, {"fill": {"vault_id": estate.FILES_VAULT_ID, "percent": percent}})


def test_vaults_by_their_tags_are_looked_at(world: World) -> None:
    text = (world.folder / "rules.toml").read_text()
    (world.folder / "rules.toml").write_text(text.replace('vaults = ["files"]', 'vault_tags = { backup = "yes" }'))
    assert {each.name for each in look(world.service()).vaults} == {"erp", "files"}


def test_what_a_topic_has_not_taken_yet_is_said(world: World) -> None:
    service = write(world)
    world.door.on(PUBLISH, answers(500), always=True)
    world.fire(service)
    waiting = [each for each in look(service).notices if not each.heard]
    assert [(each.word, each.vault) for each in waiting] == [("created", "files")]
    assert look(service).verdict != "wrong", "it is tried again in a minute"
    world.clock.forward(900)
    overview = look(service)
    assert overview.verdict == "wrong"
    assert (
        overview.headline == "1 message has not reached every topic that wants to know: look at the topics (restore-point check)."
    )


# ── what cannot be had ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_cloud_that_is_down_is_said_once_and_the_ledger_is_shown(world: World) -> None:
    world.write_rules("erp", "files")
    service = world.service()
    world.door.on(CREATE, fails("6125"), always=True)
    world.fire(service)
    world.door.on(VAULTS, answers(503, {"error_code": "x"}), always=True)
    before = len(world.door.seen)
    found = look(service)
    assert (found.verdict, len(found.unknown)) == ("unknown", 1)
    assert "CBR of project default could not be asked" in found.unknown[0]
    assert [(each.word, len(each.waiting)) for each in found.vaults] == [("unknown", 1)] * 2
    assert len(world.door.seen) - before <= 3  # the project, not every vault


def test_a_cloud_that_is_down_is_no_excuse_for_what_may_be_too_old(world: World) -> None:
    """As the watch says it: not knowing is no good sign."""
    service = write(world, OLD)
    made(world, service)
    world.sweep(service)
    world.door.on(VAULTS, answers(503, {"error_code": "x"}), always=True)
    assert look(service).verdict == "unknown"
    world.clock.forward(27 * HOUR)
    found = look(service)
    assert (problems(found.vaults[0]), found.verdict) == (["overdue"], "wrong")
    assert "It is not known whether vault files" in found.vaults[0].problems[0].sentence


def test_one_vault_that_cannot_be_listed_hides_no_other(world: World) -> None:
    world.write_rules("erp", "files")
    service = world.service()
    world.fire(service)
    world.clock.forward(2 * MADE)
    world.door.on(("GET", rf"/backups\?.*{estate.ERP_VAULT_ID}"), answers(500), always=True)
    assert {each.name: each.word for each in look(service).vaults} == {"erp": "unknown", "files": "well"}


def test_a_ledger_that_is_down_is_said_and_the_cloud_is_shown(world: World) -> None:
    service = write(world, OLD, TIMELY)
    made(world, service)
    (world.folder / "file").write_text("")
    blind = world.service(world.environ(RESTORE_POINT_LEDGER=f"sqlite:{world.folder}/file/ledger"))
    found = look(blind)
    (view,) = found.vaults
    assert (found.verdict, len(found.unknown)) == ("unknown", 1)
    assert "The ledger could not be read" in found.unknown[0]
    assert [(each.state, each.asked) for each in view.points] == [("good", "")]
    assert view.next is None


def test_records_nobody_can_read_are_counted(world: World) -> None:
    service = write(world, OLD)
    made(world, service)
    now = world.clock.now().timestamp()
    for key, body in (("a", "{}"), ("b", "[1"), ("c", '{"backup": null}')):
        service.ledger.put_if_absent(Record("wish", key, now, None, body, now + DAY))
    for kind in ("notice", "look", "timer"):
        service.ledger.put_if_absent(Record(kind, "strange", now, None, '"?"', now + DAY))
    found = look(service)
    assert found.unknown == ("The ledger holds 3 wishes that cannot be read: restore-point history.",)
    assert found.vaults[0].word == "well"


# ── which ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_any_vault_can_be_asked_for_by_name_or_id(world: World) -> None:
    service = write(world)
    for name in ("erp", estate.ERP_VAULT_ID):
        assert [each.vault_id for each in look(service, [name]).vaults] == [estate.ERP_VAULT_ID]
    assert [each.name for each in look(service, [estate.DISKS_VAULT_ID]).vaults] == [estate.DISKS_VAULT_ID]
    with pytest.raises(Misconfigured, match="did you mean 'files'"):
        look(service, ["flies"])


def test_a_vault_that_is_not_there_is_unknown(world: World) -> None:
    found = look(write(world), ["3b5816b5-f29c-4172-9d9a-76c719a659ce"])
    assert (found.vaults[0].word, found.verdict) == ("unknown", "unknown")
    assert "6105" in found.vaults[0].problems[0].sentence


def test_a_backup_that_began_while_looking_failed_is_no_good_one(world: World) -> None:
    """Only a state CBR can restore from counts: a resource in error leaves the point incomplete."""
    world.write_rules("erp")
    service = world.service()
    world.door.on(BACKUPS, answers(200, {"backups": LISTED, "count": len(LISTED)}), always=True)
    (view,) = look(service).vaults
    assert [(each.state, each.holds) for each in view.points] == [("partial", ("erp-app",)), ("failed", ())]


LISTED = [
    {
        "id": f"{point}{number}",
        "checkpoint_id": point,
        "status": status,
        "created_at": at,
        "resource_id": name,
        "resource_name": name,
    }
    for point, number, status, name, at in (
        ("a", 1, "available", "erp-app", "2026-11-23T01:00:00"),
        ("a", 2, "error", "erp-db", "2026-11-23T01:00:00"),
        ("b", 1, "error", "erp-app", "2026-11-22T01:00:00"),
        ("c", 1, "deleting", "erp-app", "2026-11-21T01:00:00"),
    )
]


def test_the_json_says_all_of_it(world: World) -> None:
    service = write(world, OLD, TIMELY)
    made(world, service)
    document = printed(look(service))
    assert set(document) == {"at", "verdict", "headline", "ledger", "vaults", "timers", "notices", "unknown", "notes"}
    (vault,) = document["vaults"]
    assert vault["newest_good"] == vault["newest"] == vault["restore_points"][0]
    assert (vault["state"], vault["newest"]["state"], vault["newest"]["expires"]) == ("well", "good", False)
    assert vault["next"] == {
        "timer": "nightly",
        "last": "2026-11-23T02:00:00+00:00",
        "came": True,
        "next": "2026-11-24T02:00:00+00:00",
        "missed": False,
    }
    assert vault["fill"]["warns_above_percent"] == 80


def test_the_headline_counts_each_vault_once() -> None:
    from tests.status_page import samples

    found: Overview = samples.few()
    assert found.headline == ("3 of 6 vaults need attention: 1 overdue, 1 without its timer, 1 incomplete; 1 filling up.")

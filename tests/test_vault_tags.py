"""Rules that know their vaults by tags: looked up when an event means them, and only then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from handlers.envelope import Envelope
from handlers.inventory import KEPT_SECONDS
from handlers.outcome import Created, Failed, Later, Outcome, Refused
from handlers.sandbox import estate
from handlers.service import Service
from tests.scripted import CREATE, World, fails, world_in

VAULTS = ("GET", r"/vaults\?")
BACKUP = 'vault_tags = { backup = "yes" }'
ERP, FILES, EMPTY = estate.ERP_VAULT_ID, estate.FILES_VAULT_ID, estate.EMPTY_VAULT_ID


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with world_in(tmp_path) as made:
        yield made


def tagged(world: World, which: str = BACKUP, more: str = "") -> Service:
    """The timer's rule, with tags in place of names."""
    world.write_rules(more=more)
    file = world.folder / "rules.toml"
    file.write_text(file.read_text("utf-8").replace('vaults = ["files"]', which), "utf-8")
    return world.service()


def looked(world: World) -> int:
    return sum(each.method == "GET" and each.path.endswith("/vaults") for each in world.sandbox.exchanges)


def alert(service: Service, **labels: str) -> list[Outcome]:
    document = {"alerts": [{"status": "firing", "labels": {"alertname": "A", **labels}}]}
    return service.handle(Envelope("alert", "lambda", "delivery-2", document, 60.0)).outcomes


ALERTS = f"""
[senders.am]
dialect = "alertmanager"
proof = "platform"
[[rules]]
name = "by-alert"
sender = "am"
match = {{ severity = "critical" }}
{BACKUP}
"""


def test_every_vault_that_carries_the_tags_gets_one(world: World) -> None:
    outcomes = world.fire(tagged(world)).outcomes
    assert [type(each) for each in outcomes] == [Created, Created]
    assert {(each.vault, each.vault_id) for each in outcomes} == {("erp", ERP), ("files", FILES)}
    assert {post.body["checkpoint"]["vault_id"] for post in world.posts()} == {ERP, FILES}


@pytest.mark.parametrize(
    ("which", "wanted"),
    [
        ('vault_tags = { backup = "yes", team = "erp" }', {ERP}),
        ('vault_tags = { team = "*" }', {ERP, FILES, EMPTY}),
        ('vault_tags = { team = "f*s" }', {FILES}),
    ],
)
def test_all_tags_must_be_there_and_a_star_stands_for_any_text(world: World, which: str, wanted: set[str]) -> None:
    assert {each.vault_id for each in world.fire(tagged(world, which)).outcomes} == wanted


def test_the_cause_is_the_one_a_rule_with_names_would_give(world: World) -> None:
    names = {each.vault_id: each.name for each in world.fire(tagged(world)).outcomes}
    world.write_rules()
    (planned,) = world.planned(world.service())
    assert names[FILES] == planned.name


def test_the_same_event_again_joins(world: World) -> None:
    service = tagged(world)
    assert len(world.fire(service).outcomes) == 2
    assert [each.word for each in world.fire(service).outcomes] == ["joined", "joined"]
    assert len(world.posts()) == 2
    assert looked(world) == 1
    world.clock.forward(KEPT_SECONDS + 1)
    world.fire(service)
    assert looked(world) == 2


def test_no_vault_carries_them(world: World) -> None:
    delivered = world.fire(tagged(world, 'vault_tags = { team = "nobody" }'))
    (outcome,) = delivered.outcomes
    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.trigger, outcome.delivery_id) == ("no_vault_tagged", "timer", "delivery-1")
    assert "team = 'nobody'" in outcome.message
    assert delivered.answer.status == 200
    assert [message["subject"] for message in world.sandbox.published] == ["Restore point FAILED (no_vault_tagged)"]


def test_a_look_that_fails_loses_nothing_in_silence(world: World) -> None:
    service = tagged(world)
    world.door.on(VAULTS, fails("9910", 500))
    delivered = world.fire(service)
    (outcome,) = delivered.outcomes
    assert isinstance(outcome, Later)
    assert (outcome.reason, outcome.durable) == ("vaults_unknown", False)
    assert (delivered.answer.status, delivered.answer.again) == (503, True)
    assert world.posts() == []
    assert [each.word for each in world.fire(service).outcomes] == ["created", "created"]


def test_a_right_that_is_missing_is_told(world: World) -> None:
    service = tagged(world)
    world.door.on(VAULTS, *[fails("9998", 500)] * 2)
    (outcome,) = world.fire(service).outcomes
    assert isinstance(outcome, Failed)
    assert "cbr:vaults:list" in outcome.message


def test_the_other_rules_of_the_delivery_are_not_held_up(world: World) -> None:
    more = '[[rules]]\nname = "by-name"\ntimer = "nightly"\nvaults = ["empty"]\n'
    service = tagged(world, more=more.replace("empty", "erp"))
    world.door.on(VAULTS, fails("9910", 500))
    words = {(each.rule, each.word) for each in world.fire(service).outcomes}
    assert ("by-name", "created") in words
    assert "later" in {word for _, word in words}
    assert len(world.posts()) == 1


def test_what_means_no_such_rule_asks_nothing(world: World) -> None:
    service = tagged(world, more=ALERTS)
    (outcome,) = alert(service, severity="warning")
    assert outcome.reason == "no_rule"
    assert world.sandbox.exchanges == []


def test_a_label_chooses_among_the_tagged_and_no_other(world: World) -> None:
    service = tagged(world, more=ALERTS)
    (refused,) = alert(service, severity="critical", vault_id=EMPTY)
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.http) == ("vault_not_listed", 403)
    assert world.posts() == []
    (created,) = alert(service, severity="critical", vault_id=FILES)
    assert (created.word, created.vault_id) == ("created", FILES)
    assert [post.body["checkpoint"]["vault_id"] for post in world.posts()] == [FILES]


def test_the_watch_takes_up_what_is_still_tagged(world: World) -> None:
    service = tagged(world, 'vault_tags = { team = "files" }')
    world.door.on(CREATE, fails("6125"))
    assert [each.word for each in world.fire(service).outcomes] == ["later"]
    world.clock.forward(120)
    assert [each.word for each in world.sweep(service).outcomes] == ["created"]


def test_and_not_what_no_longer_is(world: World) -> None:
    world.door.on(CREATE, fails("6125"))
    assert [each.word for each in world.fire(tagged(world, 'vault_tags = { team = "files" }')).outcomes] == ["later"]
    service = tagged(world, 'vault_tags = { team = "erp" }')
    world.clock.forward(120)
    (outcome,) = world.sweep(service).outcomes
    assert (outcome.word, outcome.reason) == ("failed", "no_longer_allowed")
    assert world.posts() == []  # the one that was refused as busy never got past the door


def test_where_the_watch_cannot_ask_the_tags_of_then_count(world: World) -> None:
    service = tagged(world, 'vault_tags = { team = "files" }')
    world.door.on(CREATE, fails("6125"))
    world.fire(service)
    world.clock.forward(KEPT_SECONDS + 120)
    world.door.on(VAULTS, fails("9910", 500))
    assert [each.word for each in world.sweep(service).outcomes] == ["created"]


def test_what_comes_too_late_asks_for_no_vaults_and_is_skipped_aloud(world: World) -> None:
    service = tagged(world, more=ALERTS)
    world.clock.forward(2 * 86400)
    (timer,) = world.fire(service).outcomes
    old = {"status": "firing", "labels": {"severity": "critical"}, "startsAt": "2026-11-20T00:00:00Z"}
    (alarm,) = service.handle(Envelope("alert", "lambda", "delivery-2", {"alerts": [old]}, 60.0)).outcomes
    assert [(each.word, each.reason, each.vault) for each in (timer, alarm)] == [("skipped", "stale", "")] * 2
    assert world.sandbox.exchanges == []


def test_a_one_off_may_name_a_rule_whose_tags_nobody_carries(world: World) -> None:
    more = '[senders.ops]\ndialect = "once"\nproof = "platform"\n'
    more += '[[rules]]\nname = "ops"\nsender = "ops"\nvault_tags = { team = "nobody" }\n'
    service = tagged(world, more=more)
    delivered = service.handle(Envelope("once", "lambda", "delivery-3", {"rule": "ops"}, 60.0))
    assert [(each.word, each.reason) for each in delivered.outcomes] == [("failed", "no_vault_tagged")]
    assert delivered.answer.status == 422
    refused = service.handle(Envelope("once", "lambda", "delivery-4", {"checkpoint": {"vault_id": ERP}}, 60.0))
    assert [each.word for each in refused.outcomes] == ["failed"]
    assert world.posts() == []


def test_names_that_two_vaults_share_are_told_apart(world: World) -> None:
    """The rules call the empty vault erp; the vault that calls itself erp goes by its name and the beginning of its id."""
    world.write_rules()
    file = world.folder / "rules.toml"
    text = file.read_text("utf-8").replace('vaults = ["files"]', 'vault_tags = { team = "erp" }')
    file.write_text(text.replace(ERP, EMPTY, 1).replace(f'[vaults.empty]\nid = "{EMPTY}"\n', ""), "utf-8")
    (created,) = world.fire(world.service()).outcomes
    assert (created.vault, created.vault_id) == (f"erp-{ERP[:8]}", ERP)

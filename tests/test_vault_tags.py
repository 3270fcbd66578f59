"""Rules that know their vaults by tags: looked up when an event means them, and only then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from handlers.envelope import Envelope
from handlers.inventory import KEPT_SECONDS
from handlers.outcome import Created, Failed, Later, Outcome, Refused
from handlers.sandbox import estate
from handlers.service import Service
from tests.scripted import CREATE, World, executes_and_changes, fails, world_in

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


RULE = """
[timers.nightly]
source = "arn:aws:scheduler:eu-central-1:123456789012:schedule/default/nightly"
[[rules]]
name = "by-tag"
timer = "nightly"
vault_tags = {{ {tags} }}
"""


def test_a_vault_the_rules_do_not_name_goes_by_its_own_name_and_its_id_is_what_counts(world: World) -> None:
    """Without [vaults.…] and [projects.…]: the environment says it all. What a vault is called is anybody's choice."""
    (world.folder / "rules.toml").write_text(RULE.format(tags='team = "erp"'), "utf-8")
    (created,) = world.fire(world.service()).outcomes
    assert (created.word, created.vault, created.vault_id) == ("created", "erp", ERP)
    assert [post.body["checkpoint"]["vault_id"] for post in world.posts()] == [ERP]


def test_two_vaults_of_one_name_are_two_vaults(world: World) -> None:
    """A vault called like another one must not take its place, under the other's rule."""
    (world.folder / "rules.toml").write_text(
        RULE.format(tags='team = "erp"') + RULE.format(tags='team = "lab"').partition('nightly"\n')[2].replace("by-tag", "other"),
        "utf-8",
    )
    tags = [{"key": "team", "value": "lab"}]

    def same_name(page: Any) -> None:
        for vault in page["vaults"]:
            if vault["id"] == FILES:
                vault |= {"name": "erp", "tags": tags}

    world.door.on(VAULTS, executes_and_changes(same_name))
    outcomes = world.fire(world.service()).outcomes
    by_rule = {(each.rule, each.vault_id) for each in outcomes}
    assert by_rule == {("by-tag", ERP), ("other", FILES), ("other", EMPTY)}
    assert {each.vault for each in outcomes if each.vault_id != EMPTY} == {"erp"}


def test_a_project_that_cannot_be_asked_holds_up_no_other(world: World) -> None:
    """And whoever sent this sends it again, for nobody knows what the other one holds."""
    own = f'project_id = "{estate.PROJECT_ID}"\nregion = "{estate.REGION}"\n'
    other = own.replace(estate.PROJECT_ID, "0" * 32)
    text = f"[projects.here]\n{own}[projects.there]\n{other}" + RULE.format(tags='team = "erp"')
    (world.folder / "rules.toml").write_text(text, "utf-8")
    delivered = world.fire(world.service())
    assert sorted((each.word, each.reason) for each in delivered.outcomes) == [
        ("created", "accepted"),
        ("failed", "vaults_unknown"),
    ]
    assert [post.body["checkpoint"]["vault_id"] for post in world.posts()] == [ERP]
